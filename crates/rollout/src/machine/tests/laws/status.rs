//! Laws of the status.

use super::super::world::World;
use super::{
    Left, Watchman, consent, is_approved, is_other_revision, is_promotion, is_rest, is_run,
    is_watched, strategy,
};
use crate::machine::{Readiness, Request};
use jiff::SignedDuration;
use trueup_kinds::canary::{CanaryStatus, PendingStep, Phase, Strategy, TOTAL_WEIGHT, WebhookType};

/// How many iterations a run with Services alone has where none are given.
const DEFAULT_ITERATIONS: i64 = 10;

impl Watchman {
    pub(super) fn check_status(&mut self, world: &World) {
        let (old, new) = (std::mem::take(&mut self.stored), &world.status);
        self.check(
            old.phase == new.phase || may_become(old.phase, new.phase),
            "a phase followed another that can't",
        );
        let tells_weight = old.routed_weight != new.routed_weight && world.routes.is_some();
        self.check(
            !tells_weight || self.is_by_hand || new.routed_weight == Some(world.live_weight()),
            "the status tells of weights that the routes don't have",
        );
        if new.routed_weight == Some(world.live_weight()) {
            self.is_by_hand = false;
        }
        self.follow_routed_weight(world, &old);
        self.check(
            new.iterations <= old.iterations + 1 || !world.primary_serves(),
            "iterations were left out",
        );
        self.check_promoted(world);
        self.check_waiting(&old, new);
        self.check_given_up(world, &old);
        if begins(&old, new) {
            self.check_start(world, &old);
        }
        if new.pending_step == Some(PendingStep::Promote) && old.pending_step != new.pending_step {
            self.check_decision(world, &old);
        }
        self.keep(world, &old);
        self.stored = world.status.clone();
    }

    /// What somebody had set by hand already is not set again.
    fn follow_routed_weight(&mut self, world: &World, old: &CanaryStatus) {
        let new = &world.status;
        if old.routed_weight == new.routed_weight {
            return;
        }
        let stands_in = new.routed_weight == Some(TOTAL_WEIGHT) && !world.primary_serves();
        if stands_in && self.left.is_none() {
            self.left = Some(Left {
                weight: old.routed_weight.unwrap_or_default(),
                run: self.run,
                at: world.now,
            });
        }
        self.run = new.run_started_time;
    }

    /// The status says truly what the primary is a copy of, or nothing; but for
    /// the time in which it becomes another.
    fn check_promoted(&self, world: &World) {
        let status = &world.status;
        let is_changing = status.phase.is_initial()
            || is_promotion(status.phase)
            || status.phase == Phase::Terminating
            || matches!(
                status.pending_step,
                Some(PendingStep::Promote | PendingStep::AwaitPrimary)
            );
        let primary = world.primary.as_ref().map(|it| it.template.as_str());
        let promoted = status.last_promoted_spec.as_str();
        let is_over = matches!(status.phase, Phase::Initialized | Phase::Succeeded);
        let is_unknown = promoted.is_empty() && !is_over;
        self.check(
            is_changing || is_unknown || primary == Some(promoted),
            "the primary is not what was promoted",
        );
    }

    /// A target that has gone back while a run of another revision waited for
    /// consent is what it was before that.
    fn check_waiting(&self, old: &CanaryStatus, new: &CanaryStatus) {
        let is_over = old.phase == Phase::Waiting && old.pending_step.is_none();
        let is_promoted = new.last_applied_spec == new.last_promoted_spec
            && old.routed_weight.unwrap_or_default() == 0
            && old.canary_weight == 0;
        self.check(
            !is_over || new.phase != Phase::Succeeded || is_promoted,
            "a revision that has failed has succeeded",
        );
        self.check(
            !is_over || new.phase != Phase::Failed || !is_promoted,
            "a revision that is promoted has failed",
        );
    }

    /// A promotion gets its time.
    fn check_given_up(&mut self, world: &World, old: &CanaryStatus) {
        let phase = world.status.phase;
        if phase == Phase::Promoting && old.phase != phase {
            self.promoting_since = Some(world.now);
        }
        let is_given_up = is_promotion(old.phase) && phase == Phase::Failed;
        let deadline = world.spec.progress_deadline_or_default();
        let deadline = SignedDuration::try_from(deadline).expect("a deadline");
        let is_late = self
            .promoting_since
            .is_some_and(|since| world.now >= since + deadline);
        let primary = world
            .primary
            .as_ref()
            .map(|it| it.seen(world.now).readiness);
        let is_hopeless = matches!(primary, Some(Readiness::Failed(_)));
        self.check(
            !is_given_up || is_late || is_hopeless,
            "a promotion was given up before its time",
        );
        self.keep_left(world, old);
    }

    /// What was left is over with the run, or where the primary is not waited
    /// for any longer.
    fn keep_left(&mut self, world: &World, old: &CanaryStatus) {
        let status = &world.status;
        let is_whole = is_run(status.phase) && status.canary_weight == TOTAL_WEIGHT;
        let is_over = !is_run(status.phase) && !is_promotion(status.phase);
        let begins = status.phase == Phase::Promoting && old.phase != Phase::Promoting;
        let is_ended = status.routed_weight != Some(TOTAL_WEIGHT)
            && status.pending_step != Some(PendingStep::StandIn);
        if is_whole || is_over || is_ended || begins {
            self.left = None;
        }
    }

    fn check_start(&self, world: &World, old: &CanaryStatus) {
        self.check_failed(world, "a revision that has failed is watched again");
        self.check(
            consent(world, WebhookType::ConfirmRollout) || is_approved(world, old),
            "a run began behind a closed gate",
        );
    }

    /// A run has succeeded when it has taken all of its steps.
    fn check_decision(&self, world: &World, old: &CanaryStatus) {
        let analysis = &world.spec.analysis;
        let all = match analysis.iterations {
            given if given > 0 => given,
            _ => DEFAULT_ITERATIONS,
        };
        let weight = old.routed_weight.unwrap_or_default();
        let is_whole = match strategy(world) {
            Strategy::Canary => weight >= analysis.max_weight_or_default(),
            Strategy::AbTesting => old.iterations >= all,
            Strategy::BlueGreen => old.iterations > all,
        };
        let is_free = self.is_asked || world.spec.skip_analysis || old.phase.is_initial();
        self.check(is_free || is_whole, "a run ended before its last step");
        self.check(
            is_free || !is_watched(world) || self.passes > 0,
            "a revision is promoted that nobody has watched",
        );
        self.check(
            is_free || consent(world, WebhookType::ConfirmPromotion) || is_approved(world, old),
            "a revision was promoted through a closed gate",
        );
    }

    fn keep(&mut self, world: &World, old: &CanaryStatus) {
        let status = &world.status;
        let has_failed = status.phase == Phase::Failed && old.phase != Phase::Failed;
        // What has changed meanwhile is another revision.
        let is_same = !is_other_revision(world);
        if has_failed && old.phase != Phase::Waiting && is_same {
            self.failed = Some(status.last_applied_spec.to_string());
        }
        let request = Request::of(&world.metadata).map(|it| it.text);
        let is_open = request.is_some_and(|it| it != status.last_handled_request);
        if is_rest(status.phase) && status.phase != Phase::Waiting && !is_open {
            self.is_asked = false;
        }
        if status.phase == Phase::Progressing && status.run_started_time != old.run_started_time {
            self.passes = 0;
        }
    }
}

/// Whether a run is decided on by this write: what is done about it comes in
/// later ones, when the consent may have been used up.
fn begins(old: &CanaryStatus, new: &CanaryStatus) -> bool {
    let was_decided = old.pending_step == Some(PendingStep::ScaleUp);
    let is_decided = new.pending_step == Some(PendingStep::ScaleUp);
    let is_under_way = new.phase == Phase::Progressing && is_rest(old.phase);
    !was_decided && (is_decided || is_under_way)
}

fn may_become(old: Phase, new: Phase) -> bool {
    let by_strategy = match old {
        Phase::Unset => new == Phase::Initializing,
        Phase::Initializing => new == Phase::Initialized,
        Phase::Initialized | Phase::Succeeded | Phase::Failed => {
            matches!(new, Phase::Waiting | Phase::Progressing)
        }
        Phase::Waiting => matches!(new, Phase::Progressing | Phase::Succeeded | Phase::Failed),
        Phase::Progressing => matches!(
            new,
            Phase::WaitingPromotion | Phase::Promoting | Phase::Succeeded | Phase::Failed
        ),
        Phase::WaitingPromotion => {
            matches!(new, Phase::Progressing | Phase::Promoting | Phase::Failed)
        }
        Phase::Promoting => matches!(new, Phase::Finalising | Phase::Failed),
        Phase::Finalising => matches!(new, Phase::Succeeded | Phase::Failed),
        Phase::Terminating | Phase::Terminated => false,
    };
    by_strategy || new == Phase::Terminating
}
