//! Laws of times when nothing is left to do.

use super::super::world::World;
use super::{Watchman, is_other_revision, is_promotion};
use trueup_kinds::canary::{PendingStep, Phase};

impl Watchman {
    /// Where the machine finds nothing to do everything is as it should be.
    pub(super) fn check_rest(&self, world: &World) {
        let status = &world.status;
        if world.spec.suspend || world.metadata.is_deleting() || status.phase.is_initial() {
            return;
        }
        let (canary, primary) = (world.canary_serves(), world.primary_serves());
        let routed = status.routed_weight.unwrap_or_default();
        // What somebody gives by hand where the run gives nothing is no promise.
        let is_gift = self.is_by_hand && routed == 0;
        if world.shifts() && world.are_routes_in_force && !is_gift {
            self.check_reach(world, world.live_weight());
        }
        let can_be_set = world.shifts() && world.are_routes_in_force && canary && primary;
        self.check(
            !can_be_set || routed == world.live_weight(),
            "routes are left that say something else than was set",
        );
        self.check(
            world.apex_leads_to_primary && world.services,
            "Services are missing",
        );
        if status.phase.is_under_way() {
            let limit = world.spec.analysis.threshold_or_default();
            let is_decided = status.pending_step.is_some() || is_promotion(status.phase);
            self.check(
                is_decided || status.failed_checks < limit || world.target.is_none(),
                "a run goes on that has failed",
            );
            return;
        }
        // After a promotion that has failed both are of one revision.
        let is_promoted = status.last_applied_spec == status.last_promoted_spec;
        let can_take = world.is_primary_ready() && primary && world.are_routes_in_force;
        self.check(
            status.phase != Phase::Failed || is_promoted || routed == 0 || !can_take,
            "a revision that has failed keeps its traffic",
        );
        // A run that has begun may have to wait for the primary or its routes.
        let has_begun = status.pending_step == Some(PendingStep::ScaleUp);
        self.check(
            !world.is_held || has_begun,
            "a primary is held that has its traffic",
        );
        // After a failed promotion the canary is kept until the primary is ready.
        let is_spare = world.is_primary_ready() && primary && canary;
        let is_kept = status.phase == Phase::Failed && is_promoted && !is_spare;
        let replicas = world.target.as_ref().map_or(0, |target| target.replicas);
        self.check(
            replicas == 0 || routed > 0 || is_kept || is_other_revision(world) || has_begun,
            "Pods are left that have no traffic",
        );
    }

    /// What must be so when all is over.
    pub(in super::super) fn check_end(&self, world: &World) {
        if world.metadata.is_deleting() {
            return self.check_deletion(world);
        }
        let phase = world.status.phase;
        let templates = [&world.target, &world.primary].into_iter().flatten();
        let mut templates = templates.map(|workload| &workload.template);
        let is_hopeless = templates.any(|template| world.broken.contains(template));
        let is_over = matches!(phase, Phase::Initialized | Phase::Succeeded | Phase::Failed);
        self.check(
            is_over || (phase.is_initial() && is_hopeless),
            "a run has no end",
        );
        self.check(
            phase.is_initial() || world.status.pending_step.is_none(),
            "something is left undone",
        );
        if phase == Phase::Succeeded || phase == Phase::Initialized {
            self.check(world.live_weight() == 0, "a run is over and has traffic");
        }
    }

    fn check_deletion(&self, world: &World) {
        let target = world.target.as_ref().expect("it comes back");
        let is_hopeless = world.broken.contains(&target.template);
        self.check(world.is_gone || is_hopeless, "a deletion has no end");
        let is_served = world.canary_serves() && !world.apex_leads_to_primary;
        self.check(
            !world.is_gone || is_served,
            "a Canary has gone, and nobody serves",
        );
    }
}
