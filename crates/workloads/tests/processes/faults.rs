//! What is refused, what is limited, what heals.

use crate::place::{container, dial, get, is_ready, options, place, place_with, until, waits_for};
use crate::trial;
use libtest_mimic::Trial;
use trueup_object::{Value, value};
use trueup_workloads::process::{DIAL_ANNOTATION, MAX_LOG_BYTES, UnmappedImages};

pub fn tests() -> Vec<Trial> {
    vec![
        trial(
            "an_image_that_is_no_program_is_simulated_or_refused",
            unmapped,
        ),
        trial(
            "what_would_load_code_is_refused_and_secrets_are_not_told",
            hostile,
        ),
        trial("a_missing_configmap_is_waited_for", heals),
        trial("more_processes_than_allowed_wait_for_their_turn", limited),
        trial(
            "a_process_that_prints_without_end_takes_no_more_memory_than_allowed",
            floods,
        ),
        trial("one_bad_container_does_not_stop_the_others", mixed),
    ]
}

async fn unmapped() {
    let simulating = place().await;
    simulating
        .pod("other", value!({"image": "nginx:1"}), value!({}))
        .await;
    let pod = simulating.until_ready("other").await;
    assert_eq!(pod.annotation(DIAL_ANNOTATION), None);

    let mut refusing = options();
    refusing.unmapped = UnmappedImages::Refused;
    let place = place_with(refusing).await;
    place
        .pod("other", value!({"image": "nginx:1"}), value!({}))
        .await;
    place.pod("web", value!({"image": "web"}), value!({})).await;
    let pod = place
        .until("other", "is refused", |pod| {
            waits_for(pod) == "ErrImagePull"
        })
        .await;
    let message =
        "image \"nginx:1\" is no program of this node: its configuration maps no such image name";
    assert_eq!(
        container(pod.value()).str_at(&["state", "waiting", "message"]),
        Some(message)
    );
    assert_eq!(pod.value().str_at(&["status", "phase"]), Some("Pending"));
    place.until_told("other", message).await;
    place.until_ready("web").await;
    place.delete("other", None).await;
    place.until_gone("other").await;
}

async fn hostile() {
    let place = place().await;
    place
        .apply(
            value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
            "stringData": {"LD_PRELOAD": "/tmp/hush.so"}}),
        )
        .await;
    let from_secret = value!({"image": "web", "envFrom": [{"secretRef": {"name": "login"}}]});
    place.pod("secret", from_secret, value!({})).await;
    let other = value!({"image": "web", "command": ["/bin/bash", "-c", "id"]});
    place.pod("command", other, value!({})).await;
    let config_error = |pod: &Value| waits_for(pod) == "CreateContainerConfigError";
    let pod = place.until("secret", "is refused", config_error).await;
    assert!(!format!("{:?}", pod.value()).contains("hush"));
    place
        .until_told("secret", "env LD_PRELOAD: variables that load code")
        .await;
    assert!(
        place
            .events("secret")
            .await
            .iter()
            .all(|event| !event.contains("hush"))
    );
    place.until("command", "is refused", config_error).await;
    place
        .until_told("command", "\"/bin/bash\" is none of the commands")
        .await;
}

async fn heals() {
    let place = place().await;
    let app = value!({"image": "web", "env": [{"name": "VERSION", "valueFrom": {
        "configMapKeyRef": {"name": "later", "key": "version"}}}]});
    place.pod("web", app, value!({})).await;
    place.until_told("web", "configmap").await;
    let pod = place.get("web").await;
    assert!(!is_ready(pod.value()));
    place
        .apply(
            value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "later"},
            "data": {"version": "5"}}),
        )
        .await;
    let pod = place.until_ready("web").await;
    let said = until("it answers", async || get(dial(&pod), "/").await.ok()).await;
    assert_eq!(said, "5");
}

async fn limited() {
    let mut few = options();
    few.max_processes = 3;
    let place = place_with(few).await;
    for number in 0..6 {
        place
            .pod(
                &format!("web-{number}"),
                value!({"image": "web"}),
                value!({}),
            )
            .await;
    }
    let count = async |test: fn(&Value) -> bool| {
        place
            .pods()
            .await
            .iter()
            .filter(|pod| test(pod.value()))
            .count()
    };
    let waits = |pod: &Value| waits_for(pod) == "TooManyProcesses";
    until("three run and three wait", async || {
        (count(is_ready).await == 3 && count(waits).await == 3).then_some(())
    })
    .await;
    for pod in place
        .pods()
        .await
        .iter()
        .filter(|pod| is_ready(pod.value()))
    {
        place.delete(pod.name(), Some(1)).await;
    }
    until("the others run", async || {
        (count(is_ready).await == 3 && count(waits).await == 0).then_some(())
    })
    .await;
}

async fn floods() {
    let place = place().await;
    let script = "i=0; while [ $i -lt 3000 ]; do printf '%0512d\\n' $i; i=$((i+1)); done; echo end; sleep 600";
    place
        .pod(
            "loud",
            value!({"image": "sh", "args": ["-c", script]}),
            value!({}),
        )
        .await;
    place.until_printed("loud", "end").await;
    let log = place.log("loud");
    assert!(log.len() <= MAX_LOG_BYTES && log.len() > MAX_LOG_BYTES - 1_024);
    assert!(log.starts_with('0') && log.lines().next().unwrap().len() == 512);
}

async fn mixed() {
    let place = place().await;
    let containers = vec![
        value!({"name": "web", "image": "web"}),
        value!({"name": "other", "image": "nginx"}),
    ];
    let mut pod = value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mixed"}});
    pod.set_at(&["spec", "containers"], containers.into());
    place.apply(pod).await;
    let states = |pod: &Value| {
        let statuses = pod
            .at(&["status", "containerStatuses"])
            .and_then(Value::as_list);
        let ready = |status: &Value| status.get("ready").and_then(Value::as_bool) == Some(true);
        statuses
            .unwrap_or_default()
            .iter()
            .map(ready)
            .collect::<Vec<_>>()
            == [true, false]
    };
    let pod = place.until("mixed", "runs what can be run", states).await;
    assert!(!is_ready(pod.value()));
    until("it answers", async || get(dial(&pod), "/").await.ok()).await;
}
