//! The objects of the cluster that the gateway looks at.

use std::collections::BTreeMap;
use trueup_cluster::LiveObject;
use trueup_object::{GroupVersionKind, Text};

/// A kind that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    GatewayClass,
    Gateway,
    HttpRoute,
    Service,
    EndpointSlice,
    Pod,
    Namespace,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::GatewayClass,
        Self::Gateway,
        Self::HttpRoute,
        Self::Service,
        Self::EndpointSlice,
        Self::Pod,
        Self::Namespace,
    ];

    pub(crate) fn gvk(self) -> GroupVersionKind {
        let (api_version, kind) = match self {
            Self::GatewayClass => (crate::api::API_VERSION, "GatewayClass"),
            Self::Gateway => (crate::api::API_VERSION, "Gateway"),
            Self::HttpRoute => (crate::api::API_VERSION, "HTTPRoute"),
            Self::Service => ("v1", "Service"),
            Self::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
            Self::Pod => ("v1", "Pod"),
            Self::Namespace => ("v1", "Namespace"),
        };
        GroupVersionKind::new(api_version, kind)
    }

    /// Whether routes depend on it, not only where their Services lead.
    pub(crate) fn concerns_routes(self) -> bool {
        !matches!(self, Self::EndpointSlice | Self::Pod)
    }
}

/// Objects by kind, namespace and name, as they were seen last.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_kind: BTreeMap<Kind, BTreeMap<(Text, Text), LiveObject>>,
}

impl Objects {
    /// Keeps an object in the place of the one before.
    pub(crate) fn put(&mut self, kind: Kind, object: LiveObject) {
        let key = (object.namespace().clone(), object.name().clone());
        self.by_kind.entry(kind).or_default().insert(key, object);
    }

    /// Forgets an object, unless another of its name has come meanwhile.
    pub(crate) fn remove(&mut self, kind: Kind, namespace: &Text, name: &Text, uid: &str) {
        let objects = self.by_kind.entry(kind).or_default();
        let key = (namespace.clone(), name.clone());
        if objects.get(&key).is_some_and(|object| object.uid() == uid) {
            objects.remove(&key);
        }
    }

    /// All objects of a kind, by namespace and name.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &LiveObject> {
        self.by_kind
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// An object.
    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&LiveObject> {
        let key = (namespace.into(), name.into());
        self.by_kind.get(&kind)?.get(&key)
    }

    /// A `Service`.
    pub(crate) fn service(&self, namespace: &str, name: &str) -> Option<&LiveObject> {
        self.get(Kind::Service, namespace, name)
    }
}
