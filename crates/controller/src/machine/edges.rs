//! Which object concerns which: an index in both directions, and circles.

use super::key::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

/// Edges from an object to those that it needs.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    needs: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    needed_by: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
}

impl Edges {
    /// Sets what `key` needs, in place of what it needed before.
    pub(crate) fn set(&mut self, key: &ObjectKey, needs: BTreeSet<ObjectKey>) {
        for old in self.needs.remove(key).unwrap_or_default() {
            self.unlink(&old, key);
        }
        for needed in &needs {
            self.needed_by
                .entry(needed.clone())
                .or_default()
                .insert(key.clone());
        }
        if !needs.is_empty() {
            self.needs.insert(key.clone(), needs);
        }
    }

    /// What `key` needs.
    pub(crate) fn needs(&self, key: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.needs.get(key).into_iter().flatten()
    }

    /// Those that need `key`, in order.
    pub(crate) fn needed_by(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.needed_by
            .get(key)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The shortest circle through `key`, beginning and ending with it.
    pub(crate) fn cycle(&self, key: &ObjectKey) -> Option<Vec<ObjectKey>> {
        let mut came_from: BTreeMap<&ObjectKey, &ObjectKey> = BTreeMap::new();
        let mut frontier = std::collections::VecDeque::from([self.needs.get_key_value(key)?.0]);
        while let Some(here) = frontier.pop_front() {
            for next in self.needs(here) {
                if next == key {
                    return Some(Self::walk_back(key, here, &came_from));
                }
                if !came_from.contains_key(next) {
                    came_from.insert(next, here);
                    frontier.push_back(next);
                }
            }
        }
        None
    }

    fn walk_back(
        key: &ObjectKey,
        last: &ObjectKey,
        came_from: &BTreeMap<&ObjectKey, &ObjectKey>,
    ) -> Vec<ObjectKey> {
        let mut path = vec![key.clone()];
        let mut here = last;
        while here != key {
            path.push(here.clone());
            here = came_from[here];
        }
        path.push(key.clone());
        path.reverse();
        path
    }

    fn unlink(&mut self, needed: &ObjectKey, by: &ObjectKey) {
        if let Some(users) = self.needed_by.get_mut(needed) {
            users.remove(by);
            if users.is_empty() {
                self.needed_by.remove(needed);
            }
        }
    }
}
