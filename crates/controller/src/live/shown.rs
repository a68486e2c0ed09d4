//! What one watch has shown, and what answers to reads and writes of our own
//! tell beside it: whoever keeps objects by a watch keeps them by these laws.

use super::Change;
use crate::objects::{is_newer, is_shown_by};
use std::collections::{BTreeMap, BTreeSet};
use trueup_cluster::{DeletedObject, LiveObject};
use trueup_object::{ObjectRef, Text};

/// When an answer was asked for, where all that the watch has shown since its
/// beginning was kept.
pub(crate) const SINCE_THE_BEGINNING: &str = "";

/// Objects as a watch and answers have told of them; none is older than what
/// was written by ourselves.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// None with a tree: most are looked at once in an interval.
    objects: BTreeMap<ObjectRef, LiveObject>,
    /// Those known by answers to reads and writes alone. The watch does not
    /// tell that such a one is gone.
    unshown: BTreeSet<ObjectRef>,
    /// Everything up to this resource version was shown; empty before the first
    /// list.
    reached: Text,
}

impl Shown {
    /// What is held of an object.
    pub(crate) fn get(&self, reference: &ObjectRef) -> Option<&LiveObject> {
        self.objects.get(reference)
    }

    /// All that is held.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &LiveObject> {
        self.objects.values()
    }

    /// The resource version up to which the watch has shown everything.
    pub(crate) fn reached(&self) -> &Text {
        &self.reached
    }

    /// Takes in what the watch has shown; `None` if it was known already.
    pub(crate) fn seen(&mut self, object: &LiveObject) -> Option<Change> {
        self.unshown.remove(object.reference());
        self.take(object)
    }

    /// Takes in an answer to what was asked when the watch had reached
    /// `asked_at`; `None` if it was known already, or comes too late: the watch
    /// has shown since that it is so no more.
    pub(crate) fn learnt(&mut self, object: &LiveObject, asked_at: &str) -> Option<Change> {
        let held = self.objects.get(object.reference());
        let is_held = held.is_some_and(|held| held.uid() == object.uid());
        // What was so before it was asked for may have been shown, and not kept.
        if !is_held && !is_shown_by(asked_at, object) {
            if is_shown_by(&self.reached, object) {
                return None;
            }
            self.unshown.insert(object.reference().clone());
        }
        self.take(object)
    }

    /// Takes in an end; `None` if nothing was known of that life.
    pub(crate) fn gone(&mut self, deleted: &DeletedObject) -> Option<Change> {
        if let Some(last) = &deleted.last {
            self.reached = last.resource_version().clone();
        }
        let held = self.objects.get(&deleted.reference)?;
        if !deleted.uid.is_empty() && held.uid() != &deleted.uid {
            return None;
        }
        let before = self.forget(&deleted.reference)?;
        Some(Change::Gone { before })
    }

    /// All that there was at `version` has been shown. Takes out what was known
    /// by an answer before that and was not shown: it came and went while the
    /// watch was away.
    pub(crate) fn complete(&mut self, version: &str) -> Vec<LiveObject> {
        self.reached = version.into();
        let should_be_shown = |reference: &&ObjectRef| match self.objects.get(reference) {
            Some(object) => is_shown_by(&self.reached, object),
            None => true,
        };
        let unshown = self.unshown.iter().filter(should_be_shown);
        let unshown: Vec<ObjectRef> = unshown.cloned().collect();
        let objects = unshown.iter();
        objects
            .filter_map(|reference| self.forget(reference))
            .collect()
    }

    /// Forgets an object; what was held of it.
    pub(crate) fn forget(&mut self, reference: &ObjectRef) -> Option<LiveObject> {
        self.unshown.remove(reference);
        self.objects.remove(reference)
    }

    /// Forgets all objects but those.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&LiveObject) -> bool) {
        self.objects.retain(|_, object| keep(object));
        let objects = &self.objects;
        self.unshown
            .retain(|reference| objects.contains_key(reference));
    }

    fn take(&mut self, object: &LiveObject) -> Option<Change> {
        let before = self.objects.get(object.reference()).cloned();
        let same_life = before.as_ref().filter(|it| it.uid() == object.uid());
        if same_life.is_some_and(|known| !is_newer(object, known)) {
            return None;
        }
        self.objects
            .insert(object.reference().clone(), object.without_tree());
        Some(Change::Applied {
            before,
            now: object.clone(),
        })
    }
}
