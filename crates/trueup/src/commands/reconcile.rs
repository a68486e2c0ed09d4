//! `trueup reconcile`: ask for it by annotation, wait for the answer in the
//! status, as the flux CLI does.

use super::suspend::COMMAND_MANAGER;
use super::{Failure, said};
use crate::arguments::{ReconcileArguments, SourceTarget, Target};
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION, Words, condition, is_suspended};
use crate::{connect, progress};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, Patch, Session, WriteOptions};
use trueup_kinds::reason;
use trueup_object::{ObjectRef, Value, value};

/// How often the status is read while waiting.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Reconciles the source first where asked to, then the object.
pub async fn run(arguments: ReconcileArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let deadline = connect::timeout(&arguments.scope);
    let (words, name) = parts(&arguments.target);
    let object = words.object(&arguments.scope.namespace, name);
    if arguments.with_source {
        let source = source_of(&session, &object).await?;
        reconcile(&session, &GIT_REPOSITORY, &source, deadline).await?;
    }
    reconcile(&session, words, &object, deadline).await?;
    Ok(ExitCode::SUCCESS)
}

/// The kind and name that a command speaks of.
pub fn parts(target: &Target) -> (&'static Words, &str) {
    match target {
        Target::Kustomization { name } => (&KUSTOMIZATION, name),
        Target::Source {
            kind: SourceTarget::Git { name },
        } => (&GIT_REPOSITORY, name),
    }
}

async fn source_of(session: &Session, object: &ObjectRef) -> Result<ObjectRef, Failure> {
    let live = session.get(object, Form::Full).await?;
    let source = live.value().at(&["spec", "sourceRef"]);
    let text = |key: &str| source.and_then(|source| source.str_at(&[key]));
    match (text("kind"), text("name")) {
        (Some("GitRepository"), Some(name)) => {
            Ok(GIT_REPOSITORY.object(text("namespace").unwrap_or(&object.namespace), name))
        }
        (Some(kind), _) => Err(said(format!(
            "the source of {object} is a {kind}, which is not served yet"
        ))),
        _ => Err(said(format!(
            "{object} names no source to reconcile with --with-source"
        ))),
    }
}

async fn reconcile(
    session: &Session,
    words: &Words,
    object: &ObjectRef,
    timeout: Duration,
) -> Result<(), Failure> {
    let before = session.get(object, Form::Full).await?;
    if is_suspended(before.value()) {
        return Err(said("resource is suspended"));
    }
    let handled = before
        .value()
        .str_at(&["status", "lastHandledReconcileAt"])
        .unwrap_or_default()
        .to_owned();
    progress::action(&format!(
        "annotating {} {} in {} namespace",
        words.kind, object.name, object.namespace
    ));
    annotate(session, object).await?;
    progress::success(&format!("{} annotated", words.kind));
    progress::waiting(&format!("waiting for {} reconciliation", words.kind));
    let revision = wait_until_settled(session, words, object, Some(&handled), timeout).await?;
    progress::success(&format!("{} {revision}", words.done));
    Ok(())
}

async fn annotate(session: &Session, object: &ObjectRef) -> Result<(), Failure> {
    let now = jiff::Timestamp::now().to_string();
    let patch = Patch::Merge(
        value!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": now}}}),
    );
    session
        .patch(object, &patch, &WriteOptions::new(COMMAND_MANAGER))
        .await?;
    Ok(())
}

/// Waits until an object's status speaks of its newest generation (and of a
/// request other than `handled`, where given) and is decided; returns the
/// revision, or what the object says is wrong.
pub async fn wait_until_settled(
    session: &Session,
    words: &Words,
    object: &ObjectRef,
    handled: Option<&str>,
    timeout: Duration,
) -> Result<String, Failure> {
    let deadline = Instant::now() + timeout;
    loop {
        let live = session.get(object, Form::Full).await?;
        match verdict(live.value(), handled) {
            Verdict::Ready => return Ok(words.revision(live.value()).to_owned()),
            Verdict::Failed(message) => {
                return Err(said(format!(
                    "{} reconciliation failed: {message}",
                    words.kind
                )));
            }
            Verdict::Waiting(message) if Instant::now() >= deadline => {
                let reason = if message.is_empty() {
                    String::new()
                } else {
                    format!(": {message}")
                };
                return Err(said(format!(
                    "{} reconciliation is not finished after the timeout{reason}",
                    words.kind
                )));
            }
            Verdict::Waiting(_) => sleep(POLL_INTERVAL).await,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ready,
    Failed(String),
    Waiting(String),
}

fn verdict(object: &Value, handled: Option<&str>) -> Verdict {
    let status_of = |kind| condition(object, kind).and_then(|found| found.str_at(&["status"]));
    let message_of = |kind| {
        condition(object, kind)
            .and_then(|found| found.str_at(&["message"]))
            .unwrap_or_default()
            .to_owned()
    };
    let acknowledged = object
        .str_at(&["status", "lastHandledReconcileAt"])
        .unwrap_or_default();
    let is_current = object.i64_at(&["status", "observedGeneration"])
        == object.i64_at(&["metadata", "generation"])
        && handled.is_none_or(|before| before != acknowledged);
    // A failure that is tried again later is decided for now: a person who
    // waits wants to hear of it.
    let reconciling = condition(object, "Reconciling");
    let is_retried = reconciling.and_then(|found| found.str_at(&["reason"]))
        == Some(reason::PROGRESSING_WITH_RETRY);
    if !is_current || (status_of("Reconciling") == Some("True") && !is_retried) {
        return Verdict::Waiting(message_of("Ready"));
    }
    match status_of("Ready") {
        Some("True") => Verdict::Ready,
        Some("False") => Verdict::Failed(message_of("Ready")),
        _ => Verdict::Waiting(message_of("Ready")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(handled: &str, observed: i64, ready: &str) -> Value {
        value!({
            "metadata": {"generation": 2},
            "status": {
                "observedGeneration": observed,
                "lastHandledReconcileAt": handled,
                "conditions": [{"type": "Ready", "status": ready, "message": "why"}],
            },
        })
    }

    #[test]
    fn an_old_verdict_is_not_taken_for_the_new_one() {
        assert_eq!(
            verdict(&object("a", 2, "True"), Some("a")),
            Verdict::Waiting("why".into())
        );
        assert_eq!(
            verdict(&object("a", 1, "True"), None),
            Verdict::Waiting("why".into())
        );
        assert_eq!(verdict(&object("b", 2, "True"), Some("a")), Verdict::Ready);
    }

    #[test]
    fn a_failure_is_told_in_the_objects_words() {
        assert_eq!(
            verdict(&object("b", 2, "False"), Some("a")),
            Verdict::Failed("why".into())
        );
    }

    #[test]
    fn what_is_still_going_on_is_no_failure_unless_it_is_a_retry() {
        let reconciling = |reason: &str| {
            let mut object = object("b", 2, "False");
            let ready = value!({"type": "Ready", "status": "False", "message": "why"});
            let more = value!({"type": "Reconciling", "status": "True", "reason": reason});
            object.set_at(&["status", "conditions"], value!([ready, more]));
            verdict(&object, Some("a"))
        };
        assert_eq!(reconciling("Progressing"), Verdict::Waiting("why".into()));
        assert_eq!(
            reconciling("ProgressingWithRetry"),
            Verdict::Failed("why".into())
        );
    }
}
