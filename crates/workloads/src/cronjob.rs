//! When a CronJob makes its Jobs, and which of them it keeps.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::{text_of, time_at};
use crate::cron::Schedule;
use crate::decide::Setting;
use crate::difference::merge_patch;
use crate::job::{ended_as, is_finished};
use crate::note::{ERROR, Note};
use crate::pods::owner_reference;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

const COMPONENT: &str = "cronjob-controller";
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// A time is looked at a little later, so that it has passed.
const DELTA: SignedDuration = SignedDuration::from_millis(100);
/// So many missed times are told of.
const MANY_MISSED: i64 = 100;

/// The last time that was due, if any.
struct Due {
    at: Timestamp,
    missed: i64,
}

/// Decides about one CronJob.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let jobs: Vec<&LiveObject> = cache.controlled_by(live.uid(), Kind::Job).collect();
    let old = live
        .value()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    let mut status = old.clone();
    let mut decision = Decision::nothing();
    let notes = follow(live, &jobs, &mut status);
    decision.actions.extend(surplus(live, &jobs));
    if live.deletion_timestamp().is_none() {
        schedule(live, &jobs, &mut status, setting, &mut decision);
    }
    decision.actions.extend(notes.into_iter().map(Action::Tell));
    if let Some(patch) = merge_patch(&old, &status) {
        decision.actions.push(Action::merge_status(live, patch));
    }
    decision
}

fn active(status: &Value) -> &[Value] {
    status
        .get("active")
        .and_then(Value::as_list)
        .unwrap_or_default()
}

fn set_active(status: &mut Value, active: Vec<Value>) {
    if active.is_empty() {
        status.remove_at(&["active"]);
    } else {
        status.set_at(&["active"], active.into());
    }
}

fn is_active(status: &Value, job: &LiveObject) -> bool {
    active(status)
        .iter()
        .any(|it| it.str_at(&["uid"]) == Some(job.uid()))
}

/// Takes Jobs that have ended or gone off the active ones, and notes the last
/// success.
fn follow(live: &LiveObject, jobs: &[&LiveObject], status: &mut Value) -> Vec<Note> {
    let mut notes = Vec::new();
    for job in jobs {
        let Some(condition) = ended_as(job.value()) else {
            continue;
        };
        if is_active(status, job) {
            let message = format!("Saw completed job: {}, condition: {condition}", job.name());
            notes.push(Note::normal(COMPONENT, live, "SawCompletedJob", message));
        }
        let done = job
            .value()
            .str_at(&["status", "completionTime"])
            .filter(|_| condition == "Complete");
        let known = status.str_at(&["lastSuccessfulTime"]);
        if let Some(done) = done.filter(|done| known.is_none_or(|known| known < *done)) {
            let done = Text::from(done);
            status.set_at(&["lastSuccessfulTime"], done.into());
        }
    }
    let mut left = Vec::new();
    for entry in active(status) {
        match jobs
            .iter()
            .find(|job| entry.str_at(&["uid"]) == Some(job.uid()))
        {
            Some(job) if is_finished(job.value()) => {}
            Some(_) => left.push(entry.clone()),
            None => {
                let name = entry.str_at(&["name"]).unwrap_or_default();
                let message = format!("Active job went missing: {name}");
                notes.push(Note::normal(COMPONENT, live, "MissingJob", message));
            }
        }
    }
    if left.len() < active(status).len() {
        set_active(status, left);
    }
    notes
}

/// The oldest of the Jobs that have ended, beyond what is kept.
fn surplus(live: &LiveObject, jobs: &[&LiveObject]) -> Vec<Action> {
    let kept = [
        ("Complete", "successfulJobsHistoryLimit"),
        ("Failed", "failedJobsHistoryLimit"),
    ];
    let mut actions = Vec::new();
    for (condition, limit) in kept {
        let Some(limit) = live.value().i64_at(&["spec", limit]) else {
            continue;
        };
        let mut ended: Vec<&&LiveObject> = jobs
            .iter()
            .filter(|job| {
                ended_as(job.value()) == Some(condition) && job.deletion_timestamp().is_none()
            })
            .collect();
        ended.sort_by_key(|job| {
            let started = job.value().str_at(&["status", "startTime"]);
            (
                started.is_none(),
                started.map(str::to_owned),
                job.name().clone(),
            )
        });
        let surplus = ended
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(0));
        actions.extend(
            ended
                .into_iter()
                .take(surplus)
                .map(|job| deletion(live, job)),
        );
    }
    actions
}

fn deletion(live: &LiveObject, job: &LiveObject) -> Action {
    let done = format!("Deleted job {}", job.name());
    let failed = format!("Deleted job: {ERROR}");
    Action::delete(job).told_either(
        Note::normal(COMPONENT, live, "SuccessfulDelete", done),
        Note::warning(COMPONENT, live, "FailedDelete", failed),
    )
}

/// Makes the Job that is due, and says when to look again.
fn schedule(
    live: &LiveObject,
    jobs: &[&LiveObject],
    status: &mut Value,
    setting: &Setting,
    decision: &mut Decision,
) {
    let cron_job = live.value();
    let warn = |reason: &str, message: String| {
        Action::Tell(Note::warning(COMPONENT, live, reason, message))
    };
    let zone = match zone(cron_job) {
        Ok(zone) => zone,
        Err(why) => return decision.actions.push(warn("UnknownTimeZone", why)),
    };
    if cron_job.at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true) {
        return;
    }
    let text = cron_job.str_at(&["spec", "schedule"]).unwrap_or_default();
    let schedule = match Schedule::parse(text) {
        Ok(schedule) => schedule,
        Err(why) => {
            let message = format!("unparseable schedule: {text:?} : {why}");
            return decision.actions.push(warn("UnparseableSchedule", message));
        }
    };
    let deadline_s = cron_job.i64_at(&["spec", "startingDeadlineSeconds"]);
    let due = due(live, &schedule, &zone, deadline_s, setting.now);
    let next = schedule.next(setting.now, &zone);
    decision.wake(next.and_then(|at| at.checked_add(DELTA).ok()));
    let Some(due) = due else {
        return;
    };
    if due.missed > MANY_MISSED {
        let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
        decision
            .actions
            .push(warn("TooManyMissedTimes", message.to_owned()));
    }
    let name = format!("{}-{}", live.name(), due.at.as_second().div_euclid(60));
    if let Some(job) = jobs.iter().find(|job| job.name().as_str() == name) {
        return note_start(status, job, due.at);
    }
    if time_at(status, &["lastScheduleTime"]) != Some(due.at) {
        start(live, jobs, status, (due.at, &name, &zone), decision);
    }
}

/// The zone of the schedule; UTC where none is named.
fn zone(cron_job: &Value) -> Result<TimeZone, String> {
    match cron_job.str_at(&["spec", "timeZone"]) {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("invalid timeZone: {name:?}: unknown time zone {name}")),
    }
}

/// The last time up to now that no Job was made for.
fn due(
    live: &LiveObject,
    schedule: &Schedule,
    zone: &TimeZone,
    deadline_s: Option<i64>,
    now: Timestamp,
) -> Option<Due> {
    let created = live.creation_timestamp().parse().ok();
    let mut earliest = time_at(live.value(), &["status", "lastScheduleTime"]).or(created)?;
    let limit = deadline_s.and_then(|it| now.checked_sub(SignedDuration::from_secs(it)).ok());
    earliest = limit.map_or(earliest, |limit| limit.max(earliest));
    let first = schedule
        .next(earliest, zone)
        .filter(|first| *first <= now)?;
    let Some(second) = schedule.next(first, zone).filter(|second| *second <= now) else {
        return Some(Due {
            at: first,
            missed: 0,
        });
    };
    let pause_s = second.duration_since(first).as_secs().max(1);
    let missed = now.duration_since(first).as_secs() / pause_s + 1;
    let skipped = SignedDuration::from_secs((missed - 2).max(0) * pause_s);
    let mut at = first.checked_add(skipped).ok()?;
    while let Some(later) = schedule.next(at, zone).filter(|later| *later <= now) {
        at = later;
    }
    Some(Due { at, missed })
}

/// A Job that was made is noted.
fn note_start(status: &mut Value, job: &LiveObject, at: Timestamp) {
    if time_at(status, &["lastScheduleTime"]).is_some_and(|known| known >= at) {
        return;
    }
    status.set_at(&["lastScheduleTime"], text_of(at).into());
    if !is_finished(job.value()) && !is_active(status, job) {
        let mut all = active(status).to_vec();
        all.push(value!({
            "kind": "Job", "apiVersion": "batch/v1",
            "namespace": (job.namespace().clone()), "name": (job.name().clone()),
            "uid": (job.uid().clone()), "resourceVersion": (job.resource_version().clone()),
        }));
        set_active(status, all);
    }
}

/// Makes a Job, unless others that run forbid it.
fn start(
    live: &LiveObject,
    jobs: &[&LiveObject],
    status: &Value,
    (at, name, zone): (Timestamp, &str, &TimeZone),
    decision: &mut Decision,
) {
    match live.value().str_at(&["spec", "concurrencyPolicy"]) {
        Some("Forbid") if !active(status).is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            let note = Note::normal(COMPONENT, live, "JobAlreadyActive", message);
            return decision.actions.push(Action::Tell(note));
        }
        Some("Replace") => {
            let running = jobs.iter().filter(|job| is_active(status, job));
            decision
                .actions
                .extend(running.map(|job| deletion(live, job)));
        }
        _ => {}
    }
    let done = format!("Created job {name}");
    let failed = format!("Error creating job: {ERROR}");
    decision
        .actions
        .push(Action::Create(job(live, at, name, zone)).told_either(
            Note::normal(COMPONENT, live, "SuccessfulCreate", done),
            Note::warning(COMPONENT, live, "FailedCreate", failed),
        ));
}

/// The Job of a time.
fn job(live: &LiveObject, at: Timestamp, name: &str, zone: &TimeZone) -> Value {
    let template = live.value().at(&["spec", "jobTemplate"]);
    let part = |path: &[&str]| template.and_then(|template| template.at(path)).cloned();
    let map = |key: &str| match part(&["metadata", key]) {
        Some(Value::Map(map)) => map,
        _ => Map::new(),
    };
    let local = at.to_zoned(zone.clone());
    let time = match local.offset().is_zero() {
        true => text_of(at),
        false => local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into(),
    };
    let mut annotations = map("annotations");
    annotations.insert(SCHEDULED, time);
    let mut metadata = value!({
        "name": name, "namespace": (live.namespace().clone()), "annotations": annotations,
        "ownerReferences": [(owner_reference(live, Kind::CronJob))],
    });
    let labels = map("labels");
    if !labels.is_empty() {
        metadata.set_at(&["labels"], labels.into());
    }
    let spec = part(&["spec"]).unwrap_or_else(Value::map);
    value!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
}
