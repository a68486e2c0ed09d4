//! Jobs whose Pods nobody runs, and CronJobs.

use crate::world::{World, condition, template};
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};
use trueup_workloads::Kind::{CronJob, Job, Pod};
use trueup_workloads::Parts;

fn job(spec: Value) -> Value {
    let mut job = value!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"}});
    job.set_at(&["spec"], spec);
    job.set_at(&["spec", "template"], template("tool:1"));
    job
}

/// A world without a node: Pods end when the test says so.
fn world(spec: Value) -> World {
    let mut world = World::new(1);
    world.parts = Parts::ControllersOnly;
    world.put(job(spec));
    world.settle();
    world
}

fn end(world: &mut World, pod: &LiveObject, phase: &str) {
    let phase = phase.to_owned();
    world.change(Pod, pod.name(), |pod| {
        pod.set_at(&["status", "phase"], phase.into())
    });
    world.settle();
}

fn index(pod: &LiveObject) -> &str {
    pod.annotation("batch.kubernetes.io/job-completion-index")
        .unwrap()
}

fn status(world: &World) -> Value {
    world.get(Job, "j").value().get("status").cloned().unwrap()
}

#[test]
fn pods_are_counted_once_and_then_let_go() {
    let mut world = world(value!({"completions": 2, "parallelism": 2, "backoffLimit": 6}));
    let pods = world.all(Pod);
    assert_eq!(pods.len(), 2);
    end(&mut world, &pods[0], "Succeeded");
    assert_eq!(status(&world).i64_at(&["succeeded"]), Some(1));
    assert_eq!(
        status(&world).get("uncountedTerminatedPods"),
        Some(&value!({}))
    );
    let counted = world.get(Pod, pods[0].name());
    assert_eq!(
        counted.value().at(&["metadata", "finalizers"]),
        Some(&value!([]))
    );
    end(&mut world, &pods[1], "Succeeded");
    let job = world.get(Job, "j");
    assert_eq!(
        condition(&job, "Complete"),
        Some(("True".into(), "CompletionsReached".into()))
    );
    assert_eq!(job.value().i64_at(&["status", "active"]), None);
}

#[test]
fn an_indexed_job_fails_by_its_indexes() {
    let mut world = world(value!({
        "completions": 3, "parallelism": 3, "completionMode": "Indexed", "backoffLimit": 100, "backoffLimitPerIndex": 0,
    }));
    let mut pods = world.all(Pod);
    pods.sort_by_key(|pod| index(pod).to_owned());
    assert_eq!(pods.iter().map(index).collect::<Vec<_>>(), ["0", "1", "2"]);
    end(&mut world, &pods[0], "Succeeded");
    end(&mut world, &pods[2], "Succeeded");
    assert_eq!(status(&world).str_at(&["completedIndexes"]), Some("0,2"));
    end(&mut world, &pods[1], "Failed");
    assert_eq!(status(&world).str_at(&["failedIndexes"]), Some("1"));
    let job = world.get(Job, "j");
    assert_eq!(
        condition(&job, "Failed"),
        Some(("True".into(), "FailedIndexes".into()))
    );
}

#[test]
fn a_failed_pod_is_replaced_after_ten_seconds() {
    let mut world = world(value!({"completions": 1, "parallelism": 1, "backoffLimit": 1}));
    let first = world.all(Pod).remove(0);
    end(&mut world, &first, "Failed");
    assert_eq!(world.all(Pod).len(), 1);
    world.live(9);
    assert_eq!(world.all(Pod).len(), 1);
    world.live(2);
    assert_eq!(world.all(Pod).len(), 2);
}

#[test]
fn the_active_pods_of_a_job_that_fails_fail_with_it() {
    let mut world = world(value!({"completions": 2, "parallelism": 2, "backoffLimit": 0}));
    let first = world.all(Pod).remove(0);
    end(&mut world, &first, "Failed");
    let job = world.get(Job, "j");
    assert_eq!(
        condition(&job, "Failed"),
        Some(("True".into(), "BackoffLimitExceeded".into()))
    );
    assert_eq!(job.value().i64_at(&["status", "active"]), None);
}

#[test]
fn a_suspended_job_has_no_pods_and_no_start() {
    let mut world = world(value!({"completions": 1, "parallelism": 1, "suspend": true}));
    assert!(world.all(Pod).is_empty());
    assert_eq!(status(&world).get("startTime"), None);
    world.change(Job, "j", |job| {
        job.set_at(&["spec", "suspend"], false.into())
    });
    world.settle();
    assert_eq!(world.all(Pod).len(), 1);
    assert_eq!(
        condition(&world.get(Job, "j"), "Suspended"),
        Some(("False".into(), "JobResumed".into()))
    );
}

#[test]
fn a_job_that_takes_too_long_is_ended() {
    let mut world = world(value!({"completions": 1, "parallelism": 1, "activeDeadlineSeconds": 5}));
    world.live(6);
    let job = world.get(Job, "j");
    assert_eq!(
        condition(&job, "Failed"),
        Some(("True".into(), "DeadlineExceeded".into()))
    );
}

#[test]
fn a_cron_job_makes_a_job_each_minute_and_keeps_the_last() {
    let mut world = World::new(1);
    world.parts = Parts::ControllersOnly;
    let mut template = job(value!({"completions": 1, "parallelism": 1}));
    let spec = template.remove_at(&["spec"]).unwrap();
    let mut cron_job = value!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c", "namespace": "n"},
        "spec": {"schedule": "* * * * *", "concurrencyPolicy": "Allow", "successfulJobsHistoryLimit": 1},
    });
    cron_job.set_at(&["spec", "jobTemplate", "spec"], spec);
    world.put(cron_job);
    world.live(61);
    let minute = world.now.as_second() / 60;
    let made = world.get(Job, &format!("c-{minute}"));
    let status = world
        .get(CronJob, "c")
        .value()
        .get("status")
        .cloned()
        .unwrap();
    assert_eq!(status.get("active").unwrap().as_list().unwrap().len(), 1);
    assert_eq!(
        status.str_at(&["lastScheduleTime"]),
        Some("2026-01-01T00:01:00Z")
    );
    let scheduled = made.annotation("batch.kubernetes.io/cronjob-scheduled-timestamp");
    assert_eq!(scheduled, Some("2026-01-01T00:01:00Z"));
    for _ in 0..2 {
        for pod in world.all(Pod) {
            end(&mut world, &pod, "Succeeded");
        }
        world.live(60);
    }
    let status = world
        .get(CronJob, "c")
        .value()
        .get("status")
        .cloned()
        .unwrap();
    assert!(status.get("lastSuccessfulTime").is_some());
    assert_eq!(world.all(Job).len(), 2);
}
