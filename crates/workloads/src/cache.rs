//! What was last seen of the objects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use trueup_cluster::LiveObject;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// apps/v1
    Deployment,
    /// apps/v1
    ReplicaSet,
    /// apps/v1
    StatefulSet,
    /// apps/v1
    DaemonSet,
    /// batch/v1
    Job,
    /// v1
    Pod,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Pod,
    ];

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Job => "batch/v1",
            Self::Pod => "v1",
            _ => "apps/v1",
        }
    }

    /// `kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::Pod => "Pod",
        }
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(self) -> GroupVersionKind {
        GroupVersionKind::new(self.api_version(), self.name())
    }

    /// The kind of this name among those watched.
    #[must_use]
    pub fn of(kind: &GroupVersionKind) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.gvk() == *kind)
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Text,
    /// Its name.
    pub name: Text,
}

impl Key {
    /// The key of an object of a watched kind.
    #[must_use]
    pub fn of(reference: &ObjectRef) -> Option<Self> {
        Some(Self {
            kind: Kind::of(&reference.kind)?,
            namespace: reference.namespace.clone(),
            name: reference.name.clone(),
        })
    }
}

/// The objects seen, and who controls whom. Answers of our own writes go in
/// at once, so that a decision never rests on less than we know.
#[derive(Debug, Default)]
pub struct Cache {
    objects: BTreeMap<Key, LiveObject>,
    /// Controller's uid → controlled objects.
    controlled: HashMap<Text, BTreeSet<Key>>,
    /// uid → key, to find a controller.
    by_uid: HashMap<Text, Key>,
    /// Uids known to be gone, until the watch says so too.
    gone: HashSet<Text>,
}

impl Cache {
    /// The object of a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&LiveObject> {
        self.objects.get(key)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    /// The objects of a kind that an object controls, by name.
    pub fn controlled_by<'a>(
        &'a self,
        uid: &str,
        kind: Kind,
    ) -> impl Iterator<Item = &'a LiveObject> {
        let keys = self.controlled.get(uid).into_iter().flatten();
        keys.filter(move |key| key.kind == kind)
            .filter_map(|key| self.objects.get(key))
    }

    /// The controller of an object, if it is known.
    #[must_use]
    pub fn controller_of(&self, object: &LiveObject) -> Option<&Key> {
        self.by_uid.get(&controller_uid(object.value())?)
    }

    /// Takes in a version of an object, unless a newer one is known. Tells
    /// whether it did.
    pub fn put(&mut self, object: LiveObject) -> bool {
        let Some(key) = Key::of(object.reference()) else {
            return false;
        };
        if self.gone.contains(object.uid())
            || self
                .objects
                .get(&key)
                .is_some_and(|known| is_known(known, &object))
        {
            return false;
        }
        self.unlink(&key);
        if let Some(owner) = controller_uid(object.value()) {
            self.controlled
                .entry(owner)
                .or_default()
                .insert(key.clone());
        }
        self.by_uid.insert(object.uid().clone(), key.clone());
        self.objects.insert(key, object);
        true
    }

    /// Forgets an object that the watch says is gone.
    pub fn remove(&mut self, key: &Key, uid: &str) {
        self.gone.remove(uid);
        if self
            .objects
            .get(key)
            .is_some_and(|known| known.uid() == uid)
        {
            self.unlink(key);
        }
    }

    /// Forgets an object that we have deleted; older news of it are ignored.
    pub fn deleted(&mut self, key: &Key, uid: &str) {
        if self
            .objects
            .get(key)
            .is_some_and(|known| known.uid() == uid)
        {
            self.unlink(key);
            self.gone.insert(uid.into());
        }
    }

    fn unlink(&mut self, key: &Key) {
        let Some(old) = self.objects.remove(key) else {
            return;
        };
        self.by_uid.remove(old.uid());
        let Some(owner) = controller_uid(old.value()) else {
            return;
        };
        if let Some(keys) = self.controlled.get_mut(&owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.controlled.remove(&owner);
            }
        }
    }
}

/// Whether `known` is this version of the object or a later one. Versions of
/// one server are ordered numbers.
fn is_known(known: &LiveObject, object: &LiveObject) -> bool {
    let number = |object: &LiveObject| object.resource_version().parse::<u64>().ok();
    match (number(known), number(object)) {
        (Some(known_version), Some(version)) => {
            known_version >= version && known.uid() == object.uid()
        }
        _ => false,
    }
}

/// The uid of the owner that controls an object.
pub(crate) fn controller_uid(object: &Value) -> Option<Text> {
    let owners = object.at(&["metadata", "ownerReferences"])?.as_list()?;
    let controller = owners
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    controller.str_at(&["uid"]).map(Text::from)
}
