//! Processes never outlive their node.

use crate::place::{Place, container, is_ready, place, restarts, until_ended};
use crate::{NODE, trial};
use libtest_mimic::Trial;
use std::process::{ExitCode, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use trueup_object::{Value, value};

pub fn tests() -> Vec<Trial> {
    if !cfg!(target_os = "linux") {
        return vec![
            Trial::test("processes_end_with_their_node", || Ok(())).with_ignored_flag(true),
        ];
    }
    vec![
        trial("processes_end_when_the_node_is_stopped", stopped),
        trial(
            "processes_end_when_the_node_is_killed_without_notice",
            killed,
        ),
        trial(
            "what_ran_on_a_node_that_was_stopped_runs_again_on_the_next",
            restarted,
        ),
        trial(
            "a_process_whose_supervisor_is_killed_ends_and_is_started_again",
            unsupervised,
        ),
    ]
}

/// A process that does not end by itself and has children; the numbers of all.
async fn start_family(place: &Place) -> String {
    let script =
        "trap '' TERM; (trap '' TERM; sleep 600) & sleep 600 & echo pids $$$$ $! $PPID; wait";
    place
        .pod(
            "family",
            value!({"image": "sh", "args": ["-c", script]}),
            value!({}),
        )
        .await;
    place.until_printed("family", "pids ").await
}

async fn stopped() {
    let place = place().await;
    let processes = start_family(&place).await;
    place.workloads.abort();
    until_ended(&processes).await;
    assert!(place.cluster().server().is_some(), "the cluster goes on");
}

async fn restarted() {
    let mut place = place().await;
    let processes = start_family(&place).await;
    place.until_ready("family").await;
    place.restart_node().await;
    until_ended(&processes).await;
    let again = |pod: &Value| restarts(pod) == 1 && is_ready(pod);
    let pod = place.until("family", "runs again", again).await;
    let last = container(pod.value())
        .at(&["lastState", "terminated"])
        .unwrap()
        .clone();
    assert_eq!(last.str_at(&["reason"]), Some("ContainerStatusUnknown"));
}

async fn unsupervised() {
    let place = place().await;
    let processes = start_family(&place).await;
    place.until_ready("family").await;
    let supervisor = processes.rsplit(' ').next().unwrap();
    let kill = format!("kill -9 {supervisor}");
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .await
            .unwrap()
            .success()
    );
    until_ended(&processes).await;
    let again = |pod: &Value| restarts(pod) == 1 && is_ready(pod);
    let pod = place.until("family", "runs again", again).await;
    assert_eq!(
        container(pod.value()).i64_at(&["lastState", "terminated", "exitCode"]),
        Some(137)
    );
}

/// A node in a process of its own: tells the numbers of its processes, then
/// waits to be killed.
pub async fn run() -> ExitCode {
    let place = place().await;
    println!("{}", start_family(&place).await);
    std::future::pending().await
}

async fn killed() {
    let mut node = Command::new(std::env::current_exe().unwrap())
        .arg(NODE)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = BufReader::new(node.stdout.take().unwrap());
    let processes = output.lines().next_line().await.unwrap().unwrap();
    assert_eq!(processes.split(' ').count(), 3, "{processes}");
    assert!(processes.split(' ').all(crate::place::is_alive));
    // SIGKILL.
    node.kill().await.unwrap();
    until_ended(&processes).await;
}
