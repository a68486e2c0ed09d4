//! Good revisions.

use crate::controllers::Where;
use crate::load::PLAIN;
use crate::objects::{PRIMARY, image, reference};
use crate::stage::{Stage, on_stage, steps};
use crate::tally::{Answered, Side};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_revision_is_promoted_by_its_steps_and_no_request_is_lost() {
    on_stage("promotion", Where::Here, async |stage| {
        stage.initialize(steps(20, 60)).await;
        stage.start_load(&[PLAIN]).await;
        stage.push("v2").await;
        stage.reaches("Succeeded").await;
        answers_alone(stage, "v2").await;
        stage.end_load().await;
        assert_eq!(stage.rules(), ["0", "20", "40", "60", "0"]);
        let tally = stage.tally();
        let weights: Vec<u32> = tally.shares().iter().map(|share| share.weight).collect();
        assert_eq!(weights, [0, 20, 40, 60]);
        assert_eq!(tally.count(|it| it.is_error), 0);
        let primary = stage
            .find(&reference("apps/v1", "Deployment", PRIMARY))
            .await;
        assert_eq!(image(&primary.unwrap()), "podinfo:v2");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn a_new_revision_in_the_middle_of_a_run_starts_it_again() {
    on_stage("new revision mid-run", Where::Here, async |stage| {
        stage.initialize(steps(20, 60)).await;
        stage.start_load(&[PLAIN]).await;
        stage.push("v2").await;
        stage.is_routed_by("40").await;
        stage.push("v3").await;
        stage.reaches("Succeeded").await;
        answers_alone(stage, "v3").await;
        stage.end_load().await;
        let rules = stage.rules().join(" ");
        assert!(rules.starts_with("0 20 40 "), "{rules}");
        assert!(rules.ends_with(" 0 20 40 60 0"), "{rules}");
        let tally = stage.tally();
        let skipped = tally.count(|it| it.side == Side::Primary && it.version == "v2");
        assert_eq!(skipped, 0, "the primary has run what was replaced mid-run");
        assert_eq!(tally.count(|it| it.is_error), 0);
    })
    .await;
}

/// With the program as users have it, at its shortest interval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_is_killed_mid_run_goes_on_where_it_was() {
    on_stage("kill -9 mid-run", Where::Process, async |stage| {
        stage.initialize(steps(30, 60)).await;
        stage.start_load(&[PLAIN]).await;
        stage.push("v2").await;
        for rule in ["30", "60"] {
            stage.is_routed_by(rule).await;
            stage.controllers.kill_and_restart().await;
        }
        stage
            .reaches_one_of(&["Promoting", "Finalising", "Succeeded"])
            .await;
        stage.controllers.kill_and_restart().await;
        stage.reaches("Succeeded").await;
        answers_alone(stage, "v2").await;
        stage.end_load().await;
        assert_eq!(stage.rules(), ["0", "30", "60", "0"]);
        assert_eq!(stage.tally().count(|it| it.is_error), 0);
    })
    .await;
}

/// Waits until the primary answers everybody, with a version.
async fn answers_alone(stage: &Stage, version: &str) {
    let what = format!("the primary answers with {version}");
    let is_so = |it: &Answered| it.version == version && it.side == Side::Primary;
    stage.answers(&what, is_so).await;
}
