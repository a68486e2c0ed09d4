//! The controllers and the simulated node that a laptop's cluster needs:
//! Deployment → ReplicaSet → Pod, StatefulSet, DaemonSet, Job, CronJob, the
//! endpoints of Services, disruption budgets, autoscalers, and Pods that become
//! ready without running anything, or run as processes of this machine
//! ([`process`]).
//!
//! Floor 7; a plain client of the API. Each kind has a pure function from what
//! is observed to what is to be done ([`decide`]); [`run`] watches, asks, and
//! does it. Where the genuine controllers run, only the node is started
//! ([`Parts::NodeOnly`]).

mod action;
mod autoscaler;
mod cache;
mod claim;
mod conditions;
mod correlate;
mod cron;
mod cronjob;
mod daemonset;
mod decide;
mod deployment;
mod difference;
mod disruption;
mod endpoints;
mod history;
mod interest;
mod job;
mod node;
mod node_taints;
mod note;
mod options;
mod placement;
mod pod;
mod pods;
pub mod process;
mod replicaset;
mod rollout;
mod run;
mod statefulset;
mod victims;

pub use action::{Action, Decision};
pub use cache::{Cache, Key, Kind};
pub use decide::{Setting, decide};
pub use endpoints::TriggerTimes;
pub use note::{Involved, Note, Severity};
pub use options::{
    BROKEN_TAG, FAIL_ANNOTATION, NODE_LABEL, Parts, READY_DELAY_MS, WallClock, WorkloadsOptions,
};
pub use run::run;
