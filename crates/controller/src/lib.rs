//! Queue, machine and shells: what makes a cluster match its declaration.
//!
//! Floor 7. The [`machine`] decides without I/O what is worked on, when and
//! in which order; the runtime drives it and starts a shell for each object:
//! observe (reads) → decide (pure) → act (writes) → report. What the shells
//! have to say is published as immutable snapshots and a numbered feed
//! ([`ControllerHandle`]).

// One test binary: what tests this crate from outside stands in it as well.
#[cfg(test)]
extern crate self as trueup_controller;
#[cfg(test)]
#[path = "../tests/main.rs"]
mod tests;

mod canary;
mod clock;
mod clusters;
mod context;
mod elsewhere;
mod external_artifact;
mod git_repository;
mod kustomization;
mod live;
pub mod machine;
mod metrics;
mod model;
mod objects;
mod outcome;
mod reports;
mod resources;
mod runtime;
mod start;
mod status;
mod suspension;
mod turns;

pub use canary::{CanaryOptions, CanaryService, DEFAULT_METRICS_SERVER, DefaultAlerts};
pub use clock::Clock;
pub use context::{CrossNamespace, Rendering};
pub use elsewhere::{MAX_FETCHES_AT_ONCE, MAX_REMOTE_TIMEOUT_MS, RemoteBases};
pub use external_artifact::{ExternalArtifacts, MAX_DOWNLOADS_AT_ONCE, MAX_DOWNLOADS_OF_NAMESPACE};
pub use metrics::METRICS_CONTENT_TYPE;
pub use model::{Activity, FEED_CAPACITY, Numbered, ObjectSnapshot, Snapshot};
pub use objects::normalised_url;
pub use reports::{LogSink, NoLog, StandardErrorLog};
pub use runtime::Load;
pub use start::{
    Controller, ControllerHandle, ControllerOptions, LeaderElection, REQUEUE_DEPENDENCY_MS,
    SHUTDOWN_GRACE_MS,
};
pub use trueup_plan::DependencyCheck;
pub use trueup_render::{Answers, AskedNeed, Strictness};
