//! The pause before a container that ended is started again.

use crate::process::RestartBackoff;
use jiff::{SignedDuration, Timestamp};

/// The pause in force, and since when. None before the first restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    entry: Option<(SignedDuration, Timestamp)>,
}

impl Backoff {
    /// Until when a container that ended at `ended` waits, and for how long in
    /// all; `None` where it need not wait.
    pub(crate) fn until(
        &self,
        ended: Timestamp,
        limits: RestartBackoff,
    ) -> Option<(Timestamp, SignedDuration)> {
        let (pause, since) = self.entry?;
        let until = ended.checked_add(pause).unwrap_or(Timestamp::MAX);
        (!is_forgotten(since, ended, limits)).then_some((until, pause))
    }

    /// Notes a restart after an end at `ended`.
    pub(crate) fn restarted(&mut self, ended: Timestamp, now: Timestamp, limits: RestartBackoff) {
        let pause = match self.entry {
            Some((pause, since)) if !is_forgotten(since, ended, limits) => {
                pause.saturating_mul(2).min(signed(limits.longest))
            }
            _ => signed(limits.first),
        };
        self.entry = Some((pause, now));
    }
}

/// A container that ran for twice the longest pause has recovered.
fn is_forgotten(since: Timestamp, ended: Timestamp, limits: RestartBackoff) -> bool {
    ended.duration_since(since) > signed(limits.longest).saturating_mul(2)
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
