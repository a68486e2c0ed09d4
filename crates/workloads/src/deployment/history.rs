//! Old ReplicaSets that are kept for a way back, and those that are not.

use super::{View, actual, revision_of, wanted};
use crate::action::Action;
use trueup_cluster::LiveObject;

/// `revisionHistoryLimit` of this means none.
const NO_LIMIT: i64 = i32::MAX as i64;

impl View<'_> {
    /// Of the old sets beyond `revisionHistoryLimit`, oldest revision first,
    /// those without Pods.
    pub(super) fn history_to_drop(&self) -> Vec<Action> {
        let limit = self.spec.i64_at(&["revisionHistoryLimit"]);
        let Some(limit) = limit.filter(|limit| *limit != NO_LIMIT) else {
            return Vec::new();
        };
        let mut alive: Vec<&LiveObject> = self
            .old
            .iter()
            .copied()
            .filter(|set| set.deletion_timestamp().is_none())
            .collect();
        alive.sort_by_key(|set| revision_of(set));
        let limit = usize::try_from(limit).unwrap_or(0);
        let surplus = alive.len().saturating_sub(limit);
        alive
            .into_iter()
            .take(surplus)
            .filter(|set| is_empty(set))
            .map(Action::delete)
            .collect()
    }
}

fn is_empty(set: &LiveObject) -> bool {
    let seen = set.value().i64_at(&["status", "observedGeneration"]);
    wanted(set) == 0 && actual(set) == 0 && set.generation() <= seen.unwrap_or(0)
}
