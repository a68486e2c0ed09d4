//! Laws of weights.

use super::super::world::World;
use super::{
    LEAST_INTERVAL, Watchman, consent, is_approved, is_other_revision, is_promotion, is_watched,
    says_roll_back,
};
use jiff::SignedDuration;
use trueup_kinds::canary::{PendingStep, Phase, Strategy, TOTAL_WEIGHT, WebhookType};

impl Watchman {
    pub(super) fn check_routing(&mut self, world: &World, weight: i64, is_mirrored: bool) {
        let (canary, primary) = (world.canary_serves(), world.primary_serves());
        let was = world.status.routed_weight.unwrap_or_default();
        // What routes say that are not in force is not seen.
        let is_hidden = !world.are_routes_in_force;
        self.check(world.shifts(), "weights were set where there are none");
        self.check(
            weight <= self.weight || canary,
            "traffic was led to a canary without endpoints",
        );
        self.check(
            weight >= self.weight || primary || !canary || is_hidden,
            "traffic was led to a primary without endpoints",
        );
        self.check(
            weight == was || self.may_follow(world, was, weight),
            "weights moved otherwise than the strategy says",
        );
        self.check(
            !is_mirrored || (world.spec.analysis.mirror && weight == 0),
            "requests were mirrored that should not be",
        );
        self.check(
            weight >= self.weight || self.may_lower(world, was, weight),
            "a weight was lowered without a cause",
        );
        if is_promotion(world.status.phase) {
            self.check_promotion(world, was, weight);
        }
        if weight > was {
            self.check_raise(world, was, weight);
        }
        if weight == 0 && is_other_revision(world) {
            // Another run, which may begin at the same time as the last.
            self.raised = None;
        }
        self.weight = weight;
        self.is_by_hand = false;
    }

    /// Traffic goes back to a primary that is ready, and one that is lost leaves
    /// it to the canary for a while.
    fn check_promotion(&mut self, world: &World, was: i64, weight: i64) {
        let is_ready = world.is_primary_ready() && world.primary_serves();
        let is_free = self.is_by_hand || !world.canary_serves() || is_other_revision(world);
        self.check(
            weight >= self.weight || is_ready || is_free,
            "traffic went back to a primary that was not ready",
        );
        if weight == TOTAL_WEIGHT {
            self.left = self.left.or((was < weight).then_some((was, world.now)));
            return;
        }
        let calm = SignedDuration::try_from(LEAST_INTERVAL).expect("an interval");
        let is_calm = |(_, at)| world.now >= at + calm;
        let is_known = was == TOTAL_WEIGHT;
        self.check(
            weight >= self.weight || is_free || !is_known || self.left.is_none_or(is_calm),
            "traffic went to and fro within the shortest interval",
        );
        self.left = None;
    }

    /// Whether a weight is one that the strategy sets next.
    fn may_follow(&self, world: &World, was: i64, weight: i64) -> bool {
        let analysis = &world.spec.analysis;
        let by_strategy = match world.status.phase {
            Phase::Progressing | Phase::WaitingPromotion => match world.spec.strategy() {
                Strategy::Canary => weight == analysis.next_weight(was),
                Strategy::AbTesting | Strategy::BlueGreen => weight == TOTAL_WEIGHT,
            },
            Phase::Promoting => {
                let left = self.left.map(|(left, _)| left);
                let from = left.unwrap_or(was);
                left == Some(weight) || weight == (from - analysis.step_weight_promotion).max(0)
            }
            _ => false,
        };
        let is_given_up = is_promotion(world.status.phase) && !world.is_primary_ready();
        let is_alone = is_given_up || !world.primary_serves();
        weight == 0 || by_strategy || (weight == TOTAL_WEIGHT && is_alone)
    }

    /// What the machine has led to the canary stays there, unless there is a
    /// reason.
    fn may_lower(&self, world: &World, was: i64, weight: i64) -> bool {
        let status = &world.status;
        let is_run = matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion);
        // A primary that was lost has come back.
        let is_back = self.weight == TOTAL_WEIGHT && weight == was;
        self.is_by_hand
            || is_back
            || !is_run
            || matches!(
                status.pending_step,
                Some(PendingStep::RollBack | PendingStep::AwaitPrimary)
            )
            || world.spec.skip_analysis
            || !world.canary_serves()
            || is_other_revision(world)
    }

    fn check_raise(&mut self, world: &World, was: i64, weight: i64) {
        let status = &world.status;
        let is_run = matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion);
        // Nobody asks where there is nobody else to serve.
        if is_run && world.primary_serves() {
            self.check_step(world, was);
        }
        self.check(
            world.primary_serves() || weight == TOTAL_WEIGHT,
            "a step was taken beside a primary without endpoints",
        );
        self.looks_since_raise = 0;
        // A copy of what the primary can't serve: nobody else is there.
        let is_copy = status.last_applied_spec == status.last_promoted_spec;
        if status.phase == Phase::Failed && is_copy && !world.primary_serves() {
            return;
        }
        self.check_failed(world, "a revision that has failed got traffic again");
        self.check(
            world.spec.autoscaler_ref.is_none() || world.is_held,
            "a primary that loses traffic may lose its replicas, too",
        );
    }

    fn check_step(&mut self, world: &World, was: i64) {
        let status = &world.status;
        let run = status.run_started_time;
        let interval = world.spec.analysis.interval_or_default(LEAST_INTERVAL);
        let interval = SignedDuration::try_from(interval).expect("an interval");
        let is_early = self
            .raised
            .is_some_and(|(same, at)| same == run && world.now < at + interval);
        self.check(!is_early, "a weight was raised before its time");
        self.raised = Some((run, world.now));
        self.check(
            was == 0 || !is_watched(world) || self.looks_since_raise > 0,
            "a weight was raised without a look",
        );
        let is_first = was == 0 && status.iterations == 0 && !status.mirrored;
        let kind = if is_first {
            WebhookType::PreRollout
        } else {
            WebhookType::Rollout
        };
        self.check(consent(world, kind), "a weight was raised against a hook");
        self.check(
            !says_roll_back(world),
            "a weight was raised although a hook wants none",
        );
        let has_gate = world.spec.strategy() == Strategy::Canary && world.shifts();
        let is_gated = has_gate && status.phase == Phase::Progressing && !status.mirrored;
        self.check(
            !is_gated
                || consent(world, WebhookType::ConfirmTrafficIncrease)
                || is_approved(world, status),
            "a weight was raised through a closed gate",
        );
    }
}
