//! What to do about a lease that was seen: pure.

use super::LeaseRecord;

/// A lease as seen, and since when (on our own clock) it has not changed.
/// Clocks of different machines are never compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// What it says.
    pub record: LeaseRecord,
    /// Milliseconds on our own steady clock.
    pub unchanged_since_ms: u64,
}

/// What to do next about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseDecision {
    /// There is none: make it.
    Create,
    /// It is ours: renew it.
    Renew,
    /// It is nobody's, or its holder is silent: take it.
    Take,
    /// It is another's; look again at this time of our clock.
    Wait {
        /// When it would run out, in milliseconds.
        until_ms: u64,
    },
}

/// Decides about a lease as client-go does: a lease is free when its holder is
/// empty or when it was not renewed, under our eyes, for its own duration.
#[must_use]
pub fn decide_lease(view: Option<&LeaseView>, me: &str, now_ms: u64) -> LeaseDecision {
    let Some(view) = view else {
        return LeaseDecision::Create;
    };
    if view.record.holder == me {
        return LeaseDecision::Renew;
    }
    let duration_ms = u64::try_from(view.record.duration_s)
        .unwrap_or(0)
        .saturating_mul(1_000);
    let until_ms = view.unchanged_since_ms.saturating_add(duration_ms);
    if view.record.holder.is_empty() || now_ms >= until_ms {
        return LeaseDecision::Take;
    }
    LeaseDecision::Wait { until_ms }
}
