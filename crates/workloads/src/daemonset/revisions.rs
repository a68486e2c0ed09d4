//! Which template a DaemonSet is at, and which it had.

use super::View;
use crate::action::Action;
use crate::cache::{Cache, Key, Kind};
use crate::claim::claim;
use crate::history;
use std::collections::BTreeSet;
use trueup_cluster::LiveObject;
use trueup_object::{Selector, Text, Value, value};

pub(super) const HASH_LABEL: &str = "controller-revision-hash";
pub(super) const GENERATION_LABEL: &str = "pod-template-generation";
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// The revisions of a DaemonSet.
pub(super) struct Revisions<'a> {
    /// Those of other templates, oldest first.
    old: Vec<&'a LiveObject>,
    /// What the Pods of the present template are labelled with.
    pub hash: Text,
    /// The same by the older way of counting.
    pub generation: Option<Text>,
}

/// The revisions; or the writes that come before they are as they should be.
pub(super) fn observe<'a>(
    live: &LiveObject,
    selector: &Selector,
    pods: &[&LiveObject],
    cache: &'a Cache,
) -> Result<Revisions<'a>, Vec<Action>> {
    let owner = (live, Kind::DaemonSet);
    let matches = |revision: &LiveObject| selector.matches(revision.labels());
    let claim = claim(owner, Kind::ControllerRevision, cache, |_| true, matches);
    if !claim.actions.is_empty() {
        return Err(claim.actions);
    }
    let unlabelled = claim
        .owned
        .iter()
        .filter(|it| it.label(HASH_LABEL).is_none());
    let labels: Vec<Action> = unlabelled
        .map(|revision| label(revision, revision.name()))
        .collect();
    if !labels.is_empty() {
        return Err(labels);
    }
    let data = history::data_of(live);
    let mut all = claim.owned;
    history::sort(&mut all);
    let (mut same, old): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|revision| history::keeps(revision, &data));
    let next = old.last().map_or(0, |last| history::number_of(last)) + 1;
    let Some(current) = same.pop() else {
        return Err(vec![create(live, data, next, cache)]);
    };
    let hash: Text = current.label(HASH_LABEL).unwrap_or_default().into();
    if !same.is_empty() {
        return Err(merge_equal(&same, &hash, pods));
    }
    if history::number_of(current) < next {
        let patch = value!({"revision": next});
        return Err(vec![Action::merge(current, patch)]);
    }
    let generation = live.annotation(GENERATION).map(Text::from);
    let generation = generation.filter(|text| text.parse::<i64>().is_ok());
    Ok(Revisions {
        old,
        hash,
        generation,
    })
}

fn label(object: &LiveObject, hash: &str) -> Action {
    let mut patch = Value::map();
    patch.set_at(&["metadata", "labels", HASH_LABEL], hash.into());
    Action::merge(object, patch)
}

/// Of several revisions of one template only the last is kept; the Pods are
/// labelled with that first.
fn merge_equal(others: &[&LiveObject], hash: &Text, pods: &[&LiveObject]) -> Vec<Action> {
    let labels: Vec<Action> = pods
        .iter()
        .filter(|pod| pod.label(HASH_LABEL) != Some(hash))
        .map(|pod| label(pod, hash))
        .collect();
    if !labels.is_empty() {
        return labels;
    }
    others.iter().map(|other| Action::delete(other)).collect()
}

/// Makes the revision of the present template; if its name is taken by
/// another, that is counted and leads to another name.
fn create(live: &LiveObject, data: Value, number: i64, cache: &Cache) -> Action {
    let collisions = live.value().i64_at(&["status", "collisionCount"]);
    let collisions = collisions.unwrap_or(0);
    let hash = history::hash(&data, collisions);
    let owner = (live, Kind::DaemonSet);
    let revision = history::revision(owner, data, number, &hash, HASH_LABEL);
    let key = Key {
        kind: Kind::ControllerRevision,
        namespace: live.namespace().clone(),
        name: history::name_of(live, &hash),
    };
    if cache.get(&key).is_none() {
        return Action::Create(revision);
    }
    Action::merge_status(live, value!({"collisionCount": (collisions + 1)}))
}

impl Revisions<'_> {
    /// Whether a Pod carries the hash of the present template.
    pub(super) fn has_hash(&self, pod: &LiveObject) -> bool {
        pod.label(HASH_LABEL) == Some(&self.hash)
    }

    /// Whether a Pod is of the present template, by hash or by generation.
    pub(super) fn is_updated(&self, pod: &LiveObject) -> bool {
        let generation = pod.label(GENERATION_LABEL);
        self.has_hash(pod) || (generation.is_some() && generation == self.generation.as_deref())
    }
}

impl View<'_> {
    /// Revisions beyond `revisionHistoryLimit` of which no Pod is left, oldest
    /// first.
    pub(super) fn revisions_to_drop(&self) -> Vec<Action> {
        let old = &self.revisions.old;
        let limit = self.spec.i64_at(&["revisionHistoryLimit"]).unwrap_or(10);
        let surplus = old
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(0));
        let pods = self.placed.values().flatten();
        let needed: BTreeSet<&str> = pods.filter_map(|pod| pod.label(HASH_LABEL)).collect();
        old.iter()
            .filter(|revision| {
                let hash = revision.label(HASH_LABEL);
                hash.is_none_or(|hash| !needed.contains(hash))
            })
            .take(surplus)
            .map(|revision| Action::delete(revision))
            .collect()
    }
}
