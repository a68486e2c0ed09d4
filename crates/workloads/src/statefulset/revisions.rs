//! Which template a StatefulSet is at, which it goes to, and which it had.

use super::COMPONENT;
use crate::action::Action;
use crate::cache::{Cache, Key, Kind};
use crate::claim::claim;
use crate::history;
use std::collections::BTreeSet;
use trueup_cluster::LiveObject;
use trueup_object::{Selector, Text, Value};

pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

const HASH_LABEL: &str = "controller.kubernetes.io/hash";

/// The revisions of a StatefulSet.
pub(super) struct Revisions<'a> {
    /// All, oldest first.
    all: Vec<&'a LiveObject>,
    /// The one whose update is done.
    pub current: &'a LiveObject,
    /// The one of the present template.
    pub update: &'a LiveObject,
}

/// The revisions; or the writes that come before they are as they should be.
pub(super) fn observe<'a>(
    live: &'a LiveObject,
    selector: &Selector,
    cache: &'a Cache,
) -> Result<Revisions<'a>, Vec<Action>> {
    let owner = (live, Kind::StatefulSet);
    // Revisions that are not selected are left alone, not let go.
    let selected = |revision: &LiveObject| selector.matches(revision.labels());
    let claim = claim(owner, Kind::ControllerRevision, cache, selected, |_| true);
    if !claim.actions.is_empty() {
        return Err(claim.actions);
    }
    let mut all = claim.owned;
    history::sort(&mut all);
    let data = history::data_of(live);
    let next = all.last().map_or(1, |last| history::number_of(last) + 1);
    let equal = all.iter().rev().find(|it| history::keeps(it, &data));
    let Some(update) = equal.copied() else {
        return match occupant(live, &data, cache) {
            Ok(same) => Ok(Revisions::of(live, all, same)),
            Err(_) if live.deletion_timestamp().is_some() => Err(Vec::new()),
            Err(collisions) => Err(vec![create(live, data, next, collisions)]),
        };
    };
    let is_last = all.last().is_some_and(|last| last.uid() == update.uid());
    if !is_last && live.deletion_timestamp().is_none() {
        let mut patch = Value::map();
        patch.set_at(&["revision"], next.into());
        return Err(vec![Action::merge(update, patch)]);
    }
    Ok(Revisions::of(live, all, update))
}

/// The revision of another owner that has the name of ours and keeps the same;
/// or how often the name was taken by one that keeps something else.
fn occupant<'a>(live: &LiveObject, data: &Value, cache: &'a Cache) -> Result<&'a LiveObject, i64> {
    let counted = live.value().i64_at(&["status", "collisionCount"]);
    let mut collisions = counted.unwrap_or(0);
    loop {
        let hash = history::hash(data, collisions);
        let key = Key {
            kind: Kind::ControllerRevision,
            namespace: live.namespace().clone(),
            name: history::name_of(live, &hash),
        };
        match cache.get(&key) {
            None => return Err(collisions),
            Some(taken) if history::keeps(taken, data) => return Ok(taken),
            Some(_) => collisions += 1,
        }
    }
}

/// Makes a revision, and counts the collisions that its name avoids.
fn create(live: &LiveObject, data: Value, number: i64, collisions: i64) -> Action {
    let hash = history::hash(&data, collisions);
    let owner = (live, Kind::StatefulSet);
    let revision = history::revision(owner, data, number, &hash, HASH_LABEL);
    let counted = live.value().i64_at(&["status", "collisionCount"]);
    if counted.unwrap_or(0) == collisions {
        return Action::Create(revision);
    }
    let mut status = Value::map();
    status.set_at(&["collisionCount"], collisions.into());
    tracing::debug!(
        component = COMPONENT,
        collisions,
        "a revision's name was taken"
    );
    Action::InOrder(vec![
        Action::Create(revision),
        Action::merge_status(live, status),
    ])
}

impl<'a> Revisions<'a> {
    fn of(live: &LiveObject, all: Vec<&'a LiveObject>, update: &'a LiveObject) -> Self {
        let name = live.value().str_at(&["status", "currentRevision"]);
        let current = all.iter().find(|it| Some(it.name().as_str()) == name);
        Self {
            current: current.copied().unwrap_or(update),
            update,
            all,
        }
    }

    /// Whether a Pod is of the present template.
    pub(super) fn is_updated(&self, pod: &LiveObject) -> bool {
        pod.label(REVISION_LABEL) == Some(self.update.name())
    }

    /// Revisions beyond `revisionHistoryLimit` that nothing refers to, oldest
    /// first.
    pub(super) fn to_drop(&self, spec: &Value, pods: &[(i64, &LiveObject)]) -> Vec<Action> {
        let limit = spec.i64_at(&["revisionHistoryLimit"]).unwrap_or(10);
        let Ok(limit) = usize::try_from(limit) else {
            return Vec::new();
        };
        let labels = pods.iter().filter_map(|(_, pod)| pod.label(REVISION_LABEL));
        let mut needed: BTreeSet<&str> = labels.collect();
        needed.extend([self.current.name(), self.update.name()].map(Text::as_str));
        let past: Vec<&&LiveObject> = self
            .all
            .iter()
            .filter(|revision| !needed.contains(revision.name().as_str()))
            .collect();
        let surplus = past.len().saturating_sub(limit);
        past.into_iter()
            .take(surplus)
            .map(|revision| Action::delete(revision))
            .collect()
    }
}
