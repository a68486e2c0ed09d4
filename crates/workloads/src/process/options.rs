//! How the process node is set up.

use super::images::{ImageMap, Program, UnmappedImages};
use super::logs::ProcessLogs;
use std::time::Duration;
use trueup_object::Value;

/// Processes of containers at once; a container over it waits until another
/// has ended.
pub const MAX_PROCESSES: usize = 256;

/// The pauses before a container that ended is started again. The first
/// restart comes at once; from the second on the pause doubles, and starts
/// anew after twice the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartBackoff {
    /// The pause before the second restart.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Default for RestartBackoff {
    /// The kubelet's: 10 s up to 5 min.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            longest: Duration::from_secs(300),
        }
    }
}

/// How a node runs processes.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// The images that are programs.
    pub images: ImageMap,
    /// What becomes of the other Pods.
    pub unmapped: UnmappedImages,
    /// This binary, with the arguments that make it call
    /// [`supervise`](super::supervise) and nothing else.
    pub supervisor: Program,
    /// Where the output of the processes goes; a clone reads it.
    pub logs: ProcessLogs,
    /// The pauses between restarts.
    pub restart_backoff: RestartBackoff,
    /// Processes at once.
    pub max_processes: usize,
}

impl ProcessOptions {
    /// Runs these images, simulates the others, with the kubelet's pauses.
    #[must_use]
    pub fn new(supervisor: Program, images: ImageMap) -> Self {
        Self {
            images,
            unmapped: UnmappedImages::default(),
            supervisor,
            logs: ProcessLogs::default(),
            restart_backoff: RestartBackoff::default(),
            max_processes: MAX_PROCESSES,
        }
    }

    /// Whether a Pod is run by processes rather than simulated.
    pub(crate) fn takes(&self, pod: &Value) -> bool {
        self.unmapped == UnmappedImages::Refused || self.images.knows_any(pod)
    }
}
