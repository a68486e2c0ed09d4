//! What is watched, and who looks.

use crate::machine::ObjectKey;
use trueup_cluster::{ClusterKey, Identity, LiveObject, Session};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, ObjectRef, Text};

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The cluster that is watched.
    pub cluster: ClusterKey,
    /// What is watched there.
    pub what: What,
}

/// What a watch is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The objects of a kind that carry an owner label.
    Owned(GroupVersionKind),
    /// The same in one namespace (in none: of the whole cluster), as whom they
    /// are looked at; stands in for a shared watch that is forbidden.
    OwnedIn(GroupVersionKind, Text, Identity),
    /// One object, as whom it is looked at.
    Named(ObjectRef, Identity),
}

impl Subject {
    /// The objects of a kind that carry an owner label.
    pub(crate) fn owned(cluster: &ClusterKey, kind: GroupVersionKind) -> Self {
        Self {
            cluster: cluster.clone(),
            what: What::Owned(kind),
        }
    }

    /// The objects of a kind beside another one that carry an owner label,
    /// seen as the session's identity.
    pub(crate) fn owned_beside(session: &Session, reference: &ObjectRef) -> Self {
        let (kind, namespace) = (reference.kind.clone(), reference.namespace.clone());
        Self {
            cluster: session.cluster().key().clone(),
            what: What::OwnedIn(kind, namespace, session.identity().clone()),
        }
    }

    /// One object, seen as the session's identity.
    pub(crate) fn named(session: &Session, reference: ObjectRef) -> Self {
        Self {
            cluster: session.cluster().key().clone(),
            what: What::Named(reference, session.identity().clone()),
        }
    }
}

/// Who looks at live objects, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// The cluster that is looked at.
    pub cluster: ClusterKey,
    /// As whom.
    pub identity: Identity,
    /// For whose sake: the custom resource whose labels its objects carry.
    pub owner: ObjectKey,
}

impl Viewer {
    /// Whoever looks as a session for the sake of a custom resource.
    pub(crate) fn new(session: &Session, owner: &ObjectKey) -> Self {
        Self {
            cluster: session.cluster().key().clone(),
            identity: session.identity().clone(),
            owner: owner.clone(),
        }
    }

    pub(super) fn subjects(&self, reference: &ObjectRef) -> [Subject; 3] {
        let (kind, namespace) = (reference.kind.clone(), reference.namespace.clone());
        let identity = || self.identity.clone();
        [
            What::Named(reference.clone(), identity()),
            What::OwnedIn(kind.clone(), namespace, identity()),
            What::Owned(kind),
        ]
        .map(|what| Subject {
            cluster: self.cluster.clone(),
            what,
        })
    }

    /// Whether what a watch has shown may be told.
    pub(super) fn may_see(&self, subject: &Subject, object: &LiveObject) -> bool {
        let own = || {
            object.label(names::OWNER_NAME) == Some(self.owner.name.as_str())
                && object.label(names::OWNER_NAMESPACE) == Some(self.owner.namespace.as_str())
        };
        match (&subject.what, &self.identity) {
            (What::Named(..) | What::OwnedIn(..), _) | (What::Owned(_), Identity::Controller) => {
                true
            }
            (What::Owned(_), Identity::Impersonate { .. }) => own(),
        }
    }
}
