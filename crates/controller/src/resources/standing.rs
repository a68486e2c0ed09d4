//! How far each kind is, and which may be acted on.

use crate::machine::{Kind, Shell};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// How far all kinds are; whoever waits for it is told of each change.
pub(super) type Standings = watch::Sender<BTreeMap<Kind, Standing>>;

/// How far a kind is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many watches it has.
    watches: usize,
    /// How many of them have not listed everything yet; one that can't counts
    /// as done where the rest goes on without.
    unlisted: usize,
    /// How many have never listed everything.
    unseen: usize,
    /// Whether the rest goes on without it.
    is_optional: bool,
    lease: LeaseState,
    /// How often we have begun to lead.
    tenures: u64,
}

/// Whether the lease of a kind is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaseState {
    NotNeeded,
    /// It is held by somebody else, or not yet by us.
    Awaited,
    /// We lead. What is known of the kind may be older than what was done by
    /// whoever led before, but for watches that have listed everything since.
    Held {
        outdated_watches: usize,
    },
}

impl Standing {
    /// Of a kind with so many watches, none of which has listed anything.
    pub(super) fn new(watches: usize, lease: LeaseState) -> Self {
        Self {
            watches,
            unlisted: watches,
            unseen: watches,
            is_optional: false,
            lease,
            tenures: 0,
        }
    }

    /// The same of a kind that we never act on.
    pub(super) fn left_to_others(self) -> Self {
        Self {
            lease: LeaseState::Awaited,
            ..self
        }
    }

    /// The rest need not wait for this kind.
    pub(super) fn go_on_without(&mut self) {
        self.is_optional = true;
    }

    /// We lead from now on: every watch has to list everything once more.
    pub(super) fn begin_tenure(&mut self) {
        self.tenures += 1;
        self.lease = LeaseState::Held {
            outdated_watches: self.watches,
        };
    }

    /// We lead no more.
    pub(super) fn end_tenure(&mut self) {
        self.lease = LeaseState::Awaited;
    }

    /// How often we have begun to lead.
    pub(super) fn tenures(&self) -> u64 {
        self.tenures
    }

    /// One more watch need not be waited for, for the first time.
    pub(super) fn list_once(&mut self) {
        self.unlisted -= 1;
    }

    /// One more watch has listed everything for the first time; whether all
    /// have.
    pub(super) fn see_once(&mut self) -> bool {
        self.unseen -= 1;
        self.unseen == 0
    }

    /// One more watch, which began in the tenure of that number, knows all that
    /// was done before it.
    pub(super) fn catch_up(&mut self, tenure: u64) {
        if let LeaseState::Held { outdated_watches } = &mut self.lease
            && self.tenures == tenure
        {
            *outdated_watches -= 1;
        }
    }

    fn is_led(&self) -> bool {
        match self.lease {
            LeaseState::NotNeeded => true,
            LeaseState::Awaited => false,
            LeaseState::Held { outdated_watches } => outdated_watches == 0,
        }
    }
}

/// Changes the standing of a kind.
pub(super) fn change<T>(
    standings: &Standings,
    kind: Kind,
    how: impl FnOnce(&mut Standing) -> T,
) -> Option<T> {
    let mut answer = None;
    standings.send_if_modified(|all| {
        let Some(standing) = all.get_mut(&kind) else {
            return false;
        };
        let before = standing.clone();
        answer = Some(how(standing));
        *standing != before
    });
    answer
}

/// Whether every kind has been listed once.
pub(crate) fn all_listed(standings: &BTreeMap<Kind, Standing>) -> bool {
    let mut standings = standings.values();
    standings.all(|standing| standing.is_optional || standing.unlisted == 0)
}

/// A kind is acted on when it and everything that it refers to is known, and
/// nobody else does.
pub(super) fn may_act(shell: Shell, standings: &BTreeMap<Kind, Standing>) -> bool {
    let Some(own) = standings.get(&shell.kind()) else {
        return false;
    };
    let is_known = match shell {
        Shell::GitRepository | Shell::Canary => own.unlisted == 0,
        Shell::Kustomization => all_listed(standings),
    };
    is_known && own.is_led()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led_of_two() -> BTreeMap<Kind, Standing> {
        let mut standing = Standing::new(2, LeaseState::Awaited);
        standing.list_once();
        standing.list_once();
        standing.begin_tenure();
        BTreeMap::from([(Kind::GitRepository, standing)])
    }

    fn may_act_now(all: &BTreeMap<Kind, Standing>) -> bool {
        may_act(Shell::GitRepository, all)
    }

    #[test]
    fn a_new_leader_acts_once_all_watches_have_listed_in_its_tenure() {
        let mut all = led_of_two();
        let standing = all.get_mut(&Kind::GitRepository).unwrap();
        standing.catch_up(1);
        assert!(!may_act_now(&all));
        all.get_mut(&Kind::GitRepository).unwrap().catch_up(1);
        assert!(may_act_now(&all));
        all.get_mut(&Kind::GitRepository).unwrap().end_tenure();
        assert!(!may_act_now(&all));
    }

    #[test]
    fn a_list_of_an_earlier_tenure_says_nothing() {
        let mut all = led_of_two();
        let standing = all.get_mut(&Kind::GitRepository).unwrap();
        standing.end_tenure();
        standing.catch_up(1);
        standing.begin_tenure();
        for tenure in [0, 1, 1, 2] {
            standing.catch_up(tenure);
        }
        assert!(!may_act_now(&all));
        all.get_mut(&Kind::GitRepository).unwrap().catch_up(2);
        assert!(may_act_now(&all));
    }
}
