//! Runs whose metrics say nothing.

use crate::controllers::Where;
use crate::load::PLAIN;
use crate::objects::shown;
use crate::patience::until;
use crate::stage::{Stage, on_stage, steps};
use crate::tally::Side;
use trueup_object::Value;

/// How many checks without an answer show that the run holds.
const SEVERAL: i64 = 4;

/// Waits until so many checks of the run have come to nothing.
async fn counted(stage: &Stage, counter: &str, least: i64) {
    until(&format!("{counter} {least}"), async || {
        let status = stage.status().await;
        let is_there = status.i64_at(&[counter]).unwrap_or(0) >= least;
        is_there.then_some(()).ok_or_else(|| shown(&status))
    })
    .await;
}

fn annotated(key: &str, value: &str) -> Value {
    let mut patch = Value::map();
    patch.set_at(&["metadata", "annotations", key], value.into());
    patch
}

/// As in Flagger, unless the Canary says otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn a_run_without_traffic_fails_or_waits_as_it_is_told() {
    on_stage("too little traffic", Where::Here, async |stage| {
        stage.initialize(steps(20, 40)).await;
        stage.push("v2").await;
        stage.reaches("Failed").await;
        let said = "no values found for nginx metric request-success-rate probably podinfo.apps is \
                    not receiving traffic";
        stage.is_told(said).await;
        assert_eq!(stage.rules(), ["0", "20", "0"]);
        let patient = annotated("trueup.dev/no-data-limit", "100");
        stage.patch_canary(patient).await;
        stage.push("v3").await;
        counted(stage, "noDataChecks", SEVERAL).await;
        assert_eq!(stage.status().await.str_at(&["phase"]), Some("Progressing"));
        assert_eq!(stage.rules(), ["0", "20", "0", "20"]);
        stage.start_load(&[PLAIN]).await;
        stage.reaches("Succeeded").await;
        let what = "the primary answers with the new version";
        stage
            .answers(what, |it| it.version == "v3" && it.side == Side::Primary)
            .await;
        assert_eq!(stage.rules(), ["0", "20", "0", "20", "40", "0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs with cargo xtask e2e"]
async fn a_run_holds_while_prometheus_is_away() {
    on_stage("Prometheus away", Where::Here, async |stage| {
        stage.initialize(steps(20, 60)).await;
        // A Prometheus that has come back knows nothing of the time before.
        for limit in ["trueup.dev/error-limit", "trueup.dev/no-data-limit"] {
            stage.patch_canary(annotated(limit, "100")).await;
        }
        stage.start_load(&[PLAIN]).await;
        stage.push("v2").await;
        stage.is_routed_by("40").await;
        stage.prometheus.kill().await;
        counted(stage, "erroredChecks", 1).await;
        let before = stage.rules();
        counted(stage, "erroredChecks", SEVERAL).await;
        stage.is_told("Prometheus query failed").await;
        assert_eq!(stage.rules(), before);
        stage.prometheus.restart().await;
        stage.reaches("Succeeded").await;
        let what = "the primary answers with the new version";
        stage
            .answers(what, |it| it.version == "v2" && it.side == Side::Primary)
            .await;
        stage.end_load().await;
        assert_eq!(stage.rules(), ["0", "20", "40", "60", "0"]);
    })
    .await;
}
