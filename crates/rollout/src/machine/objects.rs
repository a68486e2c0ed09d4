//! Generated objects that are not there or not as they should be.

use super::turn::Turn;
use super::{Command, Fit, Part, RoutesSeen};
use trueup_kinds::canary::Phase;

/// Makes the generated objects as they should be, after the primary has served
/// once. Weights are not touched.
pub(super) fn ensure(turn: &mut Turn<'_>) {
    let objects = turn.seen.objects;
    let may_copy = turn.state.phase != Phase::Failed || turn.has_new_revision();
    let is_served = turn.seen.primary.can_serve();
    for (part, fit, wanted) in [
        (Part::Services, objects.services, true),
        // What is at hand to copy it from is the target, which must not be a
        // revision that has failed.
        (Part::Primary, objects.primary, may_copy),
        (Part::PrimaryScaler, objects.primary_scaler, may_copy),
        (Part::Apex, objects.apex, is_served),
        (Part::Routes, objects.routes, has_routes(turn)),
    ] {
        if fit != Fit::Fits && wanted {
            turn.commands.push(Command::Ensure(part));
        }
    }
}

/// Routes that are missing are made with their weights, in one go.
fn has_routes(turn: &Turn<'_>) -> bool {
    matches!(
        turn.seen.routes,
        RoutesSeen::Live(_) | RoutesSeen::Unusable(_)
    )
}
