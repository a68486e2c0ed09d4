//! Conditions of a `Canary`: Flagger's, and those by which every tool tells
//! whether an object is ready.

use super::Phase;
use crate::condition::{Condition, ConditionStatus, Conditions, condition_type};
use crate::time::whole_seconds;
use jiff::Timestamp;

/// Flagger's condition: whether the newest revision is the one that serves.
pub const PROMOTED: &str = "Promoted";

/// Whether a phase means that the newest revision serves.
#[must_use]
pub const fn promoted_status(phase: Phase) -> ConditionStatus {
    match phase {
        Phase::Initialized | Phase::Succeeded => ConditionStatus::True,
        Phase::Failed => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

/// What Flagger says of a phase of a target of a kind.
#[must_use]
pub fn promoted_message(phase: Phase, target_kind: &str) -> String {
    let fixed = match phase {
        Phase::Initialized => return format!("{target_kind} initialization completed."),
        Phase::Failed => return format!("Canary analysis failed, {target_kind} scaled to zero."),
        Phase::Waiting | Phase::WaitingPromotion => "Waiting for approval.",
        Phase::Progressing => "New revision detected, progressing canary analysis.",
        Phase::Promoting => "Canary analysis completed, starting primary rolling update.",
        Phase::Finalising => "Canary analysis completed, routing all traffic to primary.",
        Phase::Succeeded => "Canary analysis completed successfully, promotion finished.",
        Phase::Unset | Phase::Initializing | Phase::Terminating | Phase::Terminated => {
            return format!("New {target_kind} detected, starting initialization.");
        }
    };
    fixed.to_owned()
}

/// Sets all conditions of a phase. [`PROMOTED`] is touched only where its
/// status or reason changes, and its transition time moves only with its
/// status, as in Flagger. `Ready`, `Reconciling` and `Stalled` say the same to
/// tools that know nothing of canaries; their message is `detail`, which is
/// kept short, since some tools show the messages of all conditions in a row.
pub fn change_conditions(
    conditions: &mut Conditions,
    phase: Phase,
    target_kind: &str,
    detail: &str,
    generation: i64,
    now: Timestamp,
) {
    change_promoted(conditions, phase, target_kind, now);
    let mut change = conditions.change(generation, now);
    let reason = phase.as_str();
    match phase {
        Phase::Initialized | Phase::Succeeded => {
            change.ready(reason, detail);
        }
        Phase::Failed => {
            change.stalled(reason, detail);
        }
        _ => {
            change
                .reconciling(reason, detail)
                .set_unknown(condition_type::READY, reason, detail);
        }
    }
}

/// Sets [`PROMOTED`] alone, where its status or reason changes.
pub fn change_promoted(
    conditions: &mut Conditions,
    phase: Phase,
    target_kind: &str,
    now: Timestamp,
) {
    let status = promoted_status(phase);
    let now = whole_seconds(now);
    let old = conditions.get(PROMOTED);
    if old.is_some_and(|old| old.status == status && old.reason == phase.as_str()) {
        return;
    }
    let since = old
        .filter(|old| old.status == status)
        .map_or(now, |old| old.last_transition_time);
    conditions.put(Condition {
        kind: PROMOTED.into(),
        status,
        observed_generation: 0,
        last_update_time: Some(now),
        last_transition_time: since,
        reason: phase.as_str().into(),
        message: promoted_message(phase, target_kind).into(),
    });
}
