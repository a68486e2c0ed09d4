//! What the demo makes itself in its cluster: everything else comes from Git.

use crate::sample;
use trueup_cluster::{ApiError, Cluster, ErrorClass, Form, Patch, Session, WriteOptions};
use trueup_kinds::definitions;
use trueup_object::{ObjectRef, Value, value};

/// Field manager of the objects that the demo itself makes.
const MANAGER: &str = "trueup-demo";

/// Definitions, namespaces, `Gateway`, `GitRepository` and the first
/// `Kustomization`; what is there already stays as it is, but for addresses,
/// which follow those of this run.
pub(crate) async fn make_first_objects(
    cluster: &Cluster,
    git_url: &str,
    gateway_port: u16,
) -> Result<(), ApiError> {
    let session = cluster.session();
    let all = definitions().into_iter();
    for definition in all.chain(trueup_gateway::definitions()) {
        make(&session, &definition).await?;
    }
    // What is served has just changed: the definitions are ours.
    cluster.invalidate_discovery();
    for name in [sample::NAMESPACE, sample::GATEWAY_NAMESPACE] {
        let namespace =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        make(&session, &namespace).await?;
    }
    make(&session, &sample::gateway_class()).await?;
    let gateway = sample::gateway(gateway_port);
    make(&session, &gateway).await?;
    let listeners = sample::listeners(gateway_port);
    follow(&session, &gateway, "listeners", listeners).await?;
    let repository = sample::git_repository(git_url);
    make(&session, &repository).await?;
    follow(&session, &repository, "url", git_url.into()).await?;
    make(&session, &sample::apps()).await
}

async fn make(session: &Session, object: &Value) -> Result<(), ApiError> {
    match session.create(object, &WriteOptions::new(MANAGER)).await {
        Err(error) if error.class() != ErrorClass::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Sets a field of an object's specification that new ports have changed.
async fn follow(
    session: &Session,
    object: &Value,
    field: &'static str,
    wanted: Value,
) -> Result<(), ApiError> {
    let Some(reference) = ObjectRef::of(object) else {
        return Ok(());
    };
    let live = session.get(&reference, Form::Full).await?;
    if live.value().at(&["spec", field]) == Some(&wanted) {
        return Ok(());
    }
    let mut patch = Value::map();
    patch.set_at(&["spec", field], wanted);
    session
        .patch(
            &reference,
            &Patch::Merge(patch),
            &WriteOptions::new(MANAGER),
        )
        .await
        .map(|_| ())
}
