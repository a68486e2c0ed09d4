//! Doing what was decided.

use crate::action::Action;
use crate::note::Note;
use futures::StreamExt;
use futures::future::BoxFuture;
use trueup_cluster::{
    ApiError, DeleteOptions, Deletion, ErrorClass, LiveObject, Patch, Session, WriteOptions,
};
use trueup_object::{ObjectRef, Text, Value, value};

/// Who writes on behalf of the controllers, and of the node.
pub(super) const CONTROLLERS: &str = "kube-controller-manager";
const NODE: &str = "kubelet";

/// Writes under way at once for one object's decision.
const MAX_WRITES: usize = 8;

/// What a write came to.
pub(super) enum Done {
    Written(Box<LiveObject>),
    Deleted(ObjectRef, Text),
    Tell(Note),
    Nothing,
    Failed(ApiError),
}

impl Done {
    fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// Does the actions, several at once; the outcomes are in their order.
pub(super) async fn act(session: &Session, actions: Vec<Action>) -> Vec<Done> {
    let done: Vec<Vec<Done>> = futures::stream::iter(actions)
        .map(|action| act_any(session, action))
        .buffered(MAX_WRITES)
        .collect()
        .await;
    done.into_iter().flatten().collect()
}

fn act_any(session: &Session, action: Action) -> BoxFuture<'_, Vec<Done>> {
    Box::pin(async move {
        match action {
            Action::InOrder(actions) => in_order(session, actions).await,
            Action::SlowStart(actions) => slowly(session, actions).await,
            Action::Tell(note) => vec![Done::Tell(note)],
            Action::Told {
                write,
                done,
                failed,
            } => {
                let mut outcome = act_any(session, *write).await;
                outcome.extend(told(&outcome, done, failed).map(Done::Tell));
                outcome
            }
            write => vec![act_one(session, write).await],
        }
    })
}

async fn in_order(session: &Session, actions: Vec<Action>) -> Vec<Done> {
    let mut all = Vec::new();
    for action in actions {
        let done = act_any(session, action).await;
        let failed = done.iter().any(Done::has_failed);
        all.extend(done);
        if failed {
            break;
        }
    }
    all
}

async fn slowly(session: &Session, mut actions: Vec<Action>) -> Vec<Done> {
    let (mut all, mut size) = (Vec::new(), 1);
    while !actions.is_empty() {
        let rest = actions.split_off(size.min(actions.len()));
        let done = act(session, std::mem::replace(&mut actions, rest)).await;
        let failed = done.iter().any(Done::has_failed);
        all.extend(done);
        if failed {
            break;
        }
        size *= 2;
    }
    all
}

/// What a write's outcome makes worth telling. Creations in a namespace that
/// is being deleted fail by design.
fn told(outcome: &[Done], done: Option<Note>, failed: Option<Note>) -> Option<Note> {
    match outcome.first()? {
        Done::Written(object) => done.map(|note| note.naming(object.name())),
        Done::Deleted(reference, _) => done.map(|note| note.naming(&reference.name)),
        Done::Failed(error) if is_terminating(error) => None,
        Done::Failed(error) => failed.map(|note| note.blaming(error.message())),
        Done::Nothing => done,
        Done::Tell(_) => None,
    }
}

/// Whether a write failed because its namespace is being deleted.
pub(super) fn is_terminating(error: &ApiError) -> bool {
    error
        .causes()
        .iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}

async fn act_one(session: &Session, action: Action) -> Done {
    let outcome = match action {
        Action::Create(object) => session
            .create(&object, &WriteOptions::new(CONTROLLERS))
            .await
            .map(written),
        Action::Merge {
            reference,
            resource_version,
            mut patch,
        } => {
            patch.set_at(&["metadata", "resourceVersion"], resource_version.into());
            let options = WriteOptions::new(CONTROLLERS);
            session
                .patch(&reference, &Patch::Merge(patch), &options)
                .await
                .map(written)
        }
        Action::MergeByStatus {
            reference,
            resource_version,
            mut patch,
        } => {
            patch.set_at(&["metadata", "resourceVersion"], resource_version.into());
            let options = WriteOptions::new(CONTROLLERS).on("status");
            session
                .patch(&reference, &Patch::Merge(patch), &options)
                .await
                .map(written)
        }
        Action::MergeStatus {
            reference,
            resource_version,
            status,
        } => {
            let manager = if reference.kind.kind == "Pod" {
                NODE
            } else {
                CONTROLLERS
            };
            session
                .patch_status(&reference, &status, Some(&resource_version), manager)
                .await
                .map(written)
        }
        Action::Delete { reference, uid } => {
            let options = DeleteOptions::of_uid(&uid);
            delete(session, reference, uid, &options).await
        }
        Action::Finish { reference, uid } => {
            let options = DeleteOptions {
                grace_period_s: Some(0),
                ..DeleteOptions::of_uid(&uid)
            };
            delete(session, reference, uid, &options).await
        }
        Action::Scale {
            reference,
            resource_version,
            replicas,
        } => scale(session, &reference, &resource_version, replicas).await,
        Action::Bind { reference, node } => bind(session, &reference, &node).await,
        // Taken apart before.
        Action::InOrder(_) | Action::SlowStart(_) | Action::Told { .. } | Action::Tell(_) => {
            Ok(Done::Nothing)
        }
    };
    outcome.unwrap_or_else(Done::Failed)
}

fn written(object: LiveObject) -> Done {
    Done::Written(Box::new(object))
}

async fn delete(
    session: &Session,
    reference: ObjectRef,
    uid: Text,
    options: &DeleteOptions,
) -> Result<Done, ApiError> {
    match session.delete(&reference, options).await {
        // The last state of what is gone already.
        Ok(Deletion::Pending(object)) if is_gone(&object) => Ok(Done::Deleted(reference, uid)),
        Ok(Deletion::Pending(object)) => Ok(Done::Written(object)),
        Ok(Deletion::Gone) => Ok(Done::Deleted(reference, uid)),
        Err(error) if error.class() == ErrorClass::NotFound => Ok(Done::Deleted(reference, uid)),
        Err(error) => Err(error),
    }
}

/// The answer is a Scale, not the object: its watch tells of that.
async fn scale(
    session: &Session,
    reference: &ObjectRef,
    resource_version: &Text,
    replicas: i64,
) -> Result<Done, ApiError> {
    let patch = Patch::Merge(value!({
        "metadata": {"resourceVersion": (resource_version.clone())},
        "spec": {"replicas": replicas},
    }));
    let options = WriteOptions::new(CONTROLLERS).on("scale");
    session.patch(reference, &patch, &options).await?;
    Ok(Done::Nothing)
}

/// Whether nothing holds up a deletion: no time to end, no finalizer.
fn is_gone(object: &LiveObject) -> bool {
    let metadata = |key| object.value().at(&["metadata", key]);
    let finalizers = metadata("finalizers").and_then(Value::as_list);
    metadata("deletionGracePeriodSeconds").and_then(Value::as_i64) == Some(0)
        && finalizers.is_none_or(<[Value]>::is_empty)
}

async fn bind(session: &Session, reference: &ObjectRef, node: &Text) -> Result<Done, ApiError> {
    let binding: Value = value!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": {"name": (reference.name.clone()), "namespace": (reference.namespace.clone())},
        "target": {"apiVersion": "v1", "kind": "Node", "name": (node.clone())},
    });
    session
        .post_to_subresource(reference, "binding", &binding)
        .await?;
    Ok(Done::Nothing)
}
