//! Conditions and history of Kustomizations, and the events about them.

use super::apply::Done;
use super::build::Build;
use super::execute::waiting_text;
use super::failure::{Cure, Failure, TRANSIENT_RETRY_MS, Telling};
use super::memory::{Mark, Purpose};
use crate::context::Context;
use crate::live::What;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, News, StatusError};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_gocompat::format_duration;
use trueup_kinds::condition_type::{
    DELETIONS_HELD, HEALTHY, PLANNED, READY, RECONCILING, WATCHING,
};
use trueup_kinds::{
    ConditionChange, ConditionStatus, Inventory, KindError, Kustomization, KustomizationStatus,
    Reconciliation, Resource, Severity, message, names, reason,
};
use trueup_object::Text;

/// How many kinds that may not be watched a condition names.
const MAX_UNWATCHED_NAMED: usize = 10;

/// Before the first write of new objects: the inventory names them, and the
/// conditions say that work is under way.
pub(super) async fn writing(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
    before: &Kustomization,
    union: &Inventory,
) -> Result<(), StatusError> {
    let now = context.clock.now();
    let text = message::detecting_drift(&mark.revision, before.spec.timeout_or_default());
    status::change(context, key, &|kustomization: &mut Kustomization| {
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        status.inventory = Some(status.inventory.clone().unwrap_or_default().union(union));
        status.last_attempted_revision = Some(mark.revision.clone());
        in_progress(&mut status.conditions.change(generation, now), &text);
    })
    .await?;
    Ok(())
}

/// Something is under way, and nobody knows yet how it ends.
fn in_progress(change: &mut ConditionChange<'_>, text: &str) {
    change.reconciling(reason::PROGRESSING, text).set_unknown(
        READY,
        reason::PROGRESSING,
        message::RECONCILIATION_IN_PROGRESS,
    );
}

/// The archive of the source is still on its way. What was ready at the same
/// revision is not declared otherwise before it is known to be lost.
pub(super) async fn fetching(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
) -> Result<(), StatusError> {
    let now = context.clock.now();
    status::change(context, key, &|kustomization: &mut Kustomization| {
        acknowledge(kustomization);
        let timeout = kustomization.spec.timeout_or_default();
        let generation = kustomization.metadata.generation;
        let text = message::fetching_manifests(&mark.revision, timeout);
        let status = &mut kustomization.status;
        if !stands(status, generation, mark) {
            in_progress(&mut status.conditions.change(generation, now), &text);
        }
    })
    .await?;
    Ok(())
}

/// Whether the inventory of the newest copy names nothing that a run has not
/// reckoned with. What another process has put there since would be forgotten
/// if it were replaced by what the run has left.
pub(super) fn names_only(known: &Inventory) -> impl Fn(&Kustomization) -> bool + Send + Sync {
    move |newest| {
        let inventory = newest.status.inventory.as_ref();
        inventory.is_none_or(|it| it.without(known).is_empty())
    }
}

/// Whether what a run has found out about a state holds for the newest copy:
/// it is the same specification, and names nothing else.
pub(super) fn still_holds(
    mark: &Mark,
    known: &Inventory,
) -> impl Fn(&Kustomization) -> bool + Send + Sync {
    let (generation, names_only) = (mark.generation, names_only(known));
    move |newest| newest.metadata.generation == generation && names_only(newest)
}

/// Notes which objects are left after a prune that did not succeed whole:
/// those that the run has reckoned with, and those that are left of them.
pub(super) async fn pruned(
    context: &Context,
    key: &ObjectKey,
    (known, left): (&Inventory, &Inventory),
) -> Result<(), StatusError> {
    let change = |kustomization: &mut Kustomization| {
        kustomization.status.inventory = Some(left.clone());
    };
    status::change_where(context, key, &names_only(known), &change).await?;
    Ok(())
}

/// A revision that changes nothing: the status follows it, nothing else.
pub(super) async fn unaffected(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
    attempt: Option<&Attempt>,
) -> Result<Ended, StatusError> {
    let now = context.clock.now();
    status::change(context, key, &|kustomization: &mut Kustomization| {
        acknowledge(kustomization);
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        status.last_applied_revision = Some(mark.revision.clone());
        status
            .last_applied_origin_revision
            .clone_from(&mark.origin_revision);
        status.last_attempted_revision = Some(mark.revision.clone());
        if let Some(attempt) = attempt {
            let (digest, took) = (attempt.digest.clone(), attempt.took);
            let ended = ended(digest, took, mark, reason::RECONCILIATION_SUCCEEDED, now);
            status.history.add(&ended);
        }
        let text = message::applied_revision(&mark.revision);
        status
            .conditions
            .change(generation, now)
            .ready(reason::RECONCILIATION_SUCCEEDED, &text);
    })
    .await?;
    Ok(Ended::success(Next::Interval))
}

/// Everything is applied and not healthy yet. What was ready, with nothing
/// changed since, is not declared otherwise before the time is up. The
/// inventories are that with which the run has reckoned, and what it is now.
pub(super) async fn waiting(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
    (known, inventory): (&Inventory, &Inventory),
    purpose: Purpose,
) -> Result<(), StatusError> {
    let now = context.clock.now();
    let change = |kustomization: &mut Kustomization| {
        acknowledge(kustomization);
        let timeout = kustomization.spec.timeout_or_default();
        let generation = kustomization.metadata.generation;
        let text = waiting_text(purpose, &mark.revision, timeout);
        let status = &mut kustomization.status;
        let stands = stands(status, generation, mark);
        status.inventory = Some(inventory.clone());
        status.last_attempted_revision = Some(mark.revision.clone());
        if !stands {
            let mut change = status.conditions.change(generation, now);
            in_progress(&mut change, &text);
            if purpose == Purpose::Health {
                change.set_unknown(HEALTHY, reason::PROGRESSING, &text);
            }
        }
    };
    status::change_where(context, key, &still_holds(mark, known), &change).await?;
    Ok(())
}

/// Whether what the status says of this very state still holds while health
/// is looked at anew: it was healthy, or it was waited for in vain.
fn stands(status: &KustomizationStatus, generation: i64, mark: &Mark) -> bool {
    let Some(ready) = status.conditions.get(READY) else {
        return false;
    };
    let was_ready = ready.status == ConditionStatus::True
        && status.last_applied_revision.as_ref() == Some(&mark.revision);
    let was_unhealthy = ready.reason == reason::HEALTH_CHECK_FAILED
        && status.last_attempted_revision.as_ref() == Some(&mark.revision);
    ready.observed_generation == generation && (was_ready || was_unhealthy)
}

/// What the cluster was brought to.
pub(super) struct Goal<'a> {
    pub mark: &'a Mark,
    pub build: &'a Build,
    pub inventory: &'a Inventory,
    pub health: Option<Duration>,
    pub done: &'a Done,
    pub took: Duration,
}

/// A run that came so far that its end counts in the history.
pub(super) struct Attempt {
    /// Digest of what was to be applied.
    pub digest: Text,
    /// How long it took, waiting for health included.
    pub took: Duration,
}

/// Everything is as it should be. Where that is no news, nothing is written.
pub(super) async fn goal(
    context: &Context,
    key: &ObjectKey,
    goal: &Goal<'_>,
) -> Result<(), StatusError> {
    let before: Kustomization = status::read(context, key)?;
    let news = is_news(&before, goal);
    let now = context.clock.now();
    let unwatched = unwatched(context, key, before.spec.interval_or_least());
    let change = |kustomization: &mut Kustomization| {
        acknowledge(kustomization);
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        status.inventory = Some(goal.inventory.clone());
        status.last_applied_revision = Some(goal.mark.revision.clone());
        status
            .last_applied_origin_revision
            .clone_from(&goal.mark.origin_revision);
        status.last_attempted_revision = Some(goal.mark.revision.clone());
        if news {
            let (digest, reason) = (goal.build.digest(), reason::RECONCILIATION_SUCCEEDED);
            status
                .history
                .add(&ended(digest, goal.took, goal.mark, reason, now));
        }
        let mut change = status.conditions.change(generation, now);
        change.ready(
            reason::RECONCILIATION_SUCCEEDED,
            &message::applied_revision(&goal.mark.revision),
        );
        change.remove(DELETIONS_HELD).remove(PLANNED);
        match &unwatched {
            Some(text) => change.set_false(WATCHING, reason::WATCH_FAILED, text),
            None => change.remove(WATCHING),
        };
        match goal.health {
            Some(waited) if news => {
                change.set_true(
                    HEALTHY,
                    reason::SUCCEEDED,
                    &message::health_check_passed(waited),
                );
            }
            Some(_) => {}
            None => {
                change.remove(HEALTHY);
            }
        }
    };
    let holds = still_holds(goal.mark, &goal.done.known);
    status::change_where(context, key, &holds, &change).await?;
    if news {
        tell_goal(context, key, &before, goal);
    }
    Ok(())
}

/// Says which objects are not watched, if some are not, and how their changes
/// are found all the same.
fn unwatched(context: &Context, key: &ObjectKey, interval: Duration) -> Option<String> {
    let forbidden = context.live.forbidden_to(key);
    if forbidden.is_empty() {
        return None;
    }
    let named = forbidden.iter().map(|(subject, why)| match &subject.what {
        What::Owned(kind) => format!("{}: {why}", kind.kind),
        What::OwnedIn(kind, namespace, _) => format!("{} in {namespace}: {why}", kind.kind),
        What::Named(object, _) => format!("{object}: {why}"),
    });
    let mut lines = message::capped(named, MAX_UNWATCHED_NAMED);
    let every = format_duration(interval);
    lines.insert(
        0,
        format!("changes are found only at the interval of {every}, because watching is refused"),
    );
    Some(lines.join("\n"))
}

/// Whether reaching the goal is more than an interval check that found
/// nothing.
fn is_news(before: &Kustomization, goal: &Goal<'_>) -> bool {
    !before.status.conditions.is_true(READY)
        || before.status.conditions.is_true(RECONCILING)
        || before.status.last_applied_revision.as_ref() != Some(&goal.mark.revision)
        || before.status.observed_generation != before.metadata.generation
        || !goal.done.changes.is_empty()
        || (goal.health.is_some() && !before.status.conditions.is_true(HEALTHY))
}

/// An entry of the history.
fn ended(
    digest: Text,
    took: Duration,
    mark: &Mark,
    status: &str,
    at: jiff::Timestamp,
) -> Reconciliation {
    Reconciliation {
        digest,
        status: status.into(),
        at,
        took,
        metadata: revisions(mark),
    }
}

/// The metadata of an entry of the history.
fn revisions(mark: &Mark) -> BTreeMap<Text, Text> {
    let origin = mark.origin_revision.clone();
    let revision = Some(mark.revision.clone());
    [("revision", revision), ("originRevision", origin)]
        .into_iter()
        .filter_map(|(key, text)| Some((key.into(), text?)))
        .collect()
}

fn tell_goal(context: &Context, key: &ObjectKey, before: &Kustomization, goal: &Goal<'_>) {
    let moved = before.status.last_applied_revision.as_ref() != Some(&goal.mark.revision);
    let recovered = !before.status.conditions.is_true(READY);
    if let Some(waited) = goal
        .health
        .filter(|_| recovered || !goal.done.changes.is_empty())
    {
        let text = message::health_check_passed(waited);
        publish(
            context,
            key,
            Some(goal.mark),
            Severity::Info,
            reason::SUCCEEDED,
            &text,
        );
    }
    if moved || recovered {
        let text = message::applied_revision(&goal.mark.revision);
        publish(
            context,
            key,
            Some(goal.mark),
            Severity::Info,
            reason::RECONCILIATION_SUCCEEDED,
            &text,
        );
    }
}

/// Something failed: says so, and when it is tried again.
pub(super) async fn failure(
    context: &Context,
    key: &ObjectKey,
    mark: Option<&Mark>,
    attempt: Option<&Attempt>,
    failure: &Failure,
) -> Result<Ended, StatusError> {
    let failure = &Failure {
        message: context.memories.masked(key, &failure.message),
        ..failure.clone()
    };
    let before: Kustomization = status::read(context, key)?;
    let told = before.status.conditions.get(READY);
    let news =
        told.is_none_or(|ready| ready.reason != failure.reason || ready.message != failure.message);
    let now = context.clock.now();
    status::change(context, key, &|kustomization: &mut Kustomization| {
        acknowledge(kustomization);
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        if let Some(mark) = mark {
            status.last_attempted_revision = Some(mark.revision.clone());
            if let Some(attempt) = attempt {
                let digest = attempt.digest.clone();
                let ended = ended(digest, attempt.took, mark, failure.reason, now);
                status.history.add(&ended);
            }
        }
        let mut change = status.conditions.change(generation, now);
        match failure.cure {
            Cure::Specification => change.stalled(failure.reason, &failure.message),
            _ => change.failed(failure.reason, &failure.message),
        };
        change.remove(PLANNED);
        if failure.reason == reason::HEALTH_CHECK_FAILED {
            change.set_false(HEALTHY, failure.reason, &failure.message);
        }
    })
    .await?;
    if failure.telling == Telling::ConditionOnly {
        let text = failure.message.as_str();
        let report = context.report_about(key, Severity::Info, failure.reason, text);
        context.reports.log(key, &report);
    } else if news {
        tell_failure(context, key, mark, failure);
    }
    Ok(Ended::failed(
        next(context, &before, failure.cure),
        failure.message.clone(),
    ))
}

/// A dependency that is not ready is no error of this object.
fn tell_failure(context: &Context, key: &ObjectKey, mark: Option<&Mark>, failure: &Failure) {
    if failure.reason == reason::DEPENDENCY_NOT_READY {
        let retry = Duration::from_millis(context.settings.requeue_dependency_ms);
        let text = message::dependencies_not_ready(retry);
        return publish(context, key, mark, Severity::Info, failure.reason, &text);
    }
    publish(
        context,
        key,
        mark,
        Severity::Error,
        failure.reason,
        &failure.message,
    );
}

fn next(context: &Context, kustomization: &Kustomization, cure: Cure) -> Next {
    let retry = kustomization.spec.retry_interval_or_default();
    let retry_ms = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
    let within = |delay_ms: u64| Next::After {
        delay_ms: retry_ms.min(delay_ms),
    };
    match cure {
        Cure::Retry => Next::After { delay_ms: retry_ms },
        Cure::Soon => within(TRANSIENT_RETRY_MS),
        Cure::Within { delay_ms } => within(delay_ms),
        Cure::Kind => Next::Kind { delay_ms: retry_ms },
        Cure::Dependency => Next::Dependency {
            delay_ms: context.settings.requeue_dependency_ms,
        },
        Cure::Specification => Next::Never,
    }
}

/// The object can't be read as its kind: its condition says it, and an event
/// where that is new or could not be written.
pub(super) async fn unreadable(context: &Context, key: &ObjectKey, error: &KindError) -> Ended {
    let text = error.to_string();
    let marked = status::mark_unreadable::<Kustomization>(context, key, error).await;
    if !matches!(marked, Ok(News::Known)) {
        publish(context, key, None, Severity::Error, reason::FAILED, &text);
    }
    Ended::failed(status::next_of_unreadable(&marked), text)
}

/// The status is about this generation, and the request is handled.
pub(super) fn acknowledge(kustomization: &mut Kustomization) {
    kustomization.status.observed_generation = kustomization.metadata().generation;
    if let Some(asked) = kustomization.metadata.requested_at() {
        kustomization.status.last_handled_reconcile_at = Some(asked.into());
    }
}

/// Publishes a report with Flux's metadata: the revision, that at the origin,
/// and the request that is being handled, if any.
pub(super) fn publish(
    context: &Context,
    key: &ObjectKey,
    mark: Option<&Mark>,
    severity: Severity,
    reason: &str,
    text: &str,
) {
    let text = context.memories.masked(key, text);
    let mut report = context.report_about(key, severity, reason, text.as_str());
    report.revision = mark.map(|mark| mark.revision.clone());
    let origin = mark.and_then(|mark| mark.origin_revision.clone());
    let more = [("originRevision", origin), ("token", request(context, key))];
    for (key, text) in more {
        let Some(text) = text else { continue };
        report.metadata.entry(key.into()).or_insert(text);
    }
    if severity == Severity::Error {
        report.error = Some(text.into());
    }
    context.publish(key, report);
}

/// The value of the request annotation.
fn request(context: &Context, key: &ObjectKey) -> Option<Text> {
    let object = context.objects.get(key)?;
    let asked = object.annotations().get(names::REQUESTED_AT)?.as_str()?;
    Some(asked.into())
}
