//! The objects that Canaries look at, kept fresh by watches.
//!
//! One watch for each kind and namespace that anybody looks into, by the laws of
//! the live set; of what it shows only objects that somebody asked for are kept.
//! What the watches don't know yet is read.

#[cfg(test)]
mod tests;
mod watched;

use crate::context::Context;
use crate::live::follow;
use crate::machine::{Event, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{
    ApiError, DeletedObject, ErrorClass, Form, LiveObject, Scope, WatchEvent, WatchSpec,
};
use trueup_object::{ObjectRef, Text, Value};
use watched::{Collection, SERVICE_LABEL, Watched, slices_of};

/// What is known of the objects, and who looks at them.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    watches: BTreeMap<Collection, Watched>,
    looked_at: BTreeMap<ObjectKey, BTreeSet<ObjectRef>>,
}

impl Sights {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves to a user only these; watches that nobody needs any more end.
    pub(super) fn keep(&self, user: &ObjectKey, used: BTreeSet<ObjectRef>) {
        let mut known = self.lock();
        let before = known.looked_at.remove(user).unwrap_or_default();
        for reference in before.difference(&used) {
            known.leave(user, reference);
        }
        if !used.is_empty() {
            known.looked_at.insert(user.clone(), used);
        }
    }

    /// Forgets what is known of an object: it has turned out to be outdated.
    pub(super) fn doubt(&self, reference: &ObjectRef) {
        if let Some(watched) = self.lock().watch_of(reference) {
            watched.doubt(reference);
        }
    }

    /// How far the watch of an object has come: for the answer to a write that
    /// is asked for now.
    pub(super) fn reached(&self, reference: &ObjectRef) -> Text {
        let mut known = self.lock();
        let watched = known.watch_of(reference);
        watched.map(|it| it.reached()).unwrap_or_default()
    }
}

impl Known {
    fn watch_of(&mut self, reference: &ObjectRef) -> Option<&mut Watched> {
        self.watches.get_mut(&Collection::of(reference))
    }

    fn leave(&mut self, user: &ObjectKey, reference: &ObjectRef) {
        let collection = Collection::of(reference);
        let Some(watched) = self.watches.get_mut(&collection) else {
            return;
        };
        watched.leave(user, reference);
        if watched.end_if_idle() {
            self.watches.remove(&collection);
        }
    }

    /// Notes a user; how the watch ends that has to be started.
    fn register(&mut self, user: &ObjectKey, reference: &ObjectRef) -> Option<CancellationToken> {
        let looked_at = self.looked_at.entry(user.clone()).or_default();
        looked_at.insert(reference.clone());
        let collection = Collection::of(reference);
        let mut started = None;
        let watched = self.watches.entry(collection.clone()).or_insert_with(|| {
            let stop = CancellationToken::new();
            started = Some(stop.clone());
            Watched::new(collection, stop)
        });
        watched.want(user, reference);
        started
    }
}

/// Reads an object for a user, who is woken from now on when it changes;
/// `None` if it is not there, or its kind is not served.
pub(super) async fn read(
    context: &Arc<Context>,
    user: &ObjectKey,
    reference: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    watch_if_new(context, user, reference);
    let sights = &context.canaries.sights;
    let asked_at = match sights.lock().watch_of(reference) {
        Some(watched) => match watched.known(reference) {
            Some(known) => return Ok(known),
            None => watched.reached(),
        },
        None => Text::new(),
    };
    let found = find_live(context, reference).await?;
    match &found {
        Some(object) => learnt(context, user, object, &asked_at),
        None => {
            if let Some(watched) = sights.lock().watch_of(reference) {
                watched.absent(reference);
            }
        }
    }
    Ok(found)
}

/// An object as somebody's watch knows it, or else as it is now; nobody is woken
/// for it.
pub(super) async fn find(
    context: &Context,
    reference: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    let known = {
        let mut known = context.canaries.sights.lock();
        known.watch_of(reference).and_then(|it| it.known(reference))
    };
    match known {
        Some(known) => Ok(known),
        None => find_live(context, reference).await,
    }
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

/// Takes in the answer to a read or write of a user, who knows of it, that was
/// asked for when the watch had reached `asked_at`.
pub(super) fn learnt(context: &Context, user: &ObjectKey, object: &LiveObject, asked_at: &str) {
    let concerned = {
        let mut known = context.canaries.sights.lock();
        let watched = known.watch_of(object.reference());
        watched.map(|it| it.answered(object, asked_at))
    };
    wake(context, concerned.unwrap_or_default(), Some(user));
}

/// Takes in that an object was deleted by a user.
pub(super) fn deleted(context: &Context, user: &ObjectKey, reference: &ObjectRef, uid: &Text) {
    let deleted = DeletedObject {
        reference: reference.clone(),
        uid: uid.clone(),
        last: None,
    };
    let concerned = {
        let mut known = context.canaries.sights.lock();
        known.watch_of(reference).map(|it| it.gone(&deleted))
    };
    wake(context, concerned.unwrap_or_default(), Some(user));
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
    let known = {
        let mut known = context.canaries.sights.lock();
        let watched = known.watch_of(&reference);
        watched.and_then(|it| it.slices(service))
    };
    if let Some(known) = known {
        return Ok(known);
    }
    let scope = Scope::namespace(namespace).labelled(&format!("{SERVICE_LABEL}={service}"));
    let session = &context.session;
    let list = session.list(&reference.kind, &scope, Form::Full).await?;
    Ok(list.objects.iter().map(|it| it.value().clone()).collect())
}

fn watch_if_new(context: &Arc<Context>, user: &ObjectKey, reference: &ObjectRef) {
    let started = context.canaries.sights.lock().register(user, reference);
    let Some(stop) = started else {
        return;
    };
    let collection = Collection::of(reference);
    let events = context.session.watch(WatchSpec {
        kind: collection.kind.clone(),
        scope: Scope::namespace(&collection.namespace),
        form: Form::Full,
    });
    follow(context, events, stop, move |context, event| {
        take(context, &collection, event);
    });
}

fn take(context: &Context, collection: &Collection, event: WatchEvent) {
    if let WatchEvent::Error(error) = &event {
        tracing::debug!(kind = %collection.kind.kind, namespace = %collection.namespace, %error, "watch");
    }
    let concerned = {
        let mut known = context.canaries.sights.lock();
        let watched = known.watches.get_mut(collection);
        watched.map(|it| it.take(event))
    };
    wake(context, concerned.unwrap_or_default(), None);
}

fn wake(context: &Context, concerned: BTreeSet<ObjectKey>, knows: Option<&ObjectKey>) {
    for key in concerned.into_iter().filter(|key| Some(key) != knows) {
        context.tell(Event::LiveChanged(key));
    }
}
