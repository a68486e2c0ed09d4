//! How many at once on other clusters: one that does not answer must not
//! hold up what it does not concern.

use std::collections::BTreeMap;
use trueup_object::Text;

/// Of all that may be worked on at once, so many may be on other clusters:
/// three quarters.
const ALL_OTHERS: (usize, usize) = (3, 4);
/// And so many on any one of them: a quarter.
const ONE_OTHER: (usize, usize) = (1, 4);

/// What is worked on now, by the other cluster that it concerns.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    running: BTreeMap<Text, usize>,
}

impl Lanes {
    /// Whether one more may be worked on in a lane, of `limit` in all. One at
    /// least always may.
    pub(crate) fn has_room(&self, lane: Option<&Text>, limit: usize) -> bool {
        let Some(lane) = lane else {
            return true;
        };
        let share = |(part, whole): (usize, usize)| (limit * part / whole).max(1);
        let here = self.running.get(lane).copied().unwrap_or(0);
        let all: usize = self.running.values().sum();
        here < share(ONE_OTHER) && all < share(ALL_OTHERS)
    }

    /// Somebody begins in a lane.
    pub(crate) fn enter(&mut self, lane: &Text) {
        *self.running.entry(lane.clone()).or_default() += 1;
    }

    /// Somebody is done in a lane.
    pub(crate) fn leave(&mut self, lane: &Text) {
        if let Some(running) = self.running.get_mut(lane) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_clusters_leave_room_for_our_own_and_for_each_other() {
        let mut lanes = Lanes::default();
        let (a, b) = (Text::from("a"), Text::from("b"));
        for _ in 0..4 {
            assert!(lanes.has_room(Some(&a), 16));
            lanes.enter(&a);
        }
        assert!(!lanes.has_room(Some(&a), 16), "a quarter on one");
        assert!(lanes.has_room(Some(&b), 16) && lanes.has_room(None, 16));
        for name in ["b", "c"] {
            for _ in 0..4 {
                lanes.enter(&name.into());
            }
        }
        assert!(
            !lanes.has_room(Some(&"d".into()), 16),
            "three quarters on all"
        );
        assert!(lanes.has_room(None, 16));
        lanes.leave(&b);
        assert!(lanes.has_room(Some(&"d".into()), 16));
    }

    #[test]
    fn one_always_may() {
        let lanes = Lanes::default();
        assert!(lanes.has_room(Some(&"a".into()), 1));
    }
}
