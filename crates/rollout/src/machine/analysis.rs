//! One look at the canary: hooks, then metrics.

use super::gate::Gate;
use super::turn::{Flow, Turn, Wake};
use super::{Outcome, Question, Verdict, progress};
use std::ops::ControlFlow;
use trueup_kinds::canary::{CheckRecord, MetricReading, Phase, WebhookType};
use trueup_kinds::names;
use trueup_object::Text;

/// How much of a message is kept with a check.
const MAX_RECORD_BYTES: usize = 512;

/// Asks the hooks before the canary's first traffic, and the hooks and metrics
/// afterwards. A check that fails is counted and ends the step.
pub(super) fn analyse(turn: &mut Turn<'_>) -> Flow {
    if is_starting(turn) {
        let target = turn.target_name();
        turn.info(format!("Starting canary analysis for {target}"));
        return call(turn, WebhookType::PreRollout, "pre-rollout check");
    }
    check_hooks(turn)?;
    check_metrics(turn)
}

/// Whether the canary has had no traffic yet.
fn is_starting(turn: &Turn<'_>) -> bool {
    let mirrors = turn.analysis().mirror && turn.state.mirrored;
    turn.routed_weight() == 0 && turn.state.iterations == 0 && !mirrors
}

fn call(turn: &mut Turn<'_>, kind: WebhookType, what: &str) -> Flow {
    match turn.gate(kind, Phase::Progressing)? {
        Gate::Open => ControlFlow::Continue(()),
        Gate::Closed { hook, refusal } => refused(turn, what, &hook, &refusal),
    }
}

/// Hooks that consent at each look are not told of.
fn check_hooks(turn: &mut Turn<'_>) -> Flow {
    let outcomes = turn.hooks(WebhookType::Rollout, Phase::Progressing)?;
    let refused_by = outcomes.iter().find_map(|outcome| {
        let refusal = outcome.refusal.as_ref()?;
        Some((&outcome.name, refusal))
    });
    match refused_by {
        Some((hook, refusal)) => refused(turn, "external check", hook, refusal),
        None => ControlFlow::Continue(()),
    }
}

fn refused(turn: &mut Turn<'_>, what: &str, hook: &str, refusal: &str) -> Flow {
    let message = format!(
        "Halt {} advancement {what} {hook} failed {refusal}",
        turn.name()
    );
    fail(turn, &Verdict::Failed(message.into()), &[])
}

fn check_metrics(turn: &mut Turn<'_>) -> Flow {
    let (verdict, notes, readings) = if turn.analysis().metrics.is_empty() {
        (&Verdict::Passed, &[][..], &[][..])
    } else {
        turn.ask(Question::Checks, |outcome| match outcome {
            Outcome::Checks {
                verdict,
                notes,
                readings,
            } => Some((verdict, notes.as_slice(), readings.as_slice())),
            _ => None,
        })?
    };
    let note = notes.join("; ");
    tell_note(turn, &note);
    if *verdict == Verdict::Passed {
        record(turn, verdict, &note, readings);
        return ControlFlow::Continue(());
    }
    fail(turn, verdict, readings)
}

/// What is to be known of checks that pass is told when it is new, not at
/// every look.
fn tell_note(turn: &mut Turn<'_>, note: &str) {
    let is_known = |check: &CheckRecord| check.message == cut(note);
    if !note.is_empty() && !turn.state.checks.last().is_some_and(is_known) {
        turn.info(note.to_owned());
    }
}

/// Counts a check that did not pass. What has no limit of its own is a failed
/// check, as in Flagger.
fn fail(turn: &mut Turn<'_>, verdict: &Verdict, readings: &[MetricReading]) -> Flow {
    let message = message_of(verdict);
    turn.warn(message.to_owned());
    record(turn, verdict, message, readings);
    let own_limit = match verdict {
        Verdict::NoData(_) => turn.limit(names::CANARY_NO_DATA_LIMIT),
        Verdict::Error(_) => turn.limit(names::CANARY_ERROR_LIMIT),
        Verdict::Passed | Verdict::Failed(_) => None,
    };
    let state = &mut turn.state;
    match (verdict, own_limit) {
        (Verdict::NoData(_), Some(_)) => state.no_data_checks += 1,
        (Verdict::Error(_), Some(_)) => state.errored_checks += 1,
        _ => state.failed_checks += 1,
    }
    turn.say(message);
    let paced = turn.step_taken();
    // A run that is over is not waited for.
    match progress::failure(turn) {
        Some(_) => ControlFlow::Break(Wake::Now),
        None => paced,
    }
}

fn message_of(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Passed => "",
        Verdict::Failed(message) | Verdict::NoData(message) | Verdict::Error(message) => message,
    }
}

fn record(turn: &mut Turn<'_>, verdict: &Verdict, message: &str, readings: &[MetricReading]) {
    let check = CheckRecord {
        time: turn.now,
        weight: turn.routed_weight(),
        verdict: verdict.word().into(),
        message: Text::from(cut(message)),
        readings: readings.to_vec(),
    };
    turn.state.record(check);
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_RECORD_BYTES)]
}
