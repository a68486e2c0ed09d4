//! What it costs: requests grow with the number of objects, no faster.

use super::world::{World, map};
use std::time::Duration;
use trueup_object::value;
use trueup_testkit::virtual_time;

/// Requests of the controllers until everything is ready, and then for one
/// push that touches one folder, and in ten minutes of rest.
fn requests(count: usize) -> (u64, u64, u64) {
    virtual_time(async {
        let world = World::new(31).await;
        let files = |changed: &str| -> Vec<(String, String)> {
            let name = |index: usize| format!("m{index}");
            (0..count)
                .map(|index| {
                    let text = if index == 0 { changed } else { "same" };
                    (
                        format!("app{index}/map.yaml"),
                        map(&name(index), &[("key", text)]),
                    )
                })
                .collect()
        };
        let first = files("one");
        let borrowed: Vec<(&str, &str)> = first
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let revision = world.commit("first", &borrowed);
        world.repository().await;
        for index in 0..count {
            world
                .kustomization(
                    &format!("app{index}"),
                    &format!("./app{index}"),
                    value!({"interval": "1m"}),
                )
                .await;
        }
        for index in 0..count {
            world.applied(&format!("app{index}"), &revision).await;
        }
        world.rest().await;
        let converged = world.faults.request_count();
        let second = files("two");
        let borrowed: Vec<(&str, &str)> = second
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let revision = world.push("second", &borrowed);
        for index in 0..count {
            world.applied(&format!("app{index}"), &revision).await;
        }
        world.rest().await;
        let pushed = world.faults.request_count();
        tokio::time::sleep(Duration::from_secs(600)).await;
        (
            converged,
            pushed - converged,
            world.faults.request_count() - pushed,
        )
    })
}

#[test]
fn requests_grow_with_the_number_of_kustomizations_and_rest_costs_none() {
    let (few, few_pushed, few_at_rest) = requests(8);
    let (many, many_pushed, many_at_rest) = requests(32);
    eprintln!("8: {few} {few_pushed} {few_at_rest}, 32: {many} {many_pushed} {many_at_rest}");
    assert!(many <= 4 * few, "{few} requests for 8, {many} for 32");
    // The source and its event, the changed object twice, its owner and
    // event; one patch for each other Kustomization.
    assert!(many_pushed <= 32 + 12, "{many_pushed} requests for a push");
    assert_eq!(
        many_at_rest, few_at_rest,
        "only watches that are opened anew"
    );
}
