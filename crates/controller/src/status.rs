//! Writing statuses and finalizers: the smallest patch, on the newest copy.

use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use trueup_cluster::{ApiError, ErrorClass, Form, LiveObject, Patch, WriteOptions};
use trueup_kinds::{Conditions, KindError, Resource, names, reason, status_patch};
use trueup_object::{Text, Value, decode, encode, value};

/// How often a write is tried anew on a newer copy of the object.
const CONFLICT_ATTEMPTS: u32 = 5;

/// Why a custom resource could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    /// It is gone; there is nothing to write to.
    #[error("{0} is gone")]
    Gone(ObjectKey),
    /// It can't be read as its kind.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// Somebody else has written what the run did not reckon with: it is void,
    /// and the next one begins from that.
    #[error("{0} was changed by somebody else meanwhile")]
    Overtaken(ObjectKey),
    /// The API refused or did not answer.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Reads the newest copy that is known.
pub(crate) fn read<R: Resource>(context: &Context, key: &ObjectKey) -> Result<R, StatusError> {
    let live = context
        .objects
        .get(key)
        .ok_or_else(|| StatusError::Gone(key.clone()))?;
    Ok(R::read(live.value())?)
}

/// Changes the status: what `change` leaves as it was is not written, and
/// nothing is written where nothing changes. When somebody else wrote
/// meanwhile, the change is made again on what they left.
pub(crate) async fn change<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    change: &(dyn Fn(&mut R) + Send + Sync),
) -> Result<R, StatusError> {
    change_where(context, key, &|_| true, change).await
}

/// The same, where what was decided holds for the newest copy as well;
/// [`StatusError::Overtaken`] where it does not.
pub(crate) async fn change_where<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    holds: &(dyn Fn(&R) -> bool + Send + Sync),
    change: &(dyn Fn(&mut R) + Send + Sync),
) -> Result<R, StatusError> {
    let mut refused = None;
    for _ in 0..CONFLICT_ATTEMPTS {
        let live = context
            .objects
            .get(key)
            .ok_or_else(|| StatusError::Gone(key.clone()))?;
        let mut resource = R::read(live.value())?;
        if !holds(&resource) {
            return Err(StatusError::Overtaken(key.clone()));
        }
        let before = resource.status_value();
        change(&mut resource);
        let Some(patch) = status_patch(&before, &resource.status_value()) else {
            return Ok(resource);
        };
        match write(context, key, &live, &patch, R::STATUS_MANAGER).await? {
            Written::Done(object) => return Ok(R::read(object.value())?),
            Written::Outdated(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| StatusError::Gone(key.clone()), StatusError::Api))
}

/// Whether something was said before, in the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It was not.
    New,
    /// The condition says it already.
    Known,
}

/// Says at an object that can't be read as its kind that it can't: from its
/// raw form, `Ready` becomes false and `Stalled` true. Conditions that can't
/// be read either are replaced.
pub(crate) async fn mark_unreadable<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    error: &KindError,
) -> Result<News, StatusError> {
    let text = error.to_string();
    let mut refused = None;
    for _ in 0..CONFLICT_ATTEMPTS {
        let live = context
            .objects
            .get(key)
            .ok_or_else(|| StatusError::Gone(key.clone()))?;
        let before = live.value().clone();
        let after = marked(&before, &text, context.clock.now());
        let Some(patch) = status_patch(&before, &after) else {
            return Ok(News::Known);
        };
        match write(context, key, &live, &patch, R::STATUS_MANAGER).await? {
            Written::Done(_) => return Ok(News::New),
            Written::Outdated(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| StatusError::Gone(key.clone()), StatusError::Api))
}

/// Only a change of the object helps; but what could not be said is said
/// later.
pub(crate) fn next_of_unreadable(marked: &Result<News, StatusError>) -> Next {
    match marked {
        Err(StatusError::Api(error))
            if error.is_transient() || error.class() == ErrorClass::Conflict =>
        {
            Next::Backoff
        }
        _ => Next::Never,
    }
}

/// The object with the conditions of one that can't be read.
fn marked(object: &Value, text: &str, now: jiff::Timestamp) -> Value {
    let path = ["status", "conditions"];
    let generation = object.i64_at(&["metadata", "generation"]).unwrap_or(0);
    let known = object.at(&path).and_then(|list| decode(list).ok());
    let mut conditions: Conditions = known.unwrap_or_default();
    conditions
        .change(generation, now)
        .stalled(reason::FAILED, text);
    let list: Vec<Value> = conditions.iter().filter_map(|it| encode(it).ok()).collect();
    let mut after = object.clone();
    after.set_at(&path, list.into_iter().collect());
    after.set_at(&["status", "observedGeneration"], generation.into());
    after
}

enum Written {
    Done(LiveObject),
    Outdated(ApiError),
}

async fn write(
    context: &Context,
    key: &ObjectKey,
    live: &LiveObject,
    patch: &Value,
    manager: &str,
) -> Result<Written, StatusError> {
    let status = patch.get("status").cloned().unwrap_or_else(Value::map);
    let version = Some(live.resource_version().as_str());
    let outcome = context
        .session
        .patch_status(&key.reference(), &status, version, manager)
        .await;
    settle(context, key, live, outcome).await
}

/// Takes the answer in, or reads the object anew after a conflict or where
/// it can't be told whether the write was done.
async fn settle(
    context: &Context,
    key: &ObjectKey,
    live: &LiveObject,
    outcome: Result<LiveObject, ApiError>,
) -> Result<Written, StatusError> {
    match outcome {
        Ok(object) => {
            context.answered(key, &object);
            Ok(Written::Done(object))
        }
        Err(error) if error.is_not_found() => Err(StatusError::Gone(key.clone())),
        Err(error) if error.class() == ErrorClass::Conflict => {
            refresh(context, key, live).await?;
            Ok(Written::Outdated(error))
        }
        Err(error) => Err(error.into()),
    }
}

async fn refresh(context: &Context, key: &ObjectKey, old: &LiveObject) -> Result<(), StatusError> {
    let gone = || StatusError::Gone(key.clone());
    let object = context
        .session
        .find(&key.reference(), Form::Full)
        .await?
        .ok_or_else(gone)?;
    if object.uid() != old.uid() {
        return Err(gone());
    }
    context.answered(key, &object);
    Ok(())
}

/// Puts our finalizer on the object, if it is not there.
pub(crate) async fn add_finalizer<R: Resource>(
    context: &Context,
    key: &ObjectKey,
) -> Result<(), StatusError> {
    change_finalizers::<R>(context, key, &|finalizers| {
        if !finalizers.iter().any(|it| it == names::FINALIZER) {
            finalizers.push(names::FINALIZER.into());
        }
    })
    .await
}

/// Takes our finalizer off the object: it may go. One that is gone already
/// is no error.
pub(crate) async fn remove_finalizer<R: Resource>(
    context: &Context,
    key: &ObjectKey,
) -> Result<(), StatusError> {
    remove_finalizer_where::<R>(context, key, &|_| true).await
}

/// The same, where what was decided holds for the newest copy as well;
/// [`StatusError::Overtaken`] where it does not.
pub(crate) async fn remove_finalizer_where<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    holds: &(dyn Fn(&R) -> bool + Send + Sync),
) -> Result<(), StatusError> {
    let outcome = amend(context, key, &|resource: &R| {
        if !holds(resource) {
            return None;
        }
        with_finalizers(resource, &|finalizers| {
            finalizers.retain(|it| it != names::FINALIZER)
        })
    })
    .await;
    match outcome {
        Err(StatusError::Gone(_)) => Ok(()),
        Ok(Amended::Before) if !holds(&read(context, key)?) => {
            Err(StatusError::Overtaken(key.clone()))
        }
        outcome => outcome.map(drop),
    }
}

async fn change_finalizers<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    change: &(dyn Fn(&mut Vec<Text>) + Send + Sync),
) -> Result<(), StatusError> {
    amend(context, key, &|resource: &R| {
        with_finalizers(resource, change)
    })
    .await?;
    Ok(())
}

/// The patch by which the finalizers become what `change` makes of them.
fn with_finalizers<R: Resource>(
    resource: &R,
    change: &(dyn Fn(&mut Vec<Text>) + Send + Sync),
) -> Option<Value> {
    let before = &resource.metadata().finalizers;
    let mut after = before.clone();
    change(&mut after);
    let list = || after.iter().cloned().map(Value::from).collect::<Value>();
    (*before != after).then(|| value!({"metadata": {"finalizers": list()}}))
}

/// Whether something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amended {
    /// It was.
    Now,
    /// It was as it should be.
    Before,
}

/// Changes the object itself by a merge patch, made of the newest copy and
/// valid for that alone; `None` where it is as it should be.
pub(crate) async fn amend<R: Resource>(
    context: &Context,
    key: &ObjectKey,
    patch: &(dyn Fn(&R) -> Option<Value> + Send + Sync),
) -> Result<Amended, StatusError> {
    let mut refused = None;
    for _ in 0..CONFLICT_ATTEMPTS {
        let live = context
            .objects
            .get(key)
            .ok_or_else(|| StatusError::Gone(key.clone()))?;
        let Some(mut patch) = patch(&R::read(live.value())?) else {
            return Ok(Amended::Before);
        };
        let version = live.resource_version().clone();
        patch.set_at(&["metadata", "resourceVersion"], version.into());
        let patch = Patch::Merge(patch);
        let options = WriteOptions::new(R::STATUS_MANAGER);
        let outcome = context
            .session
            .patch(&key.reference(), &patch, &options)
            .await;
        match settle(context, key, &live, outcome).await? {
            Written::Done(_) => return Ok(Amended::Now),
            Written::Outdated(error) => refused = Some(error),
        }
    }
    Err(refused.map_or_else(|| StatusError::Gone(key.clone()), StatusError::Api))
}
