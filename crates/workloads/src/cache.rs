//! What was last seen of the objects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use trueup_cluster::LiveObject;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// The label by which an EndpointSlice names its Service.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";

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
    /// v1
    Node,
    /// v1
    PersistentVolumeClaim,
    /// apps/v1
    ControllerRevision,
    /// batch/v1
    CronJob,
    /// v1
    Service,
    /// v1
    Endpoints,
    /// discovery.k8s.io/v1
    EndpointSlice,
    /// policy/v1
    PodDisruptionBudget,
    /// autoscaling/v2
    HorizontalPodAutoscaler,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Pod,
        Self::Node,
        Self::PersistentVolumeClaim,
        Self::ControllerRevision,
        Self::CronJob,
        Self::Service,
        Self::Endpoints,
        Self::EndpointSlice,
        Self::PodDisruptionBudget,
        Self::HorizontalPodAutoscaler,
    ];

    /// `apiVersion` and `kind`.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Deployment => ("apps/v1", "Deployment"),
            Self::ReplicaSet => ("apps/v1", "ReplicaSet"),
            Self::StatefulSet => ("apps/v1", "StatefulSet"),
            Self::DaemonSet => ("apps/v1", "DaemonSet"),
            Self::ControllerRevision => ("apps/v1", "ControllerRevision"),
            Self::Job => ("batch/v1", "Job"),
            Self::Pod => ("v1", "Pod"),
            Self::Node => ("v1", "Node"),
            Self::PersistentVolumeClaim => ("v1", "PersistentVolumeClaim"),
            Self::CronJob => ("batch/v1", "CronJob"),
            Self::Service => ("v1", "Service"),
            Self::Endpoints => ("v1", "Endpoints"),
            Self::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
            Self::PodDisruptionBudget => ("policy/v1", "PodDisruptionBudget"),
            Self::HorizontalPodAutoscaler => ("autoscaling/v2", "HorizontalPodAutoscaler"),
        }
    }

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        self.names().0
    }

    /// `kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().1
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(self) -> GroupVersionKind {
        GroupVersionKind::new(self.api_version(), self.name())
    }

    /// The kind of this name among those watched.
    #[must_use]
    pub fn of(kind: &GroupVersionKind) -> Option<Self> {
        let api_version = kind.api_version();
        Self::ALL
            .into_iter()
            .find(|known| known.names() == (api_version.as_str(), kind.kind.as_str()))
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

    /// The key of an object of another kind and name in the same namespace.
    pub(crate) fn renamed(&self, kind: Kind, name: &str) -> Self {
        Self {
            kind,
            namespace: self.namespace.clone(),
            name: name.into(),
        }
    }

    /// The key of an object without a namespace.
    pub(crate) fn cluster_scoped(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            namespace: Text::new(),
            name: name.into(),
        }
    }
}

/// The objects seen, and who controls whom. Answers of our own writes go in
/// at once, so that a decision never rests on less than we know.
#[derive(Debug, Default)]
pub struct Cache {
    objects: BTreeMap<Key, LiveObject>,
    /// Controller's uid → controlled objects.
    controlled: HashMap<Text, BTreeSet<Key>>,
    /// Kind and namespace → objects without a controller.
    orphans: HashMap<(Kind, Text), BTreeSet<Key>>,
    /// Namespace and name of a Service → its EndpointSlices, by their label.
    slices: HashMap<(Text, Text), BTreeSet<Key>>,
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

    /// The keys of all objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Key> {
        let first = Key {
            kind,
            namespace: Text::new(),
            name: Text::new(),
        };
        self.objects
            .range(first..)
            .map(|(key, _)| key)
            .take_while(move |key| key.kind == kind)
    }

    /// The objects of a kind in a namespace, by name.
    pub fn in_namespace<'a>(
        &'a self,
        kind: Kind,
        namespace: &Text,
    ) -> impl Iterator<Item = (&'a Key, &'a LiveObject)> + use<'a> {
        let namespace = namespace.clone();
        let first = Key {
            kind,
            namespace: namespace.clone(),
            name: Text::new(),
        };
        self.objects
            .range(first..)
            .take_while(move |(key, _)| key.kind == kind && key.namespace == namespace)
    }

    /// The objects of a kind in a namespace that nobody controls, by name.
    pub fn orphans<'a>(
        &'a self,
        kind: Kind,
        namespace: &Text,
    ) -> impl Iterator<Item = &'a LiveObject> + use<'a> {
        let keys = self.orphans.get(&(kind, namespace.clone()));
        let keys = keys.into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key))
    }

    /// The EndpointSlices that say they are of a Service, by name.
    pub fn slices_of<'a>(
        &'a self,
        namespace: &Text,
        service: &Text,
    ) -> impl Iterator<Item = &'a LiveObject> + use<'a> {
        let keys = self.slices.get(&(namespace.clone(), service.clone()));
        let keys = keys.into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key))
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
        let known = [self.objects.get(&key), self.neighbour(&key)];
        let object = object.as_tree(known);
        self.unlink(&key);
        let siblings = match controller_uid(object.value()) {
            Some(owner) => self.controlled.entry(owner).or_default(),
            None => {
                let place = (key.kind, key.namespace.clone());
                self.orphans.entry(place).or_default()
            }
        };
        siblings.insert(key.clone());
        if let Some(place) = service_of(&key, &object) {
            self.slices.entry(place).or_default().insert(key.clone());
        }
        self.by_uid.insert(object.uid().clone(), key.clone());
        self.objects.insert(key, object);
        true
    }

    /// An object of the same kind, which is often made from one template.
    fn neighbour(&self, key: &Key) -> Option<&LiveObject> {
        let (near, object) = self.objects.range(..key).next_back()?;
        (near.kind == key.kind).then_some(object)
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
        match controller_uid(old.value()) {
            Some(owner) => remove_from(&mut self.controlled, &owner, key),
            None => remove_from(&mut self.orphans, &(key.kind, key.namespace.clone()), key),
        }
        if let Some(place) = service_of(key, &old) {
            remove_from(&mut self.slices, &place, key);
        }
    }
}

/// Takes a key out of one of the sets of an index, and the set with the last.
fn remove_from<P: Eq + Hash>(index: &mut HashMap<P, BTreeSet<Key>>, place: &P, key: &Key) {
    if let Some(keys) = index.get_mut(place) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(place);
        }
    }
}

/// Namespace and name of the Service that an EndpointSlice says it is of.
fn service_of(key: &Key, object: &LiveObject) -> Option<(Text, Text)> {
    let service = (key.kind == Kind::EndpointSlice).then(|| object.label(SERVICE_NAME))??;
    Some((key.namespace.clone(), service.into()))
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
