//! The objects that Canaries look at, kept fresh by watches.
//!
//! One watch for each kind and namespace that anybody looks into; of what it
//! shows only objects that somebody asked for are kept, but of `EndpointSlice`s
//! all, which go by their Service. What the watches don't know yet is read.
//! Nothing here is older than what was written by ourselves.

use crate::context::Context;
use crate::machine::{Event, ObjectKey};
use crate::objects::is_newer;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{ApiError, ErrorClass, Form, LiveObject, Scope, WatchEvent, WatchSpec};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// The label of an `EndpointSlice` that names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The kind of slices of endpoints.
fn endpoint_slice() -> GroupVersionKind {
    GroupVersionKind::new("discovery.k8s.io/v1", "EndpointSlice")
}

/// What is watched: a kind in a namespace.
type Collection = (GroupVersionKind, Text);

/// What is known of the objects, and who looks at them.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sights: BTreeMap<ObjectRef, Sight>,
    watches: BTreeMap<Collection, Watched>,
    looked_at: BTreeMap<ObjectKey, BTreeSet<ObjectRef>>,
}

#[derive(Debug, Default)]
struct Sight {
    state: State,
    /// Whether the watch itself has shown it so.
    is_confirmed: bool,
    /// The life that has ended: an answer that is still under way may tell of
    /// it.
    ended: Option<Text>,
    users: BTreeSet<ObjectKey>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unread,
    Absent,
    Found(LiveObject),
}

#[derive(Debug)]
struct Watched {
    /// Whether it has listed everything, and goes on.
    is_complete: bool,
    slices: BTreeMap<ObjectRef, LiveObject>,
    stop: CancellationToken,
}

impl Sights {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves to a user only these; watches that nobody needs any more end.
    pub(super) fn keep(&self, user: &ObjectKey, used: BTreeSet<ObjectRef>) {
        let mut known = self.lock();
        let before = known.looked_at.remove(user).unwrap_or_default();
        let left: Vec<&ObjectRef> = before.difference(&used).collect();
        for reference in &left {
            if let Some(sight) = known.sights.get_mut(*reference) {
                sight.users.remove(user);
                if sight.users.is_empty() {
                    known.sights.remove(*reference);
                }
            }
        }
        if !left.is_empty() {
            known.end_idle_watches();
        }
        if !used.is_empty() {
            known.looked_at.insert(user.clone(), used);
        }
    }

    /// Forgets what is known of an object: it has turned out to be outdated.
    pub(super) fn doubt(&self, reference: &ObjectRef) {
        if let Some(sight) = self.lock().sights.get_mut(reference) {
            sight.state = State::Unread;
        }
    }
}

impl Known {
    fn end_idle_watches(&mut self) {
        let used: BTreeSet<Collection> = self.sights.keys().map(collection_of).collect();
        self.watches.retain(|collection, watched| {
            let is_used = used.contains(collection);
            if !is_used {
                watched.stop.cancel();
            }
            is_used
        });
    }

    /// Notes a user; how the watch ends that has to be started.
    fn register(&mut self, user: &ObjectKey, reference: &ObjectRef) -> Option<CancellationToken> {
        let sight = self.sights.entry(reference.clone()).or_default();
        sight.users.insert(user.clone());
        let looked_at = self.looked_at.entry(user.clone()).or_default();
        looked_at.insert(reference.clone());
        let mut started = None;
        self.watches
            .entry(collection_of(reference))
            .or_insert_with(|| {
                let stop = CancellationToken::new();
                started = Some(stop.clone());
                Watched {
                    is_complete: false,
                    slices: BTreeMap::new(),
                    stop,
                }
            });
        started
    }

    /// What the watches know of an object: that it is there, that it is not, or
    /// nothing.
    fn known(&self, reference: &ObjectRef) -> Option<Option<LiveObject>> {
        if !self.is_complete(&collection_of(reference)) {
            return None;
        }
        match &self.sights.get(reference)?.state {
            State::Found(object) => Some(Some(object.clone())),
            State::Absent => Some(None),
            State::Unread => None,
        }
    }

    fn is_complete(&self, collection: &Collection) -> bool {
        self.watches
            .get(collection)
            .is_some_and(|it| it.is_complete)
    }

    /// Takes in an object; whom that concerns.
    fn found(&mut self, object: &LiveObject, is_confirmed: bool) -> BTreeSet<ObjectKey> {
        let Some(sight) = self.sights.get_mut(object.reference()) else {
            return BTreeSet::new();
        };
        if sight.ended.as_ref() == Some(object.uid()) {
            return BTreeSet::new();
        }
        sight.is_confirmed |= is_confirmed;
        let is_news = match &sight.state {
            State::Found(known) => known.uid() != object.uid() || is_newer(object, known),
            State::Absent | State::Unread => true,
        };
        if !is_news {
            return BTreeSet::new();
        }
        sight.state = State::Found(object.without_tree());
        sight.users.clone()
    }

    fn gone(&mut self, reference: &ObjectRef, uid: &Text) -> BTreeSet<ObjectKey> {
        let Some(sight) = self.sights.get_mut(reference) else {
            return BTreeSet::new();
        };
        let is_other = |known: &LiveObject| !uid.is_empty() && known.uid() != uid;
        if matches!(&sight.state, State::Found(known) if is_other(known)) {
            return BTreeSet::new();
        }
        sight.ended = Some(uid.clone());
        sight.state = State::Absent;
        sight.users.clone()
    }

    /// The watch has listed everything: what it has not shown may be gone.
    fn complete(&mut self, collection: &Collection) {
        if let Some(watched) = self.watches.get_mut(collection) {
            watched.is_complete = true;
        }
        for (reference, sight) in &mut self.sights {
            if collection_of(reference) == *collection && !sight.is_confirmed {
                sight.state = State::Unread;
            }
        }
    }

    fn slice_changed(
        &mut self,
        collection: &Collection,
        reference: &ObjectRef,
        now: Option<&LiveObject>,
    ) -> BTreeSet<ObjectKey> {
        let Some(watched) = self.watches.get_mut(collection) else {
            return BTreeSet::new();
        };
        let before = match now {
            Some(now) => watched.slices.insert(reference.clone(), now.without_tree()),
            None => watched.slices.remove(reference),
        };
        let services = before.iter().chain(now).filter_map(|it| {
            let name = it.label(SERVICE_LABEL)?;
            Some(slices_of(&collection.1, name))
        });
        let sights = services.filter_map(|service| self.sights.get(&service));
        sights.flat_map(|sight| sight.users.clone()).collect()
    }
}

fn collection_of(reference: &ObjectRef) -> Collection {
    (reference.kind.clone(), reference.namespace.clone())
}

/// What stands for the slices of a Service.
fn slices_of(namespace: &str, service: &str) -> ObjectRef {
    ObjectRef {
        kind: endpoint_slice(),
        namespace: namespace.into(),
        name: service.into(),
    }
}

/// Reads an object for a user, who is woken from now on when it changes;
/// `None` if it is not there, or its kind is not served.
pub(super) async fn read(
    context: &Arc<Context>,
    user: &ObjectKey,
    reference: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    let sights = &context.canaries.sights;
    watch_if_new(context, user, reference);
    if let Some(known) = sights.lock().known(reference) {
        return Ok(known);
    }
    let found = find_live(context, reference).await?;
    match &found {
        Some(object) => {
            sights.lock().found(object, false);
        }
        None => note_absent(sights, reference),
    }
    Ok(found)
}

/// An object as somebody's watch knows it, or else as it is now; nobody is woken
/// for it.
pub(super) async fn find(
    context: &Context,
    reference: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    if let Some(known) = context.canaries.sights.lock().known(reference) {
        return Ok(known);
    }
    find_live(context, reference).await
}

/// A kind that is not served has no objects.
async fn find_live(
    context: &Context,
    reference: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    match context.session.find(reference, Form::Full).await {
        Err(error) if error.class() == ErrorClass::KindMissing => Ok(None),
        found => found,
    }
}

/// A watch that has seen it meanwhile knows better.
fn note_absent(sights: &Sights, reference: &ObjectRef) {
    if let Some(sight) = sights.lock().sights.get_mut(reference)
        && matches!(sight.state, State::Unread)
    {
        sight.state = State::Absent;
    }
}

/// Takes in the answer to a write of a user, who knows of it.
pub(super) fn written(context: &Context, user: &ObjectKey, object: &LiveObject) {
    let concerned = context.canaries.sights.lock().found(object, false);
    wake(context, concerned, Some(user));
}

/// Takes in that an object was deleted by a user.
pub(super) fn deleted(context: &Context, user: &ObjectKey, reference: &ObjectRef, uid: &Text) {
    let concerned = context.canaries.sights.lock().gone(reference, uid);
    wake(context, concerned, Some(user));
}

/// The `EndpointSlice`s of a Service.
pub(super) async fn slices(
    context: &Arc<Context>,
    user: &ObjectKey,
    namespace: &str,
    service: &str,
) -> Result<Vec<Value>, ApiError> {
    let reference = slices_of(namespace, service);
    watch_if_new(context, user, &reference);
    {
        let known = context.canaries.sights.lock();
        if let Some(watched) = known.watches.get(&collection_of(&reference))
            && watched.is_complete
        {
            let own = watched.slices.values();
            let own = own.filter(|it| it.label(SERVICE_LABEL) == Some(service));
            return Ok(own.map(|it| it.value().clone()).collect());
        }
    }
    let scope = Scope::namespace(namespace).labelled(&format!("{SERVICE_LABEL}={service}"));
    let kind = endpoint_slice();
    let list = context.session.list(&kind, &scope, Form::Full).await?;
    Ok(list.objects.iter().map(|it| it.value().clone()).collect())
}

fn watch_if_new(context: &Arc<Context>, user: &ObjectKey, reference: &ObjectRef) {
    let started = context.canaries.sights.lock().register(user, reference);
    if let Some(stop) = started {
        watch(context, collection_of(reference), stop);
    }
}

fn watch(context: &Arc<Context>, collection: Collection, stop: CancellationToken) {
    let weak = Arc::downgrade(context);
    let mut events = context.session.watch(WatchSpec {
        kind: collection.0.clone(),
        scope: Scope::namespace(&collection.1),
        form: Form::Full,
    });
    context.spawn(async move {
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            let (Some(event), Some(context)) = (event, weak.upgrade()) else {
                return;
            };
            take(&context, &collection, event);
        }
    });
}

fn take(context: &Context, collection: &Collection, event: WatchEvent) {
    let is_slice = collection.0 == endpoint_slice();
    let mut known = context.canaries.sights.lock();
    let concerned = match event {
        WatchEvent::Applied(object) if is_slice => {
            known.slice_changed(collection, object.reference(), Some(&object))
        }
        WatchEvent::Applied(object) => known.found(&object, true),
        WatchEvent::Deleted(gone) if is_slice => {
            known.slice_changed(collection, &gone.reference, None)
        }
        WatchEvent::Deleted(gone) => known.gone(&gone.reference, &gone.uid),
        WatchEvent::Synced { .. } => {
            known.complete(collection);
            return;
        }
        WatchEvent::Restarted { .. } => return,
        WatchEvent::Error(error) => {
            tracing::debug!(kind = %collection.0.kind, namespace = %collection.1, %error, "watch");
            if !error.is_transient()
                && let Some(watched) = known.watches.get_mut(collection)
            {
                watched.is_complete = false;
            }
            return;
        }
    };
    drop(known);
    wake(context, concerned, None);
}

fn wake(context: &Context, concerned: BTreeSet<ObjectKey>, knows: Option<&ObjectKey>) {
    for key in concerned.into_iter().filter(|key| Some(key) != knows) {
        context.tell(Event::LiveChanged(key));
    }
}
