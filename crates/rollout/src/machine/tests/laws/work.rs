//! Laws of copies, Pods and suspension.

use super::super::world::World;
use super::{Watchman, is_promotion};
use crate::machine::Command;
use trueup_kinds::canary::PendingStep;

impl Watchman {
    pub(super) fn check_copy(&self, world: &World) {
        let status = &world.status;
        self.check_failed(world, "a revision that has failed was promoted");
        if status.phase.is_initial() {
            return;
        }
        let is_decided = status.pending_step == Some(PendingStep::Promote);
        self.check(is_decided, "a promotion was begun that nobody knows of");
    }

    pub(super) fn check_scale_down(&self, world: &World) {
        self.check(
            world.live_weight() == 0,
            "Pods were taken away that have traffic",
        );
        let phase = world.status.phase;
        let is_handover = phase.is_initial()
            || is_promotion(phase)
            || world.status.pending_step == Some(PendingStep::AwaitPrimary);
        self.check(
            !is_handover || (world.is_primary_ready() && world.primary_serves()),
            "Pods were taken away before the primary was ready",
        );
        self.check(
            !phase.is_initial() || world.apex_leads_to_primary,
            "Pods were taken away that the apex Service leads to",
        );
    }

    /// Whoever stands still changes nothing.
    pub(super) fn check_suspension(&self, world: &World, command: &Command) {
        let is_quiet = match command {
            Command::Event(_) | Command::AddFinalizer | Command::RemoveFinalizer => true,
            Command::WriteStatus(status) => {
                status.phase == self.stored.phase
                    && status.routed_weight == self.stored.routed_weight
            }
            _ => false,
        };
        let stands = world.spec.suspend && !world.metadata.is_deleting();
        self.check(!stands || is_quiet, "something was done while suspended");
    }
}
