//! The status of a StatefulSet.

use super::View;
use super::revisions::REVISION_LABEL;
use crate::action::Decision;
use crate::pods::{phase, tally};
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

impl View<'_> {
    /// The status as it should be; the decision wakes when the next Pod
    /// becomes available.
    pub(super) fn status(&self, decision: &mut Decision) -> Value {
        let running = |pod: &&LiveObject| phase(pod.value()) == "Running";
        let pods = self.pods.iter().map(|(_, pod)| *pod);
        let counts = tally(pods.filter(running), self.min_ready_s, self.setting.now);
        decision.wake(counts.next);
        let total = self.count(|_| true);
        let updated = self.count_of(self.revisions.update);
        let (mut current, mut at) = (
            self.count_of(self.revisions.current),
            self.revisions.current,
        );
        let all = self.replicas;
        // An update is over when every Pod is of the new revision and ready.
        if self.is_rolling() && updated == all && counts.ready == all && total == all {
            (current, at) = (updated, self.revisions.update);
        }
        let collisions = self.live.value().i64_at(&["status", "collisionCount"]);
        value!({
            "observedGeneration": (self.live.generation()),
            "replicas": total,
            "readyReplicas": (counts.ready),
            "availableReplicas": (counts.available),
            "currentReplicas": current,
            "updatedReplicas": updated,
            "currentRevision": (at.name().clone()),
            "updateRevision": (self.revisions.update.name().clone()),
            "collisionCount": (collisions.unwrap_or(0)),
        })
    }

    fn is_rolling(&self) -> bool {
        self.spec.str_at(&["updateStrategy", "type"]) == Some("RollingUpdate")
    }

    fn count(&self, counts: impl Fn(&LiveObject) -> bool) -> i64 {
        let count = self.pods.iter().filter(|(_, pod)| counts(pod)).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// Pods of a revision that are not about to go.
    fn count_of(&self, revision: &LiveObject) -> i64 {
        self.count(|pod| {
            pod.deletion_timestamp().is_none() && pod.label(REVISION_LABEL) == Some(revision.name())
        })
    }
}
