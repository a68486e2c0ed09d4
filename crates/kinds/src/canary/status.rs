//! What a `Canary` reports, which is all that is remembered of a run.

use super::{Phase, number};
use crate::Conditions;
use crate::time;
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use trueup_object::Text;

/// How many checks are kept in the status.
pub const MAX_CHECK_RECORDS: usize = 10;

/// What a `Canary` reports. The fields down to `lastTransitionTime` are
/// Flagger's, the others our own: without them a run goes on as Flagger's
/// would.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatus {
    /// How far it is.
    pub phase: Phase,
    /// How many checks failed in this run.
    #[serde(deserialize_with = "number::whole")]
    pub failed_checks: i64,
    /// The canary's weight.
    #[serde(deserialize_with = "number::whole")]
    pub canary_weight: i64,
    /// How many iterations of an A/B or blue/green run are over; one less than
    /// asked for while such a run waits for consent (−1 in a canary run, as in
    /// Flagger).
    #[serde(deserialize_with = "number::whole")]
    pub iterations: i64,
    /// The canary's cookie of the run before.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub previous_session_affinity_cookie: Text,
    /// The canary's cookie of this run.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub session_affinity_cookie: Text,
    /// The primary's cookie of this run.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub primary_session_affinity_cookie: Text,
    /// Digests of the ConfigMaps and Secrets of the target, by
    /// `configmap/NAME` and `secret/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked_configs: Option<BTreeMap<Text, Text>>,
    /// Digest of the target that was looked at last.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub last_applied_spec: Text,
    /// Digest of the target that the primary is a copy of.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub last_promoted_spec: Text,
    /// When the status was written last.
    #[serde(with = "time::api_option", skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// Conditions.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
    /// The generation that this status is about; −1 before the first look.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub observed_generation: i64,
    /// The last handled value of the annotation that asks for a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<Text>,
    /// The last handled value of the annotation that asks for something else.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub last_handled_request: Text,
    /// Which state of the target `lastAppliedSpec` was taken from: a digest
    /// that differs while this is the same means that only the way of
    /// computing it has changed.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub last_tracked_revision: Text,
    /// The revision of the source, such as a Git commit, that the run is about.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub source_revision: Text,
    /// When the run began.
    #[serde(
        serialize_with = "with_milliseconds",
        deserialize_with = "time::api_option::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub run_started_time: Option<Timestamp>,
    /// When the last step of the run was taken.
    #[serde(
        serialize_with = "with_milliseconds",
        deserialize_with = "time::api_option::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_step_time: Option<Timestamp>,
    /// The canary's weight that the routes were set to last: routes that say
    /// something else were changed by somebody else.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub routed_weight: Option<i64>,
    /// Whether the canary gets copies of requests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// What was decided and is not done yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_step: Option<PendingStep>,
    /// How many checks of this run found no data; counted only where they have
    /// a limit of their own.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub no_data_checks: i64,
    /// How many checks of this run could not be made; counted only where they
    /// have a limit of their own.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub errored_checks: i64,
    /// The last checks of this run, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckRecord>,
}

/// What was decided and takes more than one write: a controller that is
/// killed in between goes on with it, whatever it would decide now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingStep {
    /// A run begins: the target gets its Pods.
    ScaleUp,
    /// The run has failed: traffic goes back to the primary.
    RollBack,
    /// The primary becomes a copy of the target: the run has succeeded, or
    /// there was none yet.
    Promote,
    /// The primary is a copy of the target and gets ready, without having lost
    /// its traffic.
    AwaitPrimary,
    /// The primary has no ready endpoints: the canary gets all traffic until it
    /// has some again. `canaryWeight` is what it gets back.
    StandIn,
    /// The run is over: it is told to those who want to know.
    Announce,
}

/// What one look at the canary found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRecord {
    /// When.
    #[serde(with = "time::api")]
    pub time: Timestamp,
    /// The canary's weight at that time.
    #[serde(default, deserialize_with = "number::whole")]
    pub weight: i64,
    /// `Passed`, `Failed`, `NoData` or `Error`.
    pub verdict: Text,
    /// Why it did not pass, or what is to be known although it did.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub message: Text,
    /// What the metrics said, up to the first that did not pass; kept with the
    /// newest look that asked them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<MetricReading>,
}

/// What one metric said, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricReading {
    /// The metric's name.
    pub metric: Text,
    /// Its value, such as `99.52%`, `115ms`.
    pub value: Text,
    /// What passes, such as `at least 99%`; empty where everything does.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub threshold: Text,
    /// The time before the look that the value is about, such as `1m`.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub interval: Text,
}

impl CanaryStatus {
    /// When the last step was taken, as well as it is known: a status that
    /// Flagger wrote has only the time of the last write.
    #[must_use]
    pub fn last_step_or_write(&self) -> Option<Timestamp> {
        self.last_step_time.or(self.last_transition_time)
    }

    /// Adds a check and forgets the oldest ones beyond [`MAX_CHECK_RECORDS`],
    /// and readings that the new one replaces.
    pub fn record(&mut self, check: CheckRecord) {
        if !check.readings.is_empty() {
            for older in &mut self.checks {
                older.readings.clear();
            }
        }
        self.checks.push(check);
        let surplus = self.checks.len().saturating_sub(MAX_CHECK_RECORDS);
        self.checks.drain(..surplus);
    }
}

/// Writes a time with its milliseconds: steps may follow each other faster than
/// the API's times can tell.
fn with_milliseconds<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(&at.round(Unit::Millisecond).unwrap_or(*at)),
        None => serializer.serialize_none(),
    }
}
