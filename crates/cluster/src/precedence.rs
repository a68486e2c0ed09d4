//! One election after another: who leads there is to lead here as well.

use crate::{Leadership, LeaseElection, Reach, Tenure};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use trueup_object::Text;

/// Lets an election follow another one, so that of several processes that
/// take part in both one leads both.
///
/// Whoever leads there leads here, too. Whoever does not gives up here within a
/// retry period, so that who took over there may take over here; and leads here
/// alone only when one and the same other process has led there for long, does
/// not say that it wants to lead here (see
/// [`LeaseElection::with_others_to_follow`]), and left this lease alone for as
/// long. That it was left alone does not suffice: who is cut off from it for a
/// while could never have it back from one who renews it.
#[derive(Clone, Debug)]
pub struct Precedence {
    tenure: Tenure,
    told: watch::Receiver<Leadership>,
    patience: Duration,
    /// Who else led there when it was last looked at, and since when.
    other: Option<(Text, Instant)>,
}

impl Precedence {
    /// After the election `first`, which tells its changes to `told`. Where
    /// another process leads there unchanged for `patience`, it leads only
    /// there.
    #[must_use]
    pub fn new(
        first: &LeaseElection,
        told: watch::Receiver<Leadership>,
        patience: Duration,
    ) -> Self {
        Self {
            tenure: first.tenure(),
            told,
            patience,
            other: None,
        }
    }

    /// Whether we may lead here at this moment; `open_since` is since when
    /// nobody else has. A lease that has only just run out is not left alone:
    /// who held it may be cut off for a moment, and still lead there.
    pub(crate) fn allows(&mut self, now: Instant, open_since: Option<Instant>) -> bool {
        if self.tenure.holds() {
            self.other = None;
            return true;
        }
        let Some(holder) = self.other_one_there() else {
            self.other = None;
            return false;
        };
        if let Some((known, since)) = &self.other
            && *known == holder
        {
            let is_long = |since: Instant| now.duration_since(since) >= self.patience;
            return is_long(*since) && open_since.is_some_and(is_long);
        }
        self.other = Some((holder, now));
        false
    }

    /// Who else leads there, and there alone. If nobody leads, or nobody knows
    /// who, it may be ours next; and one who wants this lease is to have it.
    fn other_one_there(&self) -> Option<Text> {
        match &*self.told.borrow() {
            Leadership::Standby {
                holder,
                reach: Reach::ThisOne,
            } if !holder.is_empty() => Some(holder.clone()),
            Leadership::Standby { .. } | Leadership::Leading => None,
        }
    }

    /// Waits until we lead there.
    pub(crate) async fn begun(&mut self) {
        self.tenure.begun().await;
    }
}
