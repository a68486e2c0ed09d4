//! One election after another: who leads there is to lead here as well.

use crate::{Leadership, LeaseElection, Tenure};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use trueup_object::Text;

/// Lets an election follow another one, so that of several processes that
/// take part in both one leads both.
///
/// Whoever leads there leads here, too. Whoever does not gives up here within a
/// retry period, so that who took over there may take over here; and leads here
/// alone only when one and the same other process has led there for long and
/// left this lease alone for as long, and so does not want to lead here.
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
        let holder = match &*self.told.borrow() {
            Leadership::Leading => Text::new(),
            Leadership::Standby { holder } => holder.clone(),
        };
        if holder.is_empty() {
            // Nobody leads there, or nobody knows who: it may be ours next.
            self.other = None;
            return false;
        }
        if let Some((known, since)) = &self.other
            && *known == holder
        {
            let is_long = |since: Instant| now.duration_since(since) >= self.patience;
            return is_long(*since) && open_since.is_some_and(is_long);
        }
        self.other = Some((holder, now));
        false
    }

    /// Waits until we lead there.
    pub(crate) async fn begun(&mut self) {
        self.tenure.begun().await;
    }
}
