//! Waiting until an object has settled.

use super::{Failure, said};
use crate::progress::{self, Spinner};
use crate::words::{Settles, Words, condition};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{Form, Session};
use trueup_kinds::reason;
use trueup_object::{ObjectRef, Value};

/// How often the status is read while waiting.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What an object says is told only after it has been waited for so long.
const QUIET: Duration = Duration::from_secs(3);

/// Waits until an object's status speaks of its newest generation (and of a
/// request other than `handled`, where given) and is decided; returns what it
/// has reached, in words, or what the object says is wrong.
pub async fn until_settled(
    session: &Session,
    words: &Words,
    object: &ObjectRef,
    handled: Option<&str>,
    timeout: Duration,
) -> Result<String, Failure> {
    let started = Instant::now();
    let mut news = News::new(words, object);
    loop {
        let live = session.get(object, Form::Full).await?;
        match verdict(live.value(), handled, words.settles) {
            Verdict::Ready => return Ok(words.reached(live.value())),
            Verdict::Failed(message) => {
                return Err(
                    said(format!("{} reconciliation failed: {message}", words.kind))
                        .hinted(advice(words, object)),
                );
            }
            Verdict::Waiting(message) if started.elapsed() >= timeout => {
                return Err(too_late(words, object, &message));
            }
            Verdict::Waiting(message) => {
                if started.elapsed() >= QUIET {
                    news.tell(&message);
                }
                sleep(POLL_INTERVAL).await;
            }
        }
    }
}

fn too_late(words: &Words, object: &ObjectRef, message: &str) -> Failure {
    let reason = if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    };
    said(format!(
        "{} reconciliation is not finished after the timeout{reason}",
        words.kind
    ))
    .hinted(advice(words, object))
}

fn advice(words: &Words, object: &ObjectRef) -> String {
    format!(
        "`trueup events --for {}/{} -n {}` tells what happened",
        words.kind, object.name, object.namespace
    )
}

/// What an object says while it is waited for: a moving line on a terminal,
/// one line a change elsewhere.
struct News {
    subject: String,
    last: Option<String>,
    spinner: Spinner,
}

impl News {
    fn new(words: &Words, object: &ObjectRef) -> Self {
        let subject = format!("{} {}", words.kind, object.name);
        Self {
            spinner: Spinner::start(&subject),
            subject,
            last: None,
        }
    }

    fn tell(&mut self, message: &str) {
        if message.is_empty() || self.last.as_deref() == Some(message) {
            return;
        }
        self.last = Some(message.to_owned());
        let line = format!("{}: {message}", self.subject);
        if std::io::stderr().is_terminal() {
            self.spinner = Spinner::start(&line);
        } else {
            progress::waiting(&line);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ready,
    Failed(String),
    Waiting(String),
}

fn verdict(object: &Value, handled: Option<&str>, settles: Settles) -> Verdict {
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
    let is_waited_for = match settles {
        Settles::WhenReady => status_of("Reconciling") == Some("True") && !is_retried,
        Settles::WhenSeen => is_resting(object),
    };
    if !is_current || is_waited_for {
        return Verdict::Waiting(message_of("Ready"));
    }
    match status_of("Ready") {
        Some("True") => Verdict::Ready,
        Some("Unknown") if settles == Settles::WhenSeen => Verdict::Ready,
        Some("False") => Verdict::Failed(message_of("Ready")),
        _ => Verdict::Waiting(message_of("Ready")),
    }
}

/// Whether the status is still that of a suspended object.
fn is_resting(object: &Value) -> bool {
    let reason = condition(object, "Ready").and_then(|ready| ready.str_at(&["reason"]));
    reason == Some(reason::SUSPENDED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn verdict(object: &Value, handled: Option<&str>) -> Verdict {
        super::verdict(object, handled, Settles::WhenReady)
    }

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
    fn a_run_that_was_looked_at_is_not_waited_for() {
        let seen = |object: &Value| super::verdict(object, Some("a"), Settles::WhenSeen);
        let waiting = Verdict::Waiting("why".into());
        assert_eq!(seen(&object("b", 2, "Unknown")), Verdict::Ready);
        assert_eq!(seen(&object("b", 2, "True")), Verdict::Ready);
        assert_eq!(seen(&object("a", 2, "Unknown")), waiting);
        assert_eq!(seen(&object("b", 1, "Unknown")), waiting);
        assert_eq!(
            seen(&object("b", 2, "False")),
            Verdict::Failed("why".into())
        );
        let mut resting = object("b", 2, "Unknown");
        let ready = value!({"type": "Ready", "status": "Unknown", "reason": "Suspended"});
        resting.set_at(&["status", "conditions"], value!([ready]));
        assert_eq!(seen(&resting), Verdict::Waiting(String::new()));
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
