//! Doing what was decided.

use crate::action::Action;
use futures::StreamExt;
use trueup_cluster::{
    ApiError, DeleteOptions, Deletion, ErrorClass, LiveObject, Patch, Session, WriteOptions,
};
use trueup_object::{ObjectRef, Text, Value, value};

/// Who writes on behalf of the controllers, and of the node.
const CONTROLLERS: &str = "kube-controller-manager";
const NODE: &str = "kubelet";

/// Writes under way at once for one object's decision.
const MAX_WRITES: usize = 8;

/// What a write came to.
pub(super) enum Done {
    Written(Box<LiveObject>),
    Deleted(ObjectRef, Text),
    Nothing,
    Failed(ApiError),
}

/// Does the actions, several at once; the outcomes are in their order.
pub(super) async fn act(session: &Session, actions: Vec<Action>) -> Vec<Done> {
    futures::stream::iter(actions)
        .map(|action| act_one(session, action))
        .buffered(MAX_WRITES)
        .collect()
        .await
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
        Action::Bind { reference, node } => bind(session, &reference, &node).await,
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
        Ok(Deletion::Pending(object)) => Ok(Done::Written(object)),
        Ok(Deletion::Gone) => Ok(Done::Deleted(reference, uid)),
        Err(error) if error.class() == ErrorClass::NotFound => Ok(Done::Deleted(reference, uid)),
        Err(error) => Err(error),
    }
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
