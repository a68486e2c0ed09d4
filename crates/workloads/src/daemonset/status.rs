//! The status of a DaemonSet.

use super::View;
use crate::action::Decision;
use crate::placement::{Fit, fit};
use crate::pods::{available_at, is_ready};
use trueup_object::{Value, value};

#[derive(Default)]
struct Counts {
    desired: i64,
    scheduled: i64,
    misscheduled: i64,
    ready: i64,
    available: i64,
    updated: i64,
}

impl View<'_> {
    /// The status as it should be; the decision wakes when the next Pod
    /// becomes available. Of several Pods on a node the first counts.
    pub(super) fn status(&self, decision: &mut Decision) -> Value {
        let mut counts = Counts::default();
        for node in &self.nodes {
            let first = self.placed.get(node.name()).and_then(|pods| pods.first());
            if fit(&self.pod_spec, node) != Fit::Runs {
                counts.misscheduled += i64::from(first.is_some());
                continue;
            }
            counts.desired += 1;
            let Some(pod) = first else { continue };
            counts.scheduled += 1;
            counts.ready += i64::from(is_ready(pod.value()));
            counts.available += i64::from(self.is_available(pod));
            counts.updated += i64::from(self.revisions.is_updated(pod));
            let due = available_at(pod.value(), self.min_ready_s);
            decision.wake(due.filter(|due| *due > self.setting.now));
        }
        value!({
            "observedGeneration": (self.live.generation()),
            "desiredNumberScheduled": (counts.desired),
            "currentNumberScheduled": (counts.scheduled),
            "numberMisscheduled": (counts.misscheduled),
            "numberReady": (counts.ready),
            "numberAvailable": (counts.available),
            "numberUnavailable": (counts.desired - counts.available),
            "updatedNumberScheduled": (counts.updated),
        })
    }
}
