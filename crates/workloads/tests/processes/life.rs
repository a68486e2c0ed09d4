//! Starting, ending, starting again.

use crate::place::{container, dial, get, place, restarts, until, waits_for};
use crate::trial;
use libtest_mimic::Trial;
use trueup_cluster::{Patch, WriteOptions};
use trueup_object::{Value, value};

pub fn tests() -> Vec<Trial> {
    vec![
        trial(
            "a_pod_is_a_process_that_has_what_the_pod_gives_and_nothing_else",
            given,
        ),
        trial("what_crashes_is_started_again_after_pauses", crashes),
        trial(
            "a_program_that_is_not_there_is_told_and_tried_again",
            missing,
        ),
        trial(
            "a_deleted_pod_is_asked_to_end_and_its_end_is_waited_for",
            asked,
        ),
        trial("a_pod_that_ran_for_too_long_is_ended", deadline),
        trial(
            "who_does_not_end_when_asked_is_killed_with_all_it_started",
            stubborn,
        ),
        trial("a_hook_runs_before_the_end", hook),
        trial("a_pod_of_a_job_ends_and_says_how", runs_once),
    ]
}

/// A script; `$$` stands for one `$` in arguments.
fn sh(script: &str) -> Value {
    value!({"image": "sh:1", "args": ["-c", script]})
}

async fn given() {
    let place = place().await;
    place
        .apply(
            value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
            "data": {"color": "blue"}}),
        )
        .await;
    place
        .apply(
            value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
            "stringData": {"token": "hush"}}),
        )
        .await;
    let app = value!({
        "image": "web:1.2", "ports": [{"name": "http", "containerPort": 8080}],
        "args": ["--on=$(TRUEUP_LISTEN)", "$$(POD)", "; touch /tmp/trueup-hostile", "$(touch x)", "", "`id`"],
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "APP_"}],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
            {"name": "HOSTILE", "value": "a\nB=c; $(rm -rf /)"},
        ],
    });
    place.pod("web", app, value!({})).await;
    let pod = place.until_ready("web").await;
    let address = dial(&pod);
    place
        .until_printed("web", &format!("listening on {address}"))
        .await;
    let environment = get(address, "/environment").await.unwrap();
    let ip = pod.value().str_at(&["status", "podIP"]).unwrap();
    let expected = format!(
        "APP_color=blue\nHOME=/\nHOSTILE=a\nB=c; $(rm -rf /)\nHOSTNAME=web\nIP={ip}\n\
         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPOD=web\n\
         TOKEN=hush\nTRUEUP_LISTEN={address}\nTRUEUP_LISTEN_8080={address}"
    );
    assert_eq!(environment, expected);
    let arguments = get(address, "/arguments").await.unwrap();
    let expected =
        format!("--on={address}\n$(POD)\n; touch /tmp/trueup-hostile\n$(touch x)\n\n`id`");
    assert_eq!(arguments, expected);
    assert!(address.ip().is_loopback());
    place.delete("web", Some(5)).await;
    place.until_gone("web").await;
    assert!(get(address, "/").await.is_err());
    until("its output is forgotten", async || {
        place.log("web").is_empty().then_some(())
    })
    .await;
}

async fn crashes() {
    let place = place().await;
    place
        .pod("crash", sh("echo attempt; exit 3"), value!({}))
        .await;
    let pod = place
        .until("crash", "is in back-off", |pod| {
            restarts(pod) >= 2 && waits_for(pod) == "CrashLoopBackOff"
        })
        .await;
    let last = container(pod.value())
        .at(&["lastState", "terminated"])
        .unwrap()
        .clone();
    assert_eq!(last.i64_at(&["exitCode"]), Some(3));
    assert_eq!(last.str_at(&["reason"]), Some("Error"));
    assert!(place.log("crash").lines().count() >= 3);
    place
        .until_told(
            "crash",
            "BackOff: Back-off restarting failed container app in pod crash_",
        )
        .await;
    place.delete("crash", None).await;
    place.until_gone("crash").await;
}

async fn missing() {
    let place = place().await;
    place
        .pod("none", value!({"image": "missing"}), value!({}))
        .await;
    let pod = place
        .until("none", "was tried twice", |pod| restarts(pod) >= 1)
        .await;
    let last = container(pod.value())
        .at(&["lastState", "terminated"])
        .unwrap()
        .clone();
    assert_eq!(last.i64_at(&["exitCode"]), Some(128));
    assert_eq!(last.str_at(&["reason"]), Some("StartError"));
    place
        .until_told("none", "/no/such/program: No such file or directory")
        .await;
}

async fn asked() {
    let place = place().await;
    let script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    place.pod("polite", sh(script), value!({})).await;
    // So that it can still be looked at when it has ended.
    let reference = place.reference("Pod", "polite");
    let finalizers = async |list: Value| {
        let patch = Patch::Merge(value!({"metadata": {"finalizers": list}}));
        place
            .user
            .patch(&reference, &patch, &WriteOptions::new("user"))
            .await
            .unwrap();
    };
    finalizers(value!(["example.com/hold"])).await;
    place.until_printed("polite", "up").await;
    place.delete("polite", Some(60)).await;
    place.until_printed("polite", "bye").await;
    let succeeded = |pod: &Value| pod.str_at(&["status", "phase"]) == Some("Succeeded");
    let pod = place.until("polite", "has ended", succeeded).await;
    assert_eq!(
        container(pod.value()).i64_at(&["state", "terminated", "exitCode"]),
        Some(0)
    );
    finalizers(value!([])).await;
    place.until_gone("polite").await;
}

async fn deadline() {
    let place = place().await;
    let spec = value!({"activeDeadlineSeconds": 1, "terminationGracePeriodSeconds": 1});
    place.pod("long", sh("sleep 600"), spec).await;
    let failed = |pod: &Value| pod.str_at(&["status", "phase"]) == Some("Failed");
    let pod = place.until("long", "has failed", failed).await;
    assert_eq!(
        pod.value().str_at(&["status", "reason"]),
        Some("DeadlineExceeded")
    );
}

async fn stubborn() {
    let place = place().await;
    let script = "trap '' TERM; sleep 600 & echo pids $$$$ $!; while :; do sleep 600; done";
    place.pod("stubborn", sh(script), value!({})).await;
    let processes = place.until_printed("stubborn", "pids ").await;
    place.delete("stubborn", Some(1)).await;
    place.until_gone("stubborn").await;
    crate::place::until_ended(&processes).await;
}

async fn hook() {
    let place = place().await;
    let mut app = sh("echo up; while :; do sleep 0.05; done");
    let line = "exit 3";
    app.set_at(
        &["lifecycle"],
        value!({"preStop": {"exec": {"command": ["sh", "-c", line]}}}),
    );
    place.pod("hook", app, value!({})).await;
    place.until_printed("hook", "up").await;
    place.delete("hook", Some(30)).await;
    place
        .until_told(
            "hook",
            "FailedPreStopHook: PreStopHook failed: the command exited with code 3",
        )
        .await;
    place.until_gone("hook").await;
}

async fn runs_once() {
    let place = place().await;
    for (name, script, phase, code) in [
        ("well", "exit 0", "Succeeded", 0),
        ("badly", "kill -9 $$$$", "Failed", 137),
    ] {
        place
            .pod(name, sh(script), value!({"restartPolicy": "Never"}))
            .await;
        let ended = |pod: &Value| pod.str_at(&["status", "phase"]) == Some(phase);
        let pod = place.until(name, phase, ended).await;
        let status = container(pod.value());
        assert_eq!(
            status.i64_at(&["state", "terminated", "exitCode"]),
            Some(code)
        );
    }
    // Pods that have ended can be deleted.
    place.delete("well", None).await;
    until("the Pod is gone", async || {
        place.find("well").await.is_none().then_some(())
    })
    .await;
}
