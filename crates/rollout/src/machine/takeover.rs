//! Going on where Flagger, or an older version of ours, has stopped.

use super::TargetChange;
use super::turn::Turn;
use crate::targets::configs_changed;
use trueup_kinds::canary::{PendingStep, Phase};
use trueup_object::Text;

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
    if let (Some(tracking), false) = (&target.tracking, turn.is_other_revision()) {
        take_over_configs(turn);
        turn.state.last_applied_spec = tracking.last_applied_spec.clone();
        turn.state.last_promoted_spec = tracking.last_promoted_spec.clone();
        turn.state.last_tracked_revision = tracking.last_tracked_revision.clone();
    }
}

/// Flagger's digests of configurations say nothing of bytes; ours do from now
/// on.
fn take_over_configs(turn: &mut Turn<'_>) {
    let is_flagger_s = turn.state.last_tracked_revision.is_empty();
    if !is_flagger_s || turn.has_new_configs() {
        return;
    }
    if let Some(found) = turn.target().and_then(|target| target.configs.clone()) {
        turn.state.tracked_configs = Some(found);
    }
}

impl Turn<'_> {
    /// Whether the target is another than the one that was looked at last.
    pub(super) fn has_new_revision(&self) -> bool {
        self.is_other_revision() || self.has_new_configs()
    }

    fn is_other_revision(&self) -> bool {
        match self.target().map(|target| target.change) {
            Some(TargetChange::New) => true,
            Some(TargetChange::BackToPromoted) => self.is_primary_changing(),
            Some(TargetChange::Same) | None => false,
        }
    }

    /// Whether the primary is about to become, or is already, a copy of what
    /// was looked at last, and no longer of what was promoted before.
    fn is_primary_changing(&self) -> bool {
        let state = &self.state;
        matches!(state.phase, Phase::Promoting | Phase::Finalising)
            || matches!(
                state.pending_step,
                Some(PendingStep::Promote | PendingStep::AwaitPrimary)
            )
    }

    /// What the primary is a copy of, for the status of a run that begins
    /// while another was about to be promoted; empty where nobody knows.
    pub(super) fn copied_revision(&self) -> Text {
        match self.state.pending_step {
            Some(PendingStep::Promote) => Text::new(),
            Some(PendingStep::AwaitPrimary) => self.state.last_applied_spec.clone(),
            _ => self.state.last_promoted_spec.clone(),
        }
    }

    /// Whether a tracked ConfigMap or Secret is other than when it was looked
    /// at last.
    pub(super) fn has_new_configs(&self) -> bool {
        let found = self.target().and_then(|target| target.configs.as_ref());
        configs_changed(&self.state, found)
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
