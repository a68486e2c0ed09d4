//! What runs, and how its Pods behave.

use crate::process::ProcessOptions;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use trueup_object::Text;

/// How long a Pod of the demo takes to become ready: long enough to be seen
/// in `kubectl get pods -w`.
pub const READY_DELAY_MS: u64 = 300;

/// A Pod with this annotation never becomes ready; its value is the reason
/// shown, such as `ImagePullBackOff` or `CrashLoopBackOff`.
pub const FAIL_ANNOTATION: &str = "workloads.trueup.dev/fail";

/// An image with this tag can't be pulled.
pub const BROKEN_TAG: &str = "broken";

/// Marks the simulated node.
pub const NODE_LABEL: &str = "workloads.trueup.dev/simulated";

/// The wall clock, for times in statuses.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which parts run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// Controllers and node: for an API server alone.
    #[default]
    All,
    /// The node only: for a cluster with genuine controllers but without
    /// kubelet and scheduler.
    NodeOnly,
    /// The controllers only: for an API server whose Pods somebody else runs,
    /// or nobody.
    ControllersOnly,
}

/// How the workloads behave.
#[derive(Clone)]
pub struct WorkloadsOptions {
    /// Name of the simulated node.
    pub node_name: Text,
    /// Which parts run.
    pub parts: Parts,
    /// From a Pod's creation to its readiness.
    pub ready_delay: Duration,
    /// How often the node renews its Lease; never without. Only clusters
    /// whose node lifecycle controller runs need it.
    pub heartbeat: Option<Duration>,
    /// The wall clock.
    pub wall_clock: WallClock,
    /// How Pods are run as processes of this machine; never without.
    pub processes: Option<Arc<ProcessOptions>>,
}

impl Default for WorkloadsOptions {
    /// For the demo.
    fn default() -> Self {
        Self {
            node_name: "trueup".into(),
            parts: Parts::All,
            ready_delay: Duration::from_millis(READY_DELAY_MS),
            heartbeat: None,
            wall_clock: Arc::new(Timestamp::now),
            processes: None,
        }
    }
}

impl fmt::Debug for WorkloadsOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkloadsOptions")
            .field("node_name", &self.node_name)
            .field("parts", &self.parts)
            .field("ready_delay", &self.ready_delay)
            .finish_non_exhaustive()
    }
}
