//! What a Job wants of its Pods.
//!
//! One decision does one step of each: it makes or deletes Pods
//! ([`balance`]), writes down and lets go those that have ended
//! ([`tracking`]), and says in the status how far the Job has come.

mod backoff;
mod balance;
mod facts;
mod finish;
mod indexes;
mod policy;
mod tracking;

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::{get, text_of, time_at};
use crate::decide::Setting;
use crate::difference::merge_patch;
use crate::note::Note;
use balance::{Balance, COMPONENT, balance, wind_down};
use facts::{Facts, TRACKING};
use finish::{End, Finish, conditions, deadline, finish, holding};
use jiff::{SignedDuration, Timestamp};
use tracking::track;
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

/// Whom a Job names that is ours.
const OURS: &str = "kubernetes.io/job-controller";

/// Decides about one Job. Pods that have ended stay, as those of genuine Jobs
/// do.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let job = live.value();
    if job
        .str_at(&["spec", "managedBy"])
        .is_some_and(|it| it != OURS)
    {
        return Decision::nothing();
    }
    let pods: Vec<&LiveObject> = cache.controlled_by(live.uid(), Kind::Pod).collect();
    let ending = live.deletion_timestamp().is_some();
    if is_finished(job) || ending {
        let mut decision = Decision::nothing();
        decision.actions = pods.iter().filter_map(|pod| release(pod)).collect();
        if !ending && decision.actions.is_empty() {
            expire(live, setting, &mut decision);
        }
        return decision;
    }
    step(&Facts::new(live, pods, setting.now), setting)
}

fn step(facts: &Facts<'_>, setting: &Setting) -> Decision {
    let mut finish = finish(facts);
    let balance = match &finish {
        Some(_) => wind_down(facts),
        None => balance(facts, setting),
    };
    if finish.is_none() && is_complete(facts, &balance) {
        finish = Some(Finish::completed());
    }
    let tracking = track(facts, finish.as_ref());
    let mut decision = Decision {
        actions: balance.actions.clone(),
        wake_at: balance.wake_at,
    };
    decision.wake(deadline(facts).filter(|_| finish.is_none()));
    let mut status = facts
        .job()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    set_numbers(&mut status, &balance);
    tracking.set(facts, &mut status);
    let mut note = set_state(facts, finish.as_ref(), &mut status);
    if let Some(finish) = &finish {
        let settled = tracking.is_settled() && balance.terminating == 0;
        note = set_end(facts, finish, settled, &mut status).or(note);
    }
    decision.actions.extend(tracking.released);
    let old = facts
        .job()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    if let Some(patch) = merge_patch(&old, &status) {
        let write = Action::merge_status(facts.live, patch);
        decision.actions.push(match note {
            Some(note) => write.told(note),
            None => write,
        });
    }
    decision
}

/// Whether all that was wanted has been done.
fn is_complete(facts: &Facts<'_>, balance: &Balance) -> bool {
    let enough = match facts.wanted("completions") {
        None => facts.successes() > 0,
        Some(completions) => facts.successes() >= completions,
    };
    enough && balance.active == 0
}

fn set_numbers(status: &mut Value, balance: &Balance) {
    match balance.active {
        0 => drop(status.remove_at(&["active"])),
        active => status.set_at(&["active"], active.into()),
    }
    status.set_at(&["ready"], balance.ready.into());
    status.set_at(&["terminating"], balance.terminating.into());
}

/// Sets whether the Job is suspended, and since when it runs.
fn set_state(facts: &Facts<'_>, finish: Option<&Finish>, status: &mut Value) -> Option<Note> {
    let now = text_of(facts.now);
    let suspended = facts.is_suspended();
    if status.get("startTime").is_none() && !suspended {
        status.set_at(&["startTime"], now.clone().into());
    }
    if finish.is_some() {
        return None;
    }
    let known = get(conditions(facts.job()), "Suspended");
    let (wanted, reason, message) = match suspended {
        true => ("True", "JobSuspended", "Job suspended"),
        false => ("False", "JobResumed", "Job resumed"),
    };
    let before = known.map_or("False", |it| it.str_at(&["status"]).unwrap_or_default());
    if before == wanted {
        return None;
    }
    let mut all = conditions(facts.job()).to_vec();
    put(
        &mut all,
        condition("Suspended", wanted, reason, message, facts.now),
    );
    status.set_at(&["conditions"], all.into());
    if suspended {
        status.remove_at(&["startTime"]);
        Some(Note::normal(COMPONENT, facts.live, "Suspended", message))
    } else {
        status.set_at(&["startTime"], now.into());
        Some(Note::normal(COMPONENT, facts.live, "Resumed", message))
    }
}

/// Sets that the Job is about to end, or that it has: when all its Pods are
/// counted and none is left that is ending.
fn set_end(facts: &Facts<'_>, finish: &Finish, settled: bool, status: &mut Value) -> Option<Note> {
    let (interim, last) = finish.end.conditions();
    let mut all = conditions(facts.job()).to_vec();
    let made = |kind| condition(kind, "True", &finish.reason, &finish.message, facts.now);
    let was_decided = holding(facts.job(), interim).is_some();
    if !was_decided {
        put(&mut all, made(interim));
    }
    if was_decided && settled {
        put(&mut all, made(last));
        if finish.end == End::Complete {
            status.set_at(&["completionTime"], text_of(facts.now).into());
        }
    }
    status.set_at(&["conditions"], all.into());
    (was_decided && settled).then(|| match finish.end {
        End::Complete => Note::normal(COMPONENT, facts.live, "Completed", "Job completed"),
        End::Failed => Note::warning(
            COMPONENT,
            facts.live,
            &finish.reason,
            finish.message.clone(),
        ),
    })
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Value {
    let now = text_of(now);
    value!({
        "type": kind, "status": status, "lastProbeTime": (now.clone()),
        "lastTransitionTime": now, "reason": reason, "message": message,
    })
}

/// Puts a condition in the place of the one of its type, or at the end.
fn put(conditions: &mut Vec<Value>, condition: Value) {
    let kind = condition.str_at(&["type"]).map(str::to_owned);
    let place = conditions
        .iter_mut()
        .find(|it| it.str_at(&["type"]) == kind.as_deref());
    match place {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
}

/// Removes a Job whose time after its end has passed.
fn expire(live: &LiveObject, setting: &Setting, decision: &mut Decision) {
    let job = live.value();
    let Some(ttl_s) = job.i64_at(&["spec", "ttlSecondsAfterFinished"]) else {
        return;
    };
    let ended = ["Complete", "Failed"]
        .iter()
        .find_map(|kind| time_at(holding(job, kind)?, &["lastTransitionTime"]));
    let due = ended.and_then(|at| at.checked_add(SignedDuration::from_secs(ttl_s)).ok());
    match due {
        Some(due) if due <= setting.now => decision.actions.push(Action::Delete {
            reference: live.reference().clone(),
            uid: live.uid().clone(),
        }),
        due => decision.wake(due),
    }
}

/// Lets go of a Pod that was kept until its Job has counted it.
pub(crate) fn release(pod: &LiveObject) -> Option<Action> {
    let finalizers = pod
        .value()
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)?;
    let left: Vec<Value> = finalizers
        .iter()
        .filter(|name| name.as_str() != Some(TRACKING))
        .cloned()
        .collect();
    (left.len() < finalizers.len()).then(|| Action::Merge {
        reference: pod.reference().clone(),
        resource_version: pod.resource_version().clone(),
        patch: value!({"metadata": {"finalizers": left}}),
    })
}

/// Whether a Job has come to its end.
pub(crate) fn is_finished(job: &Value) -> bool {
    ended_as(job).is_some()
}

/// The last condition of a Job that has come to its end.
pub(crate) fn ended_as(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"]
        .into_iter()
        .find(|kind| holding(job, kind).is_some())
}
