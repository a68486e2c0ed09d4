//! Worlds in which something has happened already.

use super::shell::{Diary, after, live_until};
use super::world::World;
use trueup_kinds::canary::Phase;
use trueup_object::{Value, value};

/// A canary in steps of ten.
pub(super) fn spec() -> Value {
    value!({"analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10, "maxWeight": 50}})
}

/// A world whose primary serves `v1`.
pub(super) fn initialized() -> World {
    initialized_with(&spec())
}

/// The same, of a `Canary` with these fields.
pub(super) fn initialized_with(fields: &Value) -> World {
    let mut world = World::new(fields);
    live_to(&mut world, 60);
    assert_eq!(world.status.phase, Phase::Initialized);
    world
}

/// A world in which `v2` has got its first share, if it gets one.
pub(super) fn watched() -> World {
    watched_with(&spec())
}

/// The same, of a `Canary` with these fields.
pub(super) fn watched_with(fields: &Value) -> World {
    let mut world = initialized_with(fields);
    world.push("v2");
    live_to(&mut world, 80);
    world
}

/// Lets everything happen up to a second.
pub(super) fn live_to(world: &mut World, second: i64) {
    let end = after(world, second);
    live_until(world, &mut Diary::default(), end);
}
