//! The end of a run that has failed.

use super::request::RequestVerb;
use super::turn::{Flow, Turn, Wake};
use super::{AlertDetail, Command, RoutesSeen};
use std::ops::ControlFlow;
use trueup_kinds::canary::{AlertSeverity, PendingStep, Phase, TOTAL_WEIGHT, WebhookType};
use trueup_kinds::{ApiDuration, EventType};

/// Why a run has failed.
pub(super) enum Cause {
    /// Checks failed as often as the threshold says.
    FailedChecks,
    /// Checks found no data as often as their own limit says.
    NoData,
    /// Checks could not be made as often as their own limit says.
    Errors,
    /// A hook says so.
    Hook,
    /// A person says so.
    Abort,
    /// It took longer than a person wants.
    TooLong(ApiDuration),
    /// Something did not get ready.
    NotReady(String),
}

/// Ends the run if a person asks for it.
pub(super) fn abort(turn: &mut Turn<'_>) -> Flow {
    if !turn.is_asked_to(RequestVerb::Abort) {
        return ControlFlow::Continue(());
    }
    turn.request_is_done();
    decide(turn, Cause::Abort)
}

/// Ends the run if a hook asks for it.
pub(super) fn ask_hooks(turn: &mut Turn<'_>) -> Flow {
    let phase = turn.state.phase;
    for outcome in turn.hooks(WebhookType::Rollback, phase)? {
        let name = &outcome.name;
        if outcome.refusal.is_none() {
            turn.warn(format!("Rollback check {name} passed"));
            return decide(turn, Cause::Hook);
        }
        turn.info(format!("Rollback hook {name} not signaling a rollback"));
    }
    ControlFlow::Continue(())
}

/// Decides that the run has failed, tells why, and begins to undo it.
pub(super) fn decide(turn: &mut Turn<'_>, cause: Cause) -> Flow {
    let name = turn.name();
    let story = Story::of(&cause, turn);
    if let Some(event) = &story.event {
        turn.warn(format!("Rolling back {name} {event}"));
    }
    turn.alert(story.severity, story.alert, AlertDetail::None);
    turn.say(story.detail);
    if turn.state.phase == Phase::Waiting {
        // What was refused is the revision that has waited.
        turn.track_target();
    }
    turn.state.last_promoted_spec = turn.copied_revision();
    turn.state.pending_step = Some(PendingStep::RollBack);
    turn.write();
    roll_back(turn)
}

/// How a failure is told.
struct Story {
    /// The end of the event; `None` where one was told already.
    event: Option<String>,
    alert: String,
    severity: AlertSeverity,
    detail: String,
}

impl Story {
    fn of(cause: &Cause, turn: &Turn<'_>) -> Self {
        let state = &turn.state;
        match cause {
            Cause::FailedChecks => Self::of_limit("failed checks threshold", state.failed_checks),
            Cause::NoData => Self::of_limit("no data limit", state.no_data_checks),
            Cause::Errors => Self::of_limit("check errors limit", state.errored_checks),
            Cause::Hook => Self::of_wish("manual webhook invoked"),
            Cause::Abort => Self::of_wish("abort requested"),
            Cause::TooLong(most) => Self {
                severity: AlertSeverity::Error,
                ..Self::of_wish(&format!("maximum duration {most} exceeded"))
            },
            Cause::NotReady(message) => Self {
                event: None,
                alert: format!("Rolling back {message}"),
                severity: AlertSeverity::Error,
                detail: message.clone(),
            },
        }
    }

    fn of_limit(limit: &str, count: i64) -> Self {
        let words = format!("{limit} reached {count}");
        let (first, rest) = words.split_at(1);
        Self {
            alert: format!("{}{rest}", first.to_uppercase()),
            severity: AlertSeverity::Error,
            detail: words.clone(),
            event: Some(words),
        }
    }

    fn of_wish(words: &str) -> Self {
        Self {
            event: Some(words.to_owned()),
            alert: format!("Rolling back {words}"),
            severity: AlertSeverity::Warn,
            detail: words.to_owned(),
        }
    }
}

/// Leads the traffic to the primary and takes the canary's Pods away. Where the
/// primary can't serve the canary keeps what traffic it has.
pub(super) fn roll_back(turn: &mut Turn<'_>) -> Flow {
    // Somebody may have changed the routes by hand.
    let live = turn.live_routes().map(|live| live.canary_weight);
    let weight = live.unwrap_or_else(|| turn.routed_weight());
    let is_needed = weight > 0 && turn.seen.canary.can_serve();
    if !is_needed || turn.seen.primary.can_serve() {
        take_traffic(turn);
        end(turn, 0);
    } else {
        let name = turn.name();
        turn.event(
            EventType::Warning,
            format!("Canary failed! {name} keeps its traffic, the primary has no ready endpoints"),
            Phase::Failed,
        );
        turn.set_routing(weight, false);
        end(turn, weight);
    }
    ControlFlow::Break(Wake::Now)
}

/// Takes traffic and Pods of a canary that has failed.
pub(super) fn take_traffic(turn: &mut Turn<'_>) {
    turn.set_routing(0, false);
    let name = turn.name();
    turn.event(
        EventType::Warning,
        format!("Canary failed! Scaling down {name}"),
        Phase::Failed,
    );
    scale_down(turn);
}

/// Takes the canary's Pods away.
pub(super) fn scale_down(turn: &mut Turn<'_>) {
    if turn.has_autoscaler() {
        turn.commands.push(Command::PauseTargetScaler);
    }
    turn.commands.push(Command::ScaleToZero);
}

/// Ends a promotion whose primary doesn't get ready: the canary has been
/// watched, so it serves.
pub(super) fn fail_promotion(turn: &mut Turn<'_>, message: &str) -> Flow {
    let target = turn.target_name();
    turn.warn(format!(
        "Promotion of {target} failed, primary not ready: {message}"
    ));
    turn.alert(
        AlertSeverity::Error,
        format!("Promotion failed, primary not ready: {message}"),
        AlertDetail::None,
    );
    let shifts = !matches!(turn.seen.routes, RoutesSeen::None);
    let is_watched = !turn.has_new_revision() && !turn.seen.spec.skip_analysis;
    let is_needed = !turn.seen.primary.can_serve();
    let takes_over = (is_watched || is_needed) && turn.seen.canary.can_serve();
    if shifts && takes_over {
        turn.set_routing(TOTAL_WEIGHT, false);
    }
    let weight = match turn.routed_weight() {
        _ if !shifts => TOTAL_WEIGHT,
        weight => weight,
    };
    turn.say(format!("The primary is not ready: {message}"));
    // The primary is a copy of it, for better or worse.
    turn.state.last_promoted_spec = turn.state.last_applied_spec.clone();
    end(turn, weight);
    ControlFlow::Break(Wake::Now)
}

fn end(turn: &mut Turn<'_>, canary_weight: i64) {
    if turn.has_autoscaler() {
        turn.commands.push(Command::ReleasePrimaryScaler);
    }
    let state = &mut turn.state;
    state.phase = Phase::Failed;
    state.canary_weight = canary_weight;
    state.failed_checks = 0;
    state.iterations = 0;
    state.pending_step = Some(PendingStep::Announce);
}
