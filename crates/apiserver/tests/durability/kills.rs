//! Kills at random instants, under load and while starting.

use super::child;
use super::follower::Follower;
use super::model::Model;
use super::requests::define_widgets;
use super::writer::Writer;
use crate::support::run;
use std::path::Path;
use std::time::Duration;

/// How many times the process is killed; the gate asks for 300.
const KILLS: &str = "TRUEUP_DURABILITY_KILLS";
const DEFAULT_KILLS: u64 = 30;
/// The seed of the instants and of the writes.
const SEED: &str = "TRUEUP_DURABILITY_SEED";
const WRITERS: usize = 8;
/// One kill in so many comes while the process starts.
const KILL_AT_START: u64 = 5;
const LONGEST_START_MS: u64 = 40;
const LONGEST_LOAD_MS: u64 = 160;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn kills_at_random_instants_lose_no_acknowledged_write_and_tear_none() {
    let kills = number(KILLS, DEFAULT_KILLS);
    let seed = number(SEED, 1);
    let folder = tempfile::tempdir().unwrap();
    let mut run_of_kills = Run {
        folder: folder.path(),
        random: fastrand::Rng::with_seed(seed),
        model: Model::default(),
        follower: Follower::default(),
    };
    for round in 0..kills {
        if run_of_kills.random.u64(..KILL_AT_START) == 0 {
            run_of_kills.kill_at_start();
        } else {
            run(run_of_kills.kill_under_load(round));
        }
    }
    let Run {
        model, follower, ..
    } = &run_of_kills;
    println!(
        "{kills} kills, seed {seed}: {} writes acknowledged, none lost; watches went on {} times, were gone {} times",
        model.acknowledged, follower.went_on, follower.gone
    );
    assert!(
        model.acknowledged > kills,
        "something was written before the kills"
    );
}

struct Run<'a> {
    folder: &'a Path,
    random: fastrand::Rng,
    model: Model,
    follower: Follower,
}

impl Run<'_> {
    fn kill_at_start(&mut self) {
        let child = child::spawn(self.folder);
        std::thread::sleep(Duration::from_micros(
            self.random.u64(..LONGEST_START_MS * 1000),
        ));
        child::kill(child);
    }

    async fn kill_under_load(&mut self, round: u64) {
        let mut child = child::spawn(self.folder);
        let client = child::client(&mut child);
        if self.model.acknowledged == 0 {
            define_widgets(&client).await;
        }
        self.model.check(&client, round).await;
        self.follower.catch_up(&client, round).await;
        let (states, seen) = (&self.model.states, self.model.revision);
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| Writer::new(number, states, seen, self.random.u64(..)))
            .map(|writer| tokio::spawn(writer.run(client.clone())))
            .collect();
        let follower = tokio::spawn(std::mem::take(&mut self.follower).follow(client.clone()));
        tokio::time::sleep(Duration::from_micros(
            self.random.u64(..LONGEST_LOAD_MS * 1000),
        ))
        .await;
        child::kill(child);
        for writer in writers {
            let writer = writer.await.unwrap();
            self.model.states.extend(writer.states);
            self.model.acknowledged += writer.acknowledged;
            self.model.revision = self.model.revision.max(writer.revision);
        }
        self.follower = follower.await.unwrap();
        self.model.revision = self.model.revision.max(self.follower.greatest());
    }
}
