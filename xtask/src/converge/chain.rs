//! Kustomizations in a row, each of which waits for the one before.

use super::fleet;
use super::measure::{create, is_ready, wait_for_all};
use super::world::World;
use std::cell::Cell;
use tokio::time::Instant;
use trueup_cluster::CounterSnapshot;

/// What the chain took.
pub struct Chain {
    /// How many there are.
    pub count: usize,
    /// From the first one's Ready to the last one's.
    pub first_to_last_ms: f64,
    /// What the controllers asked for meanwhile and before, from nothing.
    pub requests: CounterSnapshot,
}

/// Creates a chain in a cluster of its own, the last one first, and waits
/// until all are Ready.
pub async fn chain(count: usize) -> Result<Chain, String> {
    let world = World::make(count).await?;
    let counted = world.cluster.counters();
    create(
        &world.person,
        world.url(),
        (0..count).rev().map(fleet::dependent),
    )
    .await?;
    let first = Cell::new(None);
    wait_for_all(&world.person, count, |object| {
        let ready = is_ready(object);
        if ready && first.get().is_none() {
            first.set(Some(Instant::now()));
        }
        ready
    })
    .await?;
    let took = first.get().map(|first| first.elapsed());
    let requests = world.cluster.counters().since(&counted);
    world.controllers.kill();
    Ok(Chain {
        count,
        first_to_last_ms: took.unwrap_or_default().as_secs_f64() * 1e3,
        requests,
    })
}
