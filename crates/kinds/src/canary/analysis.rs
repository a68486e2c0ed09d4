//! `spec.analysis`: how a new revision is watched.

use super::number;
use super::{CrossNamespaceReference, HttpMatch, SessionAffinity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_gocompat::{GoDuration, parse_duration};
use trueup_object::Text;

/// The interval where none is given or it can't be read.
pub const DEFAULT_ANALYSIS_INTERVAL: Duration = Duration::from_secs(60);
/// The shortest interval, whatever is given.
pub const MIN_ANALYSIS_INTERVAL: Duration = Duration::from_secs(10);
/// The window of a metric where none is given.
pub const DEFAULT_METRIC_INTERVAL: &str = "1m";
/// How long one call of a hook may take where nothing is given.
pub const DEFAULT_WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How many percent of the Pods must be available where nothing is given.
const DEFAULT_READY_THRESHOLD: i64 = 100;

/// How a new revision is watched, and when it has failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryAnalysis {
    /// How far apart two looks are, as given.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub interval: Text,
    /// How often A/B and blue/green look before they promote.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub iterations: i64,
    /// Whether the canary gets copies of requests first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
    /// How many percent of the requests are copied (Istio); all where it is 0.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub mirror_weight: i64,
    /// The greatest weight before promotion, as given.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub max_weight: i64,
    /// By how much the weight rises at each look.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub step_weight: i64,
    /// The weights one after the other.
    #[serde(
        deserialize_with = "number::whole_list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub step_weights: Vec<i64>,
    /// By how much the primary's weight rises at each look of the promotion;
    /// at once where it is 0.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub step_weight_promotion: i64,
    /// How many failed checks end the run, as given.
    #[serde(deserialize_with = "number::whole")]
    pub threshold: i64,
    /// How many percent of the primary's Pods must be available.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub primary_ready_threshold: Option<i64>,
    /// How many percent of the canary's Pods must be available.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub canary_ready_threshold: Option<i64>,
    /// Who is told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<CanaryAlert>,
    /// What is measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<CanaryMetric>,
    /// What is called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<CanaryWebhook>,
    /// Which requests an A/B test sends to the canary.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpMatch>,
    /// Cookies that keep a user with the canary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<SessionAffinity>,
}

impl CanaryAnalysis {
    /// How far apart two looks are: [`DEFAULT_ANALYSIS_INTERVAL`] where
    /// nothing that is a duration is given, and never less than `least`, which
    /// is [`MIN_ANALYSIS_INTERVAL`] outside of tests.
    #[must_use]
    pub fn interval_or_default(&self, least: Duration) -> Duration {
        match parse_duration(&self.interval) {
            Ok(given) => given.to_std().unwrap_or_default().max(least),
            Err(_) => DEFAULT_ANALYSIS_INTERVAL,
        }
    }

    /// How many failed checks end the run: 1 where less is given.
    #[must_use]
    pub fn threshold_or_default(&self) -> i64 {
        self.threshold.max(1)
    }

    /// How many percent of the primary's Pods must be available.
    #[must_use]
    pub fn primary_ready_threshold_or_default(&self) -> i64 {
        self.primary_ready_threshold
            .unwrap_or(DEFAULT_READY_THRESHOLD)
    }

    /// How many percent of the canary's Pods must be available.
    #[must_use]
    pub fn canary_ready_threshold_or_default(&self) -> i64 {
        self.canary_ready_threshold
            .unwrap_or(DEFAULT_READY_THRESHOLD)
    }

    /// The hooks of a type in their order.
    pub fn webhooks_of(&self, kind: WebhookType) -> impl Iterator<Item = &CanaryWebhook> {
        self.webhooks
            .iter()
            .filter(move |webhook| webhook.kind == kind)
    }
}

/// Who is told of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryAlert {
    /// Name.
    pub name: Text,
    /// The least severity that is told.
    pub severity: AlertSeverity,
    /// The `AlertProvider`.
    pub provider_ref: CrossNamespaceReference,
}

/// How much an alert matters; where nothing is said everything is told, as
/// Flagger's documents have it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Worth knowing.
    #[default]
    #[serde(alias = "")]
    Info,
    /// Somebody is waited for.
    Warn,
    /// A run failed.
    Error,
}

/// A measured value and what it must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryMetric {
    /// Name; that of a builtin metric where neither a query nor a template is
    /// given.
    pub name: Text,
    /// The window that is looked at, as given.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub interval: Text,
    /// The older form of a bound.
    #[serde(skip_serializing_if = "number::is_zero_float")]
    pub threshold: f64,
    /// Between which bounds the value must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_range: Option<ThresholdRange>,
    /// The older form of a query.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub query: Text,
    /// The `MetricTemplate` that holds the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_ref: Option<CrossNamespaceReference>,
    /// Variables of the query.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub template_variables: BTreeMap<Text, Text>,
}

/// Bounds of a value, which are themselves good values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThresholdRange {
    /// The least good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// Something that is called at a point of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryWebhook {
    /// When it is called.
    #[serde(rename = "type")]
    pub kind: WebhookType,
    /// Name.
    pub name: Text,
    /// Where.
    pub url: Text,
    /// Whether nobody is told that it waits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mute_alert: bool,
    /// How long one call may take, as given.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub timeout: Text,
    /// What is sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<Text, Text>>,
    /// How often a failed call is tried again.
    #[serde(
        deserialize_with = "number::whole",
        skip_serializing_if = "number::is_zero"
    )]
    pub retries: i64,
    /// Whether certificates are not checked.
    #[serde(rename = "disableTLS", skip_serializing_if = "std::ops::Not::not")]
    pub disable_tls: bool,
}

impl CanaryWebhook {
    /// How long one call may take: [`DEFAULT_WEBHOOK_TIMEOUT`] where nothing
    /// that is a positive duration is given.
    #[must_use]
    pub fn timeout_or_default(&self) -> Duration {
        let given = parse_duration(&self.timeout)
            .ok()
            .and_then(GoDuration::to_std);
        given
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(DEFAULT_WEBHOOK_TIMEOUT)
    }
}

/// When a hook is called.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookType {
    /// At each look, before the metrics; where nothing is said, too.
    #[default]
    #[serde(alias = "")]
    Rollout,
    /// Before the canary is scaled up.
    ConfirmRollout,
    /// Before the canary gets its first traffic.
    PreRollout,
    /// Before each rise of the weight.
    ConfirmTrafficIncrease,
    /// Before promotion.
    ConfirmPromotion,
    /// After the end of a run.
    PostRollout,
    /// At each look; a good answer ends the run.
    Rollback,
    /// At each event.
    Event,
}
