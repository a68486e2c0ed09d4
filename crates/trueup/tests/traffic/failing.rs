//! Bad revisions, and a primary that breaks.

use crate::backends::Behaviour;
use crate::controllers::Where;
use crate::load::PLAIN;
use crate::objects::{PRIMARY, image, reference};
use crate::stage::{Stage, on_stage, steps};
use crate::tally::{Answered, Side};
use std::time::Duration;
use trueup_object::value;

/// How long a primary may take for its promotion.
const DEADLINE_S: i64 = 20;

/// Waits until the run has failed; the primary must serve on as it was.
async fn rolls_back(stage: &mut Stage, said: &str) {
    stage.reaches("Failed").await;
    let what = "the primary answers alone, as before";
    let is_old = |it: &Answered| it.version == "v1" && it.side == Side::Primary;
    stage.answers(what, is_old).await;
    stage.is_told(said).await;
    let threshold = "Rolling back podinfo.apps failed checks threshold reached 3";
    stage.is_told(threshold).await;
    stage.end_load().await;
    let primary = |it: &Answered| it.side == Side::Primary;
    let changed = stage
        .tally()
        .count(|it| primary(it) && (it.version != "v1" || it.is_error));
    assert_eq!(changed, 0, "the primary did not serve on as it was");
    let primary = stage
        .find(&reference("apps/v1", "Deployment", PRIMARY))
        .await;
    assert_eq!(image(&primary.unwrap()), "podinfo:v1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_answers_with_errors_is_rolled_back() {
    on_stage("rollback on errors", Where::Here, async |stage| {
        stage.initialize(steps(20, 60)).await;
        stage.start_load(&[PLAIN]).await;
        stage.push("v2").await;
        stage.is_routed_by("40").await;
        let bad = Behaviour {
            error_percent: 50,
            ..Behaviour::default()
        };
        stage.backends.behave("v2", bad);
        rolls_back(stage, "Halt podinfo.apps advancement success rate").await;
        let rules = stage.rules().join(" ");
        assert!(rules.starts_with("0 20 40 "), "{rules}");
        assert!(rules.ends_with(" 0"), "{rules}");
        assert!(stage.tally().count(|it| it.is_error) > 0);
    })
    .await;
}

/// It is late from the beginning: what is on its way when it turns late is not
/// measured yet at the next look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn a_revision_that_answers_late_is_rolled_back() {
    on_stage("rollback on latency", Where::Here, async |stage| {
        stage.initialize(steps(20, 60)).await;
        stage.start_load(&[PLAIN]).await;
        let bad = Behaviour {
            latency: Duration::from_secs(1),
            ..Behaviour::default()
        };
        stage.backends.behave("v2", bad);
        stage.push("v2").await;
        rolls_back(stage, "Halt podinfo.apps advancement request duration").await;
        assert_eq!(stage.rules(), ["0", "20", "0"]);
        assert_eq!(stage.tally().count(|it| it.is_error), 0);
    })
    .await;
}

/// After the canary got all traffic the primary is updated, and every Pod of
/// it crashes: the old ones too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn a_primary_that_crashes_during_its_promotion_leaves_the_traffic_to_the_canary() {
    on_stage("primary crashes", Where::Here, async |stage| {
        stage.initialize(steps(50, 100)).await;
        stage
            .patch_canary(value!({"spec": {"progressDeadlineSeconds": DEADLINE_S}}))
            .await;
        stage.start_load(&[PLAIN]).await;
        stage.backends.crash(PRIMARY, "v2").await;
        stage.push("v2").await;
        stage.reaches("Promoting").await;
        stage.backends.crash(PRIMARY, "v1").await;
        stage.reaches("Failed").await;
        let what = "the canary answers alone";
        stage
            .answers(what, |it| it.version == "v2" && it.side == Side::Canary)
            .await;
        stage
            .is_told("Promotion of podinfo.apps failed, primary not ready")
            .await;
        let weight = stage.status().await;
        assert_eq!(weight.i64_at(&["canaryWeight"]), Some(100));
        // The repair is promoted, and serves from then on.
        stage.push("v3").await;
        stage.reaches("Succeeded").await;
        let what = "the repaired primary answers";
        stage
            .answers(what, |it| it.version == "v3" && it.side == Side::Primary)
            .await;
    })
    .await;
}
