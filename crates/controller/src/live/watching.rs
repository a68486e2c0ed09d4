//! What watches and answers tell the live set, and who is woken by it.

use super::{Change, Sight, Subject, Viewer, What, follow};
use crate::context::Context;
use crate::machine::{Event, Kind, ObjectKey};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{
    ApiError, ErrorClass, Form, LiveObject, Scope, Session, WatchEvent, WatchSpec,
};
use trueup_kinds::names;
use trueup_object::ObjectRef;

/// How long a run waits for the first list of a watch; it goes on without,
/// and asks for each object by itself.
const FIRST_LIST_TIMEOUT_MS: u64 = 5_000;

/// Makes `subjects` the watches of a user, and waits until each has shown
/// everything once or fails to, or for a bounded time.
pub(crate) async fn track(context: &Arc<Context>, user: &ObjectKey, subjects: &BTreeSet<Subject>) {
    context.live.forget_unwatched(user);
    for (subject, stop) in context.live.set_users(user, subjects) {
        begin(context, subject, stop);
    }
    listed(context, user).await;
}

/// As whom a watch is made: a shared one as the cluster's own user.
fn session_of(context: &Context, subject: &Subject) -> Option<Session> {
    let cluster = context.cluster(&subject.cluster)?;
    Some(match &subject.what {
        What::Owned(_) => cluster.session(),
        What::OwnedIn(_, _, identity) | What::Named(_, identity) => {
            cluster.session_as(identity.clone())
        }
    })
}

/// Adds one watch to those of a user, and waits for it in the same way.
pub(crate) async fn track_also(context: &Arc<Context>, user: &ObjectKey, subject: &Subject) {
    if let Some(stop) = context.live.add_user(user, subject) {
        begin(context, subject.clone(), stop);
    }
    listed(context, user).await;
}

fn begin(context: &Arc<Context>, subject: Subject, stop: CancellationToken) {
    match session_of(context, &subject) {
        Some(session) => {
            let events = session.watch(spec_of(&subject));
            follow(context, events, stop, move |context, event| {
                take(context, &subject, event);
            });
        }
        // Its cluster is known no more: nothing will be shown.
        None => context.live.failing(&subject),
    }
}

async fn listed(context: &Context, user: &ObjectKey) {
    let all = async {
        // The first change of each is that it has listed, or fails to. A watch
        // that ends meanwhile has no user any more: that is, not this one.
        for mut standing in context.live.begun(user) {
            standing.changed().await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(FIRST_LIST_TIMEOUT_MS), all).await;
}

fn spec_of(subject: &Subject) -> WatchSpec {
    match &subject.what {
        What::Owned(kind) => WatchSpec {
            kind: kind.clone(),
            scope: Scope::all().labelled(names::OWNER_NAME),
            form: Form::Full,
        },
        What::OwnedIn(kind, namespace, _) => WatchSpec {
            kind: kind.clone(),
            scope: namespace_scope(namespace).labelled(names::OWNER_NAME),
            form: Form::Full,
        },
        What::Named(reference, _) => WatchSpec {
            kind: reference.kind.clone(),
            scope: Scope::object(&reference.namespace, &reference.name),
            form: Form::Full,
        },
    }
}

fn namespace_scope(namespace: &str) -> Scope {
    if namespace.is_empty() {
        Scope::all()
    } else {
        Scope::namespace(namespace)
    }
}

/// Whether the server will not let us watch: because of who we are, or
/// because the kind can't be.
fn is_forbidden(error: &ApiError) -> bool {
    const METHOD_NOT_ALLOWED: u16 = 405;
    let class = error.class();
    matches!(class, ErrorClass::Forbidden | ErrorClass::Unauthorized)
        || error.code() == METHOD_NOT_ALLOWED
}

fn take(context: &Context, subject: &Subject, event: WatchEvent) {
    let changes = match event {
        WatchEvent::Applied(object) => context.live.seen(subject, &object).into_iter().collect(),
        WatchEvent::Deleted(deleted) => context.live.gone(subject, &deleted).into_iter().collect(),
        WatchEvent::Synced { resource_version } => {
            let is_allowed_again = context.live.is_forbidden(subject);
            let changes = context.live.complete(subject, &resource_version);
            if is_allowed_again {
                wake_users(context, subject);
            }
            changes
        }
        WatchEvent::Restarted { reason } => {
            tracing::debug!(?subject, %reason, "watch begun anew");
            Vec::new()
        }
        WatchEvent::Error(error) => {
            tracing::debug!(?subject, %error, "watch");
            if is_forbidden(&error) {
                context.live.forbidden(subject, error.message());
            } else {
                context.live.failing(subject);
            }
            Vec::new()
        }
    };
    for change in &changes {
        wake(context, subject, change, None);
    }
}

/// Whoever knows that a watch was refused looks again once it is not: what went
/// meanwhile was not held, and is told to nobody.
fn wake_users(context: &Context, subject: &Subject) {
    for user in context.live.users(subject) {
        context.tell(Event::LiveChanged(user));
    }
}

/// Takes in the answer to a read or write that is made by `viewer`, who knows
/// of it; whoever else is concerned is woken.
pub(crate) fn answered(context: &Context, viewer: &Viewer, object: &LiveObject) {
    for (subject, change) in context.live.answered(viewer, object) {
        wake(context, &subject, &change, Some(&viewer.owner));
    }
}

/// An object that is read by name for the sake of `user`: what its watch has
/// shown, else what the cluster says; an error where it says that there is none.
pub(crate) async fn look_up(
    context: &Context,
    session: &Session,
    user: &ObjectKey,
    reference: &ObjectRef,
) -> Result<LiveObject, ApiError> {
    let viewer = Viewer::new(session, user);
    if let Sight::Seen(object) = context.live.find(&viewer, reference) {
        return Ok(object);
    }
    let object = session.get(reference, Form::Full).await?;
    answered(context, &viewer, &object);
    Ok(object)
}

/// Wakes those whom the change concerns: the owner by its labels (as they
/// were, too: a stripped label is a change), the users of a watch by name.
fn wake(context: &Context, subject: &Subject, change: &Change, knows: Option<&ObjectKey>) {
    let concerned: BTreeSet<ObjectKey> = match &subject.what {
        What::Named(..) => context.live.users(subject).into_iter().collect(),
        What::Owned(_) | What::OwnedIn(..) => match change {
            Change::Applied { before, now } => before
                .iter()
                .chain([now])
                .filter_map(|object| owner_of(context, object))
                .collect(),
            Change::Gone { before } => owner_of(context, before).into_iter().collect(),
        },
    };
    for owner in concerned.into_iter().filter(|owner| Some(owner) != knows) {
        // A source names only what it needs; any change of that counts.
        if owner.kind != Kind::Kustomization
            || context
                .memories
                .is_concerned(&owner, &subject.cluster, change)
        {
            context.tell(Event::LiveChanged(owner));
        }
    }
}

/// The Kustomization whose labels an object carries. It lives in our own
/// cluster, wherever the object does.
fn owner_of(context: &Context, object: &LiveObject) -> Option<ObjectKey> {
    Some(ObjectKey {
        cluster: context.session.cluster().key().clone(),
        kind: Kind::Kustomization,
        namespace: object.label(names::OWNER_NAMESPACE)?.into(),
        name: object.label(names::OWNER_NAME)?.into(),
    })
}
