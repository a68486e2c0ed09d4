//! Going on where Flagger, or an older version of ours, has stopped.

use super::TargetChange;
use super::turn::Turn;
use trueup_kinds::canary::Phase;

/// Fills in what the status of a run does not say, and what it should
/// remember of a target that starts no run.
pub(super) fn take_over(turn: &mut Turn<'_>) {
    if turn.state.phase.is_initial() {
        return;
    }
    if let (None, Some(live)) = (turn.state.routed_weight, turn.live_routes()) {
        let is_under_way = turn.state.phase.is_under_way();
        turn.state.mirrored = is_under_way && live.mirrored == Some(true);
        turn.state.routed_weight = Some(match turn.state.phase {
            _ if is_under_way => live.canary_weight,
            Phase::Failed => turn.state.canary_weight,
            _ => 0,
        });
    }
    if turn.state.phase.is_under_way() && turn.state.run_started_time.is_none() {
        let written = turn.state.last_transition_time.unwrap_or(turn.now);
        turn.state.run_started_time = Some(written);
        turn.state.last_step_time = Some(written);
    }
    let Some(target) = turn.target() else {
        return;
    };
    if let (Some(tracking), false) = (&target.tracking, target.change == TargetChange::New) {
        turn.state.last_applied_spec = tracking.last_applied_spec.clone();
        turn.state.last_promoted_spec = tracking.last_promoted_spec.clone();
        turn.state.last_tracked_revision = tracking.last_tracked_revision.clone();
    }
}

impl Turn<'_> {
    /// Whether the target is another than the one that was looked at last.
    pub(super) fn has_new_revision(&self) -> bool {
        let Some(target) = self.target() else {
            return false;
        };
        target.change == TargetChange::New || self.has_new_configs()
    }

    fn has_new_configs(&self) -> bool {
        let Some(found) = self.target().and_then(|target| target.configs.as_ref()) else {
            return false;
        };
        match &self.state.tracked_configs {
            Some(tracked) => tracked != found,
            None => !found.is_empty(),
        }
    }

    /// Remembers the target as the one that is looked at.
    pub(super) fn track_target(&mut self) {
        let Some(target) = self.target() else {
            return;
        };
        self.state.last_applied_spec = target.revision.clone();
        self.state.last_tracked_revision = target.tracked.clone();
        if target.configs.is_some() {
            self.state.tracked_configs = target.configs.clone();
        }
        self.state.source_revision = self.seen.source_revision.clone();
    }
}
