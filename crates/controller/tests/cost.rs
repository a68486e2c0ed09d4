//! What it costs: requests grow with the number of objects, no faster.

use super::world::{World, map};
use std::time::Duration;
use trueup_object::value;
use trueup_testkit::virtual_time;

/// What the controllers asked of the API, and rendered.
#[derive(Debug)]
struct Cost {
    /// Requests until everything is ready.
    converged: u64,
    /// For one push that touches one folder.
    pushed: u64,
    /// Renders for that push.
    renders: u64,
    /// In ten minutes of rest.
    at_rest: u64,
    /// Of new controllers until they rest.
    restarted: u64,
}

/// Folders with one object each, the first with this text in it.
fn files(count: usize, first: &str) -> Vec<(String, String)> {
    let file = |index: usize| {
        let text = if index == 0 { first } else { "same" };
        let object = map(&format!("m{index}"), &[("key", text)]);
        (format!("app{index}/map.yaml"), object)
    };
    (0..count).map(file).collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = files.iter();
    pairs
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect()
}

/// How often a render was made because none was remembered.
fn renders(world: &World) -> u64 {
    let text = world.controller.metrics_text();
    let misses = text.lines().filter(|line| line.contains("cache_miss"));
    misses
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

async fn settled(world: &World, count: usize, revision: &str) -> u64 {
    for index in 0..count {
        world.applied(&format!("app{index}"), revision).await;
    }
    world.rest().await;
    world.faults.request_count()
}

fn cost(count: usize) -> Cost {
    virtual_time(async {
        let mut world = World::new(31).await;
        let revision = world.commit("first", &borrowed(&files(count, "one")));
        world.repository().await;
        for index in 0..count {
            let (name, path) = (format!("app{index}"), format!("./app{index}"));
            world
                .kustomization(&name, &path, value!({"interval": "1m"}))
                .await;
        }
        let converged = settled(&world, count, &revision).await;
        let rendered = renders(&world);
        let revision = world.push("second", &borrowed(&files(count, "two")));
        let pushed = settled(&world, count, &revision).await;
        let renders = renders(&world) - rendered;
        tokio::time::sleep(Duration::from_secs(600)).await;
        let rested = world.faults.request_count();
        world.restart().await;
        let restarted = settled(&world, count, &revision).await;
        Cost {
            converged,
            pushed: pushed - converged,
            renders,
            at_rest: rested - pushed,
            restarted: restarted - rested,
        }
    })
}

#[test]
fn requests_grow_with_the_number_of_kustomizations_and_rest_costs_none() {
    let (few, many) = (cost(8), cost(32));
    eprintln!("8: {few:?}\n32: {many:?}");
    assert!(many.converged <= 4 * few.converged);
    // The source and its event, the changed object twice, its owner and
    // event; one patch for each other Kustomization.
    assert!(many.pushed <= 32 + 12, "{} for a push", many.pushed);
    assert_eq!((few.renders, many.renders), (1, 1));
    assert_eq!(
        many.at_rest, few.at_rest,
        "only watches that are opened anew"
    );
    let more = many.restarted - few.restarted;
    assert_eq!(more, 24, "one dry-run of each object after a restart");
}
