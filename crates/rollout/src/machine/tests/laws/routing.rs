//! Laws of weights.

use super::super::workload::Workload;
use super::super::world::World;
use super::{
    LEAST_INTERVAL, Left, Watchman, consent, is_approved, is_other_revision, is_promotion, is_run,
    is_watched, says_roll_back,
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
        self.check_reach(world, weight);
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
        self.follow_stand_in(world, was, weight);
        if weight > was {
            self.check_raise(world, was, weight);
        }
        if weight == 0 && is_other_revision(world) {
            // Another run, which may begin at the same time as the last.
            self.raised = None;
        }
        if weight != was {
            self.run = world.status.run_started_time;
        }
        self.weight = weight;
        self.is_by_hand = false;
    }

    /// No live weight is without endpoints while the other side has some, but
    /// for what `may_keep` says.
    pub(super) fn check_reach(&self, world: &World, weight: i64) {
        let (canary, primary) = (world.canary_serves(), world.primary_serves());
        self.check(
            weight == 0 || canary || !primary,
            "a canary without endpoints has traffic",
        );
        let is_hidden = !world.are_routes_in_force;
        let is_whole = weight == TOTAL_WEIGHT || is_hidden;
        self.check(
            is_whole || primary || !canary || may_keep(world, weight),
            "a primary without endpoints has traffic",
        );
    }

    /// A stand-in begins in a run with what the run had and ends with that, when
    /// the primary can be trusted.
    fn follow_stand_in(&mut self, world: &World, was: i64, weight: i64) {
        if weight == TOTAL_WEIGHT && was < weight && !world.primary_serves() {
            self.left = self.left.or(Some(Left {
                weight: was,
                run: self.run,
                at: world.now,
            }));
        }
        let Some(left) = self.left.filter(|_| weight < TOTAL_WEIGHT) else {
            return;
        };
        if was < TOTAL_WEIGHT {
            // Whoever began it was killed, and nobody knows of it.
            self.left = None;
        }
        if !is_run(world.status.phase) || weight >= self.weight {
            return;
        }
        let is_same_run = left.run == world.status.run_started_time;
        self.check(
            weight == 0 || is_same_run,
            "a revision got a share that another had",
        );
        let is_withdrawn = !world.canary_serves() || is_other_revision(world) || self.is_by_hand;
        let is_ended = world.status.pending_step.is_some() || world.spec.skip_analysis;
        self.check(
            is_withdrawn
                || is_ended
                || !is_same_run
                || self.is_calm(world)
                || self.is_given_up(world),
            "traffic went to and fro within the shortest interval",
        );
        self.check(
            is_withdrawn || is_ended || !is_same_run || weight == left.weight,
            "a primary that came back got another share than it had",
        );
        // What is restored is watched for an interval.
        let restored = (world.status.run_started_time, world.now);
        self.raised = (weight > 0).then_some(restored);
        self.looks_since_raise = 0;
    }

    /// Traffic goes back to a primary that is ready, and one that is lost leaves
    /// it to the canary for a while.
    fn check_promotion(&self, world: &World, was: i64, weight: i64) {
        let is_ready = world.is_primary_ready() && world.primary_serves();
        let is_free = self.is_by_hand || !world.canary_serves() || is_other_revision(world);
        self.check(
            weight >= self.weight || is_ready || is_free,
            "traffic went back to a primary that was not ready",
        );
        let calm = SignedDuration::try_from(LEAST_INTERVAL).expect("an interval");
        let is_calm = |left: Left| world.now >= left.at + calm;
        let is_known = was == TOTAL_WEIGHT;
        self.check(
            weight >= self.weight || is_free || !is_known || self.left.is_none_or(is_calm),
            "traffic went to and fro within the shortest interval",
        );
    }

    /// Whether a weight is one that the strategy sets next; or all traffic,
    /// where the primary has no endpoints and the canary has traffic already,
    /// and afterwards what it had before.
    fn may_follow(&self, world: &World, was: i64, weight: i64) -> bool {
        let analysis = &world.spec.analysis;
        let phase = world.status.phase;
        let left = self.left.map(|left| left.weight);
        let by_strategy = match phase {
            Phase::Progressing | Phase::WaitingPromotion if left.is_some() => left == Some(weight),
            Phase::Progressing | Phase::WaitingPromotion => match world.spec.strategy() {
                Strategy::Canary => weight == analysis.next_weight(was),
                Strategy::AbTesting | Strategy::BlueGreen => weight == TOTAL_WEIGHT,
            },
            Phase::Promoting => {
                let from = left.unwrap_or(was);
                left == Some(weight) || weight == (from - analysis.step_weight_promotion).max(0)
            }
            _ => false,
        };
        let is_given_up = is_promotion(phase) && !world.is_primary_ready();
        let has_traffic = !is_run(phase) || was > 0 || self.is_given_up(world);
        let is_alone = is_given_up || (!world.primary_serves() && has_traffic);
        weight == 0 || by_strategy || (weight == TOTAL_WEIGHT && is_alone)
    }

    /// What the machine has led to the canary stays there, unless there is a
    /// reason.
    fn may_lower(&self, world: &World, was: i64, weight: i64) -> bool {
        let status = &world.status;
        // A primary that was lost has come back.
        let is_back = self.weight == TOTAL_WEIGHT && weight == was;
        self.is_by_hand
            || is_back
            || self.left.is_some()
            || !is_run(status.phase)
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
        // Nobody asks where there is nobody else to serve.
        if is_run(status.phase) && world.primary_serves() {
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

/// Whether a primary without endpoints keeps its share although the canary has
/// some: nobody has judged the canary with live traffic yet, it has failed, or
/// the routes of an A/B test have no weight for those who don't match.
fn may_keep(world: &World, weight: i64) -> bool {
    let status = &world.status;
    match status.phase {
        Phase::Promoting | Phase::Finalising => false,
        Phase::Progressing | Phase::WaitingPromotion => {
            weight == 0
                || status.pending_step == Some(PendingStep::RollBack)
                || world.spec.strategy() == Strategy::AbTesting
        }
        Phase::Failed => {
            let is_promoted = status.last_applied_spec == status.last_promoted_spec;
            let is_ready = world.target.as_ref().is_some_and(Workload::is_ready);
            !is_promoted || !is_ready || is_other_revision(world)
        }
        _ => true,
    }
}
