//! The status: when it is written, and what its conditions say.

use super::turn::{Flow, Standing, Turn, Wake};
use super::{Command, References};
use crate::metrics::MAX_METRICS;
use jiff::Timestamp;
use std::ops::ControlFlow;
use trueup_kinds::canary::{
    CanaryStatus, FieldError, FieldErrors, Phase, change_conditions, change_promoted,
    promoted_status,
};
use trueup_kinds::{ApiDuration, Condition, condition_type, names, reason};

/// Reason of the conditions of a `Canary` that can't be served as it is.
const INVALID: &str = "InvalidSpec";
/// Reason of the conditions while something is waited for.
const AWAITING: &str = "Awaiting";
/// What is said of a suspended `Canary`.
const SUSPENDED: &str = "skipping canary run as object is suspended";

impl Turn<'_> {
    /// Writes the status, if there is anything new in it.
    pub(super) fn write(&mut self) {
        self.state.observed_generation = self.seen.metadata.generation;
        if let Some(request) = self.seen.metadata.requested_at() {
            self.state.last_handled_reconcile_at = Some(request.into());
        }
        self.set_conditions();
        if self.state == self.stored {
            return;
        }
        self.state.last_transition_time = Some(whole_seconds(self.now));
        self.stored = self.state.clone();
        self.commands
            .push(Command::WriteStatus(Box::new(self.state.clone())));
    }

    fn set_conditions(&mut self) {
        let phase = self.state.phase;
        let detail = self.detail();
        let generation = self.seen.metadata.generation;
        let kind = &self.seen.spec.target_ref.kind;
        let conditions = &mut self.state.conditions;
        if self.standing == Standing::Refused {
            let mut change = conditions.change(generation, self.now);
            change.stalled(INVALID, &detail);
            return;
        }
        if phase == Phase::Unset && self.standing != Standing::Suspended {
            return;
        }
        if self.standing == Standing::Phase {
            change_conditions(conditions, phase, kind, &detail, generation, self.now);
            return;
        }
        if phase != Phase::Unset {
            change_promoted(conditions, phase, kind, self.now);
        }
        let mut change = conditions.change(generation, self.now);
        if self.standing == Standing::Suspended {
            let (ready, status) = (condition_type::READY, promoted_status(phase));
            change
                .remove(condition_type::RECONCILING)
                .remove(condition_type::STALLED)
                .set(ready, status, reason::SUSPENDED, &detail);
        } else {
            change.reconciling(AWAITING, &detail).set_unknown(
                condition_type::READY,
                AWAITING,
                &detail,
            );
        }
    }

    /// What the conditions say in words: what was said last as long as the
    /// phase stays and nothing else is said.
    fn detail(&self) -> String {
        if let Some(detail) = &self.detail {
            return detail.clone();
        }
        let phase = self.state.phase;
        match said_with(&self.stored, phase.as_str()) {
            Some(said) => said.message.to_string(),
            None => words_of(&self.state),
        }
    }

    /// What the stored conditions say that is waited for, and since when.
    pub(super) fn awaited(&self) -> Option<&Condition> {
        said_with(&self.stored, AWAITING)
    }
}

fn said_with<'a>(status: &'a CanaryStatus, reason: &str) -> Option<&'a Condition> {
    let ready = status.conditions.get(condition_type::READY);
    ready.filter(|ready| ready.reason == reason)
}

fn words_of(status: &CanaryStatus) -> String {
    let fixed = match status.phase {
        Phase::Progressing if status.canary_weight > 0 => {
            return format!("Canary weight {}.", status.canary_weight);
        }
        Phase::Unset => "",
        Phase::Initializing => "Making the primary.",
        Phase::Initialized => "The primary serves.",
        Phase::Waiting | Phase::WaitingPromotion => "Waiting for approval.",
        Phase::Progressing => "A new revision is watched.",
        Phase::Promoting => "The primary is updated.",
        Phase::Finalising => "The canary is about to go.",
        Phase::Succeeded => "The new revision is promoted.",
        Phase::Failed => "The new revision has failed.",
        Phase::Terminating | Phase::Terminated => "What was changed is put back.",
    };
    fixed.to_owned()
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Ends the step of a `Canary` that can't be served as it is; its traffic stays
/// as it is.
pub(super) fn refuse_invalid(turn: &mut Turn<'_>) -> Flow {
    let seen = turn.seen;
    let mut problems = seen.spec.problems(&seen.settings.default_provider);
    if seen.settings.references == References::OwnNamespaceOnly {
        let metadata = &seen.metadata;
        let across = seen
            .spec
            .cross_namespace_problems(&metadata.name, &metadata.namespace);
        problems.extend(across);
    }
    problems.extend(seen.refusals.iter().cloned());
    problems.extend(too_many_metrics(turn));
    problems.extend(annotation_problems(turn));
    if problems.is_empty() {
        return ControlFlow::Continue(());
    }
    let message = FieldErrors(problems).to_string();
    turn.standing = Standing::Refused;
    let ready = turn.stored.conditions.get(condition_type::READY);
    if !ready.is_some_and(|ready| ready.reason == INVALID && ready.message == message) {
        turn.warn(format!("Canary {} is invalid: {message}", turn.name()));
    }
    turn.say(message);
    ControlFlow::Break(Wake::OnEvent)
}

fn too_many_metrics(turn: &Turn<'_>) -> Option<FieldError> {
    let count = turn.analysis().metrics.len();
    (count > MAX_METRICS).then(|| FieldError {
        path: "spec.analysis.metrics".into(),
        message: format!("has {count} items, at most {MAX_METRICS} are served").into(),
    })
}

fn annotation_problems(turn: &Turn<'_>) -> Vec<FieldError> {
    let annotations = &turn.seen.metadata.annotations;
    let problem = |key: &str, message: &str| FieldError {
        path: format!("metadata.annotations[{key}]").into(),
        message: message.into(),
    };
    let limits = [names::CANARY_NO_DATA_LIMIT, names::CANARY_ERROR_LIMIT];
    let mut problems: Vec<FieldError> = limits
        .into_iter()
        .filter(|key| {
            annotations
                .get(*key)
                .is_some_and(|it| limit_of(it).is_none())
        })
        .map(|key| problem(key, "is no whole number above 0"))
        .collect();
    let key = names::CANARY_MAX_DURATION;
    if annotations
        .get(key)
        .is_some_and(|it| ApiDuration::parse(it).is_err())
    {
        problems.push(problem(key, "is no duration, such as 2h"));
    }
    problems
}

/// The limit in an annotation.
pub(super) fn limit_of(text: &str) -> Option<i64> {
    text.parse().ok().filter(|limit| *limit > 0)
}

/// Ends the step of a `Canary` that a person wants to stand still.
pub(super) fn stand_still(turn: &mut Turn<'_>) -> Flow {
    let annotations = &turn.seen.metadata.annotations;
    let paused = annotations.get(names::CANARY_PAUSED);
    let paused = paused.is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let was_suspended = said_with(&turn.stored, reason::SUSPENDED).is_some();
    if !turn.seen.spec.suspend && !paused {
        if was_suspended && turn.state.last_step_time.is_some() {
            // Nothing was looked at meanwhile.
            turn.state.last_step_time = Some(turn.now);
        }
        return ControlFlow::Continue(());
    }
    turn.standing = Standing::Suspended;
    if !was_suspended {
        turn.info(SUSPENDED.to_owned());
    }
    turn.say(SUSPENDED);
    ControlFlow::Break(Wake::OnEvent)
}
