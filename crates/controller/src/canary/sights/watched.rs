//! One watch, what of it is kept, and for whom.

use crate::live::{Change, Shown};
use crate::machine::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{DeletedObject, LiveObject, WatchEvent};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// The label of an `EndpointSlice` that names its Service.
pub(super) const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The kind of slices of endpoints.
pub(super) fn endpoint_slice() -> GroupVersionKind {
    GroupVersionKind::new("discovery.k8s.io/v1", "EndpointSlice")
}

/// What stands for the slices of a Service.
pub(super) fn slices_of(namespace: &str, service: &str) -> ObjectRef {
    ObjectRef {
        kind: endpoint_slice(),
        namespace: namespace.into(),
        name: service.into(),
    }
}

/// What is watched: a kind in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Collection {
    pub(super) kind: GroupVersionKind,
    pub(super) namespace: Text,
}

impl Collection {
    /// Where an object is.
    pub(super) fn of(reference: &ObjectRef) -> Self {
        Self {
            kind: reference.kind.clone(),
            namespace: reference.namespace.clone(),
        }
    }
}

/// The watch of a collection. Of what it shows only objects that somebody asked
/// for are kept, but of `EndpointSlice`s all.
#[derive(Debug)]
pub(super) struct Watched {
    collection: Collection,
    shown: Shown,
    wanted: BTreeMap<ObjectRef, Wanted>,
    /// Whether it has listed everything, and goes on.
    is_complete: bool,
    stop: CancellationToken,
}

/// An object that somebody asked for; of slices their Service.
#[derive(Debug, Default)]
struct Wanted {
    users: BTreeSet<ObjectKey>,
    /// Whether what is not held is not there; else nothing is known of it.
    is_read: bool,
    /// Whether anybody has been told of it: whoever was not needs no waking.
    was_told: bool,
    /// The life that has ended: an answer that is still under way may tell of
    /// it.
    ended: Option<Text>,
}

impl Watched {
    /// A watch that is about to begin, and ends with `stop`.
    pub(super) fn new(collection: Collection, stop: CancellationToken) -> Self {
        Self {
            collection,
            shown: Shown::default(),
            wanted: BTreeMap::new(),
            is_complete: false,
            stop,
        }
    }

    /// Notes that somebody asks for an object.
    pub(super) fn want(&mut self, user: &ObjectKey, reference: &ObjectRef) {
        let wanted = self.wanted.entry(reference.clone()).or_default();
        wanted.users.insert(user.clone());
    }

    /// Somebody needs an object no more; without anybody it is forgotten.
    pub(super) fn leave(&mut self, user: &ObjectKey, reference: &ObjectRef) {
        if let Some(wanted) = self.wanted.get_mut(reference) {
            wanted.users.remove(user);
            if wanted.users.is_empty() {
                self.wanted.remove(reference);
                if !self.keeps_all() {
                    self.shown.forget(reference);
                }
            }
        }
    }

    /// Ends the watch if nobody needs anything of it; whether that is so.
    pub(super) fn end_if_idle(&self) -> bool {
        let is_idle = self.wanted.is_empty();
        if is_idle {
            self.stop.cancel();
        }
        is_idle
    }

    /// What is known of an object that somebody asked for: that it is there,
    /// that it is not, or nothing.
    pub(super) fn known(&self, reference: &ObjectRef) -> Option<Option<LiveObject>> {
        let wanted = self.wanted.get(reference).filter(|_| self.is_complete)?;
        match self.shown.get(reference) {
            Some(object) => Some(Some(object.without_tree())),
            None => wanted.is_read.then_some(None),
        }
    }

    /// The slices of a Service, once all are known.
    pub(super) fn slices(&self, service: &str) -> Option<Vec<Value>> {
        let own = self.shown.objects();
        let own = own.filter(|it| it.label(SERVICE_LABEL) == Some(service));
        self.is_complete
            .then(|| own.map(|it| it.without_tree().value().clone()).collect())
    }

    /// How far the watch has come: for the answer to what is asked now.
    pub(super) fn reached(&self) -> Text {
        self.shown.reached().clone()
    }

    /// Takes in what the watch tells; whom that concerns.
    pub(super) fn take(&mut self, event: WatchEvent) -> BTreeSet<ObjectKey> {
        match event {
            WatchEvent::Applied(object) if self.keeps(&object) => {
                let change = self.shown.seen(&object);
                self.concerned(change.as_ref())
            }
            WatchEvent::Deleted(deleted) => self.gone(&deleted),
            WatchEvent::Synced { resource_version } => self.complete(&resource_version),
            WatchEvent::Applied(_) | WatchEvent::Restarted { .. } => BTreeSet::new(),
            WatchEvent::Error(error) => {
                self.is_complete &= error.is_transient();
                BTreeSet::new()
            }
        }
    }

    /// Takes in an answer to what was asked when the watch had reached
    /// `asked_at`; whom that concerns: nobody, if it is the first.
    pub(super) fn answered(&mut self, object: &LiveObject, asked_at: &str) -> BTreeSet<ObjectKey> {
        if !self.keeps(object) {
            return BTreeSet::new();
        }
        let change = self.shown.learnt(object, asked_at);
        let wanted = self.wanted.get_mut(object.reference());
        let was_told = wanted.is_some_and(|it| std::mem::replace(&mut it.was_told, true));
        self.concerned(change.as_ref().filter(|_| was_told))
    }

    /// Takes in that an object was looked for in vain. A watch that has seen it
    /// meanwhile knows better.
    pub(super) fn absent(&mut self, reference: &ObjectRef) {
        if let Some(wanted) = self.wanted.get_mut(reference) {
            wanted.is_read = true;
            wanted.was_told = true;
        }
    }

    /// Takes in the end of an object; whom that concerns.
    pub(super) fn gone(&mut self, deleted: &DeletedObject) -> BTreeSet<ObjectKey> {
        let change = self.shown.gone(deleted);
        if let Some(wanted) = self.wanted.get_mut(&deleted.reference) {
            wanted.ended = Some(deleted.uid.clone());
            wanted.is_read = true;
        }
        self.concerned(change.as_ref())
    }

    /// Forgets what is known of an object: it has turned out to be outdated.
    pub(super) fn doubt(&mut self, reference: &ObjectRef) {
        self.shown.forget(reference);
        if let Some(wanted) = self.wanted.get_mut(reference) {
            wanted.is_read = false;
        }
    }

    /// The watch has listed everything. What it should have shown by now and has
    /// not is read anew: it may have come and gone while the watch was away.
    fn complete(&mut self, version: &str) -> BTreeSet<ObjectKey> {
        self.is_complete = true;
        let mut concerned = BTreeSet::new();
        for unshown in self.shown.complete(version) {
            if let Some(wanted) = self.wanted.get_mut(unshown.reference()) {
                wanted.is_read = false;
                concerned.extend(wanted.users.iter().cloned());
            }
        }
        concerned
    }

    fn keeps_all(&self) -> bool {
        self.collection.kind == endpoint_slice()
    }

    /// Whether somebody asked for an object that is not known to have ended.
    fn keeps(&self, object: &LiveObject) -> bool {
        let has_begun = |wanted: &Wanted| wanted.ended.as_ref() != Some(object.uid());
        self.keeps_all() || self.wanted.get(object.reference()).is_some_and(has_begun)
    }

    fn concerned(&self, change: Option<&Change>) -> BTreeSet<ObjectKey> {
        let objects: Vec<&LiveObject> = match change {
            None => Vec::new(),
            Some(Change::Applied { before, now }) => before.iter().chain([now]).collect(),
            Some(Change::Gone { before }) => vec![before],
        };
        let names = objects.into_iter().filter_map(|it| self.name_of(it));
        let wanted = names.filter_map(|name| self.wanted.get(&name));
        wanted.flat_map(|it| it.users.iter().cloned()).collect()
    }

    /// Under what name an object is asked for.
    fn name_of(&self, object: &LiveObject) -> Option<ObjectRef> {
        if self.keeps_all() {
            let service = object.label(SERVICE_LABEL)?;
            return Some(slices_of(&self.collection.namespace, service));
        }
        Some(object.reference().clone())
    }
}
