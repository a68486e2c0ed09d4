//! What the shell saw before it asks for a step.

use super::Answer;
use crate::targets::{Readiness, Tracking};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_kinds::Metadata;
use trueup_kinds::canary::{CanarySpec, FieldError};
use trueup_object::Text;

/// Everything that a step looks at besides the status. It is made after the
/// commands of the step before have taken effect: a copy of the cluster that
/// lags behind its own writes would let a step be taken too early.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The `Canary`'s metadata.
    pub metadata: Metadata,
    /// What it asks for.
    pub spec: CanarySpec,
    /// Settings of the installation.
    pub settings: Settings,
    /// What stands against the `Canary` besides its own fields: a provider
    /// that is not served, an older `Canary` with the same target.
    pub refusals: Vec<FieldError>,
    /// The target.
    pub target: TargetSeen,
    /// The copy of the target that serves.
    pub primary: WorkloadSeen,
    /// The target as a workload.
    pub canary: WorkloadSeen,
    /// The generated objects.
    pub objects: ObjectsSeen,
    /// The routes.
    pub routes: RoutesSeen,
    /// The revision of the source that the target was applied from; empty
    /// where nobody knows.
    pub source_revision: Text,
    /// Answers to the questions of the steps before, in any order. Those that
    /// belong to an earlier round are passed over.
    pub answers: Vec<Answer>,
}

/// Settings of the installation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider of canaries that name none.
    pub default_provider: Text,
    /// The shortest analysis interval; [`MIN_ANALYSIS_INTERVAL`] outside of
    /// tests and demonstrations.
    ///
    /// [`MIN_ANALYSIS_INTERVAL`]: trueup_kinds::canary::MIN_ANALYSIS_INTERVAL
    pub least_interval: Duration,
    /// Whether objects of other namespaces may be referred to.
    pub references: References,
}

/// Whether objects of other namespaces may be referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// They may.
    AcrossNamespaces,
    /// They may not.
    OwnNamespaceOnly,
}

/// The target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSeen {
    /// It can't be read; the text says why.
    Missing(Text),
    /// It is there.
    Found(TargetRevision),
}

/// Which revision the target is of, compared with what the status remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRevision {
    /// The digest of what makes a revision.
    pub revision: Text,
    /// Which state of the target the digest was taken from.
    pub tracked: Text,
    /// What it is to the status.
    pub change: TargetChange,
    /// What the status should remember from now on although no run begins.
    pub tracking: Option<Tracking>,
    /// Digests of the ConfigMaps and Secrets; `None` where they are not
    /// looked at.
    pub configs: Option<BTreeMap<Text, Text>>,
}

/// What the target is to the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetChange {
    /// Neither what was looked at last nor what the primary is a copy of.
    New,
    /// What the primary is a copy of, but not what was looked at last.
    BackToPromoted,
    /// What was looked at last.
    Same,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadSeen {
    /// Whether it is ready.
    pub readiness: Readiness,
    /// How many ready endpoints its Service has; `None` where that means
    /// nothing, as for a target that is itself a Service.
    pub ready_endpoints: Option<u32>,
}

impl WorkloadSeen {
    /// Whether traffic that is sent to it arrives.
    #[must_use]
    pub fn can_serve(&self) -> bool {
        self.ready_endpoints != Some(0)
    }
}

/// Whether a generated object is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is not there.
    Missing,
    /// It is there and differs.
    Differs,
    /// It is as it should be.
    Fits,
}

/// The generated objects. What does not exist for this `Canary` (an
/// autoscaler's copy without an autoscaler) fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectsSeen {
    /// The Services of primary and canary.
    pub services: Fit,
    /// The primary; it fits as soon as it is there.
    pub primary: Fit,
    /// The primary's autoscaler; it fits as soon as it is there.
    pub primary_scaler: Fit,
    /// The apex Service.
    pub apex: Fit,
    /// The routes, apart from their weights.
    pub routes: Fit,
}

/// The routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutesSeen {
    /// The provider shifts no traffic.
    None,
    /// They are not there.
    Missing,
    /// They can't be read or are not in force; the text says why.
    Unusable(Text),
    /// They are in force.
    Live(LiveRoutes),
}

/// What the routes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveRoutes {
    /// The canary's weight, out of a hundred.
    pub canary_weight: i64,
    /// Whether the canary gets copies of requests; `None` where the routes
    /// don't tell.
    pub mirrored: Option<bool>,
}
