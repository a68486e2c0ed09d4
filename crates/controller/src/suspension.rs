//! Suspensions that end by themselves.

use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, Amended, StatusError};
use trueup_kinds::{Metadata, Resource, Severity, Suspension, SuspensionEnd, names, reason};
use trueup_object::{Value, value};

/// How soon the end of a suspension that could not be written is tried again.
const RETRY_MS: u64 = 5_000;

/// What a suspended object waits for: its end, if it has one. It is resumed
/// when that has come.
pub(crate) async fn rest<R: Resource + Sync>(
    context: &Context,
    key: &ObjectKey,
    resource: &R,
) -> Ended {
    let suspension = Suspension::of(resource.metadata());
    match suspension.end(context.clock.now()) {
        SuspensionEnd::Never => Ended::success(Next::Never),
        SuspensionEnd::After(left) => {
            let delay_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            Ended::success(Next::Deadline {
                delay_ms: delay_ms.max(1),
            })
        }
        SuspensionEnd::Unreadable(text) => {
            tell_unreadable(context, key, &text);
            Ended::success(Next::Never)
        }
        SuspensionEnd::Passed => match resume::<R>(context, key).await {
            Ok(Amended::Now) => {
                tell_resumed(context, key, &suspension);
                Ended::success(Next::Never)
            }
            Ok(Amended::Before) | Err(StatusError::Gone(_)) => Ended::success(Next::Never),
            Err(error) => {
                let delay_ms = RETRY_MS;
                Ended::failed(Next::Deadline { delay_ms }, error.to_string())
            }
        },
    }
}

/// Ends a suspension, unless somebody has made another of it meanwhile.
async fn resume<R: Resource>(context: &Context, key: &ObjectKey) -> Result<Amended, StatusError> {
    let now = context.clock.now();
    status::amend(context, key, &|resource: &R| {
        let end = Suspension::of(resource.metadata()).end(now);
        let is_over = resource.is_suspended() && end == SuspensionEnd::Passed;
        is_over.then(|| {
            let mut patch = without_annotations(resource.metadata());
            patch.set_at(&["spec", "suspend"], false.into());
            patch
        })
    })
    .await
}

/// Takes off what is left of a suspension that somebody else has ended, lest
/// it be taken for part of the next.
pub(crate) async fn clear<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    resource: &R,
) -> Result<(), StatusError> {
    if Suspension::of(resource.metadata()).is_empty() {
        return Ok(());
    }
    status::amend(context, key, &|resource: &R| {
        let metadata = resource.metadata();
        let is_left = !resource.is_suspended() && !Suspension::of(metadata).is_empty();
        is_left.then(|| without_annotations(metadata))
    })
    .await?;
    Ok(())
}

fn without_annotations(metadata: &Metadata) -> Value {
    let mut patch = value!({"metadata": {"annotations": {}}});
    for key in Suspension::ANNOTATIONS {
        if metadata.annotations.contains_key(key) {
            patch.set_at(&["metadata", "annotations", key], Value::Null);
        }
    }
    patch
}

fn tell_resumed(context: &Context, key: &ObjectKey, suspension: &Suspension) {
    let mut text = format!(
        "resumed: the suspension{} is over",
        suspension.who_and_when()
    );
    if let Some(why) = &suspension.reason {
        text.push_str(&format!(" ({why})"));
    }
    let report = context.report_about(key, Severity::Info, reason::RESUMED, text);
    context.publish(key, report);
}

fn tell_unreadable(context: &Context, key: &ObjectKey, text: &str) {
    let text = format!(
        "suspended until it is resumed: the annotation {} says {text:?}, which is no time; \
         expected one such as 2026-01-02T15:04:05Z",
        names::SUSPEND_UNTIL
    );
    let reason = reason::INVALID_ANNOTATION;
    let mut report = context.report_about(key, Severity::Error, reason, text.as_str());
    report.error = Some(text.into());
    context.publish(key, report);
}
