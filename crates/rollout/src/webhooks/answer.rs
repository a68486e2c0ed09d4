//! What an answer of a hook means, and when it is called again.

use trueup_kinds::outgoing::ReceivedAnswer;

/// The most retries of one call, whatever is given.
pub const MAX_HOOK_RETRIES: i64 = 10;
/// How long is waited before the first retry.
pub const MIN_RETRY_WAIT_MS: u64 = 1_000;
/// The longest wait before a retry.
pub const MAX_RETRY_WAIT_MS: u64 = 30_000;

/// The largest status that is consent.
const LAST_GOOD_STATUS: u16 = 202;

/// How one call of a hook went.
#[derive(Clone, Copy, Debug)]
pub enum Attempt<'a> {
    /// There was an answer.
    Answered(&'a ReceivedAnswer),
    /// There was none: no connection, no answer in time. The words name no
    /// address.
    Unanswered(&'a str),
    /// It must not be sent, now or later: a redirect to elsewhere, a
    /// certificate that isn't trusted.
    Refused(&'a str),
}

/// What a hook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    /// Yes: the check passed, the gate is open; of a `rollback` hook, that the
    /// run is to be rolled back.
    Passed,
    /// No, or nothing that can be understood.
    Failed {
        /// What it said, for the event.
        reason: String,
    },
}

/// What the last call of a hook means: any status up to 202 is a yes. Of a no
/// the body is told whatever the status is, where Flagger tells that of an
/// error of the server only by the number of calls.
#[must_use]
pub fn judge_hook(attempt: Attempt<'_>) -> HookOutcome {
    let reason = match attempt {
        Attempt::Answered(answer) if answer.status <= LAST_GOOD_STATUS => {
            return HookOutcome::Passed;
        }
        Attempt::Answered(answer) => match answer.quoted_body() {
            body if body.is_empty() => format!("status {}", answer.status),
            body => body,
        },
        Attempt::Unanswered(words) | Attempt::Refused(words) => words.to_owned(),
    };
    HookOutcome::Failed { reason }
}

/// How long to wait until the hook is called again after `retries_done`
/// retries; nothing where it isn't. Calls without answer are repeated, and
/// those answered with 429 or an error of the server that isn't 501. A wait
/// doubles each time, unless a 429 or 503 says how long it is to be.
#[must_use]
pub fn retry_after_ms(attempt: Attempt<'_>, retries_done: u32, retries: i64) -> Option<u64> {
    if i64::from(retries_done) >= retries.min(MAX_HOOK_RETRIES) {
        return None;
    }
    let doubled = MIN_RETRY_WAIT_MS << retries_done.min(10);
    let asked = match attempt {
        Attempt::Refused(_) => return None,
        Attempt::Unanswered(_) => None,
        Attempt::Answered(answer) => match answer.status {
            429 | 503 => answer.retry_after.as_deref().and_then(seconds_ms),
            501 => return None,
            500.. => None,
            _ => return None,
        },
    };
    Some(asked.unwrap_or(doubled).min(MAX_RETRY_WAIT_MS))
}

fn seconds_ms(text: &str) -> Option<u64> {
    Some(text.trim().parse::<u64>().ok()?.saturating_mul(1000))
}
