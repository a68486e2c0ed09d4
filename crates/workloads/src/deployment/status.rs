//! The status of a Deployment: counts and conditions.

use super::{View, actual, wanted};
use crate::conditions::{Condition, changes, get, set, set_anew, time_at};
use jiff::{SignedDuration, Timestamp};
use trueup_object::{Value, value};

/// What the update is at, before its counts are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Paused,
    /// The new ReplicaSet is about to be made.
    Creating,
    Watching,
}

/// `progressDeadlineSeconds` of this means none.
const NO_DEADLINE: i64 = i32::MAX as i64;

struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
    unavailable: i64,
    terminating: i64,
}

/// The changes of the status, and when the progress deadline passes.
pub(super) fn status_of(view: &View<'_>, progress: Progress) -> (Option<Value>, Option<Timestamp>) {
    let old = view.live.value().get("status");
    let counts = count(view);
    let mut conditions: Vec<Value> = old
        .and_then(|old| old.get("conditions"))
        .and_then(Value::as_list)
        .map(<[Value]>::to_vec)
        .unwrap_or_default();
    // The pause is noted before anything is counted.
    let paused = (progress == Progress::Paused)
        .then(|| set_progressing(view, progress, &counts, old, &mut conditions));
    set_available(view, &counts, &mut conditions);
    let wake_at = match paused {
        Some(wake_at) => wake_at,
        None => set_progressing(view, progress, &counts, old, &mut conditions),
    };
    let mut status = value!({
        "observedGeneration": (view.live.generation()),
        "replicas": (counts.replicas),
        "updatedReplicas": (counts.updated),
        "readyReplicas": (counts.ready),
        "availableReplicas": (counts.available),
        "unavailableReplicas": (counts.unavailable),
        "terminatingReplicas": (counts.terminating),
    });
    status.set_at(&["conditions"], conditions.into());
    (changes(old, &status), wake_at)
}

fn count(view: &View<'_>) -> Counts {
    let sets = || view.new.iter().chain(&view.old);
    let sum = |part: &dyn Fn(&trueup_cluster::LiveObject) -> i64| {
        sets().map(|set| part(set)).sum::<i64>()
    };
    let available = sum(&|set| {
        set.value()
            .i64_at(&["status", "availableReplicas"])
            .unwrap_or(0)
    });
    Counts {
        replicas: sum(&actual),
        updated: view.new.map_or(0, actual),
        ready: sum(&|set| {
            set.value()
                .i64_at(&["status", "readyReplicas"])
                .unwrap_or(0)
        }),
        available,
        terminating: sum(&|set| {
            set.value()
                .i64_at(&["status", "terminatingReplicas"])
                .unwrap_or(0)
        }),
        unavailable: (sum(&wanted) - available).max(0),
    }
}

fn set_available(view: &View<'_>, counts: &Counts, conditions: &mut Vec<Value>) {
    let enough = counts.available >= view.bounds.min_available();
    let condition = if enough {
        Condition {
            kind: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
        }
    } else {
        Condition {
            kind: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
        }
    };
    set(conditions, &condition, view.now);
}

/// Sets the condition Progressing by the genuine controller's rules; returns
/// when the deadline passes if nothing moves.
fn set_progressing(
    view: &View<'_>,
    progress: Progress,
    counts: &Counts,
    old: Option<&Value>,
    conditions: &mut Vec<Value>,
) -> Option<Timestamp> {
    let deadline_s = view
        .spec
        .i64_at(&["progressDeadlineSeconds"])
        .filter(|s| *s != NO_DEADLINE)?;
    let mut say = |status: &str, reason: &str, message: &str| {
        set(
            conditions,
            &Condition {
                kind: "Progressing",
                status,
                reason,
                message,
            },
            view.now,
        );
    };
    let present = old
        .and_then(|old| old.get("conditions"))
        .and_then(Value::as_list);
    let present = present.and_then(|conditions| get(conditions, "Progressing"));
    let reason = present
        .and_then(|condition| condition.str_at(&["reason"]))
        .unwrap_or_default();
    let set_name = view.new_set_name();
    match progress {
        Progress::Paused => {
            say("Unknown", "DeploymentPaused", "Deployment is paused");
            return None;
        }
        Progress::Creating => {
            say(
                "True",
                "NewReplicaSetCreated",
                &format!("Created new replica set \"{set_name}\""),
            );
            return None;
        }
        Progress::Watching if reason == "DeploymentPaused" => {
            say("Unknown", "DeploymentResumed", "Deployment is resumed");
            return None;
        }
        Progress::Watching => {}
    }
    if is_complete(view, counts) {
        let message = format!("ReplicaSet \"{set_name}\" has successfully progressed.");
        say("True", "NewReplicaSetAvailable", &message);
        return None;
    }
    if reason == "NewReplicaSetAvailable" && counts.replicas == counts.updated {
        // A finished update stays finished when its Pods come and go.
        return None;
    }
    let again = view
        .now
        .checked_add(SignedDuration::from_secs(deadline_s + 1))
        .ok();
    if present.is_none() {
        say(
            "True",
            "FoundNewReplicaSet",
            &format!("Found new replica set \"{set_name}\""),
        );
        return again;
    }
    if has_moved(counts, old) || reason == "NewReplicaSetAvailable" {
        let message = format!("ReplicaSet \"{set_name}\" is progressing.");
        let moved = Condition {
            kind: "Progressing",
            status: "True",
            reason: "ReplicaSetUpdated",
            message: &message,
        };
        set_anew(conditions, &moved, view.now);
        return again;
    }
    let since = present
        .and_then(|condition| time_at(condition, &["lastUpdateTime"]))
        .unwrap_or(view.now);
    let ends = since
        .checked_add(SignedDuration::from_secs(deadline_s))
        .ok()?;
    if reason == "ProgressDeadlineExceeded" || ends < view.now {
        let message = format!("ReplicaSet \"{set_name}\" has timed out progressing.");
        say("False", "ProgressDeadlineExceeded", &message);
        return None;
    }
    ends.checked_add(SignedDuration::from_secs(1)).ok()
}

fn is_complete(view: &View<'_>, counts: &Counts) -> bool {
    let all = view.bounds.replicas;
    view.new.is_some_and(|set| wanted(set) == all)
        && counts.updated == all
        && counts.replicas == all
        && counts.available == all
}

/// Whether more is updated, ready or available, or less is old, than the
/// status says.
fn has_moved(counts: &Counts, old: Option<&Value>) -> bool {
    let was = |key| old.and_then(|old| old.i64_at(&[key])).unwrap_or(0);
    counts.updated > was("updatedReplicas")
        || counts.replicas - counts.updated < was("replicas") - was("updatedReplicas")
        || counts.ready > was("readyReplicas")
        || counts.available > was("availableReplicas")
}
