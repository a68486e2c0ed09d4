//! Watches that go on until they are dropped.

mod watcher;

use crate::{ApiError, Cluster, Form, LiveObject, Scope, Session};
use futures::StreamExt;
use futures::stream::{BoxStream, unfold};
use std::collections::BTreeSet;
use trueup_object::{GroupVersionKind, ObjectRef, Text};
use watcher::Watcher;

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchSpec {
    /// Group, version and kind.
    pub kind: GroupVersionKind,
    /// Which of them.
    pub scope: Scope,
    /// How much of each.
    pub form: Form,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// An object is there, in this version: listed, added or changed. The
    /// same version is told once, and again only after an error that does not
    /// pass by itself.
    Applied(LiveObject),
    /// An object is gone, or does not match any more.
    Deleted(DeletedObject),
    /// All objects of a list have been told; from here on changes follow.
    /// Comes again after each [`WatchEvent::Restarted`], and after each error
    /// that does not pass by itself.
    Synced {
        /// The version of the list.
        resource_version: Text,
    },
    /// The server can't resume from where we were, or the watch works again
    /// after an error that does not pass by itself: the objects are listed anew.
    /// Only differences are told, apart from the latter case.
    Restarted {
        /// Why.
        reason: Text,
    },
    /// Something failed; the watch goes on trying. Where that does not pass by
    /// itself ([`ApiError::is_transient`]), such as a refusal, what was told may
    /// be outdated for long: once the watch works again everything is listed,
    /// and what is there is told again.
    Error(ApiError),
}

/// The last that is known of a deleted object.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletedObject {
    /// Its name.
    pub reference: ObjectRef,
    /// Its uid.
    pub uid: Text,
    /// Its last state; `None` when the deletion was found by listing.
    pub last: Option<LiveObject>,
}

/// The events of one watch; never ends. Dropping it closes the watch.
pub type WatchStream = BoxStream<'static, WatchEvent>;

impl Session {
    /// Lists, then watches: resumes after breaks, lists anew when the server
    /// has forgotten where we were, pauses with jitter after failures, and
    /// never ends. Nothing is asked before the stream is polled.
    #[must_use]
    pub fn watch(&self, spec: WatchSpec) -> WatchStream {
        let watcher = Watcher::new(self.clone(), spec);
        unfold(watcher, |mut watcher| async move {
            let event = watcher.next().await;
            Some((event, watcher))
        })
        .boxed()
    }
}

/// Watches definitions and API services, and invalidates the cluster's
/// discovery whenever one changes. Never returns; to be spawned once for each
/// cluster.
pub async fn keep_discovery_fresh(cluster: Cluster) {
    let session = cluster.session();
    let watch = |api_version, kind: &'static str| {
        let spec = WatchSpec {
            kind: GroupVersionKind::new(api_version, kind),
            scope: Scope::all(),
            form: Form::Metadata,
        };
        session.watch(spec).map(move |event| (kind, event))
    };
    let mut events = futures::stream::select(
        watch("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        watch("apiregistration.k8s.io/v1", "APIService"),
    );
    let mut synced = BTreeSet::new();
    while let Some((kind, event)) = events.next().await {
        match event {
            // The catalogue may be older than the watch: anew, once.
            WatchEvent::Synced { .. } if synced.insert(kind) => cluster.invalidate_discovery(),
            WatchEvent::Applied(_) | WatchEvent::Deleted(_) if synced.contains(kind) => {
                cluster.invalidate_discovery();
            }
            WatchEvent::Error(error) => tracing::debug!(%error, "watch for discovery"),
            _ => {}
        }
    }
}
