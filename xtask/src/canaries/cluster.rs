//! An API server in this process, and what else a cluster has: whoever makes
//! Pods of Deployments, and endpoints of those.

use super::objects::Fleet;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{
    ApplyOptions, Cluster, ClusterKey, ClusterOptions, Form, LiveObject, Patch, Scope, Session,
    WatchEvent, WatchSpec, WriteOptions,
};
use trueup_kinds::definitions;
use trueup_object::{GroupVersionKind, Text, Value, value};

/// The seed of everything that is drawn.
pub const SEED: u64 = 6;
/// How long after a definition is stored its kind is served at the latest.
const SERVED_AFTER: Duration = Duration::from_secs(1);

/// A cluster with the Deployments and Ingresses of Canaries.
pub async fn open(fleet: Fleet, options: ServerOptions) -> Result<ApiServer, String> {
    let server = ApiServer::open(MemoryStorage, options).map_err(text)?;
    let house = server.clone();
    tokio::spawn(async move { house.keep_house().await });
    prepare(&client(&server).session(), fleet).await?;
    tokio::spawn(play(client(&server).session()));
    Ok(server)
}

/// A client in this process, which counts what it asks.
pub fn client(server: &ApiServer) -> Cluster {
    let options = ClusterOptions {
        seed: Some(SEED),
        ..ClusterOptions::in_process()
    };
    let service = server.service(Identity::admin());
    Cluster::from_service(ClusterKey::local(), service, options)
}

async fn prepare(person: &Session, fleet: Fleet) -> Result<(), String> {
    for definition in definitions() {
        create(person, &definition).await?;
    }
    tokio::time::sleep(SERVED_AFTER).await;
    person.cluster().invalidate_discovery();
    for namespace in fleet.namespaces() {
        create(person, &namespace).await?;
    }
    for number in 0..fleet.count {
        create(person, &fleet.deployment(number)).await?;
        create(person, &fleet.ingress(number)).await?;
    }
    Ok(())
}

/// Creates an object as somebody who is not measured.
pub async fn create(person: &Session, object: &Value) -> Result<(), String> {
    let created = person.create(object, &WriteOptions::new("bench")).await;
    created.map(|_| ()).map_err(text)
}

/// Gives a Deployment its next revision.
pub async fn push(person: &Session, fleet: Fleet, number: u64) -> Result<(), String> {
    let (deployment, patch) = fleet.revision(number, 1);
    let (patch, options) = (Patch::Merge(patch), WriteOptions::new("bench"));
    let patched = person.patch(&deployment, &patch, &options).await;
    patched.map(|_| ()).map_err(text)
}

/// What the controllers of a cluster do: Pods get ready at once, endpoints
/// follow. Does nothing where nothing changes.
async fn play(session: Session) {
    let mut events = session.watch(WatchSpec {
        kind: GroupVersionKind::new("apps/v1", "Deployment"),
        scope: Scope::all(),
        form: Form::Full,
    });
    let mut known: BTreeMap<(Text, Text), i64> = BTreeMap::new();
    while let Some(event) = events.next().await {
        let WatchEvent::Applied(deployment) = event else {
            continue;
        };
        let replicas = deployment
            .value()
            .i64_at(&["spec", "replicas"])
            .unwrap_or(1);
        let place = service_of(&deployment);
        if known.insert(place.clone(), replicas) != Some(replicas) {
            endpoints(&session, &place, replicas).await;
        }
        roll_out(&session, &deployment, replicas).await;
    }
}

/// The Service that the Pods of a Deployment are behind: namespace and name.
fn service_of(deployment: &LiveObject) -> (Text, Text) {
    let name = deployment.name();
    let service = if name.ends_with("-primary") {
        name.clone()
    } else {
        format!("{name}-canary").into()
    };
    (deployment.namespace().clone(), service)
}

async fn roll_out(session: &Session, deployment: &LiveObject, replicas: i64) {
    let generation = deployment.generation();
    let observed = deployment.value().i64_at(&["status", "observedGeneration"]);
    if observed == Some(generation) {
        return;
    }
    let patch = value!({"status": {
        "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
        "readyReplicas": replicas, "availableReplicas": replicas,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }});
    let options = WriteOptions::new("kubelet").on("status");
    let reference = deployment.reference();
    let patched = session
        .patch(reference, &Patch::Merge(patch), &options)
        .await;
    if let Err(error) = patched {
        eprintln!("{reference}: {error}");
    }
}

async fn endpoints(session: &Session, (namespace, service): &(Text, Text), replicas: i64) {
    let endpoint =
        |index| value!({"addresses": [(format!("10.0.0.{index}"))], "conditions": {"ready": true}});
    let slice = value!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": (service.clone()), "namespace": (namespace.clone()),
            "labels": {"kubernetes.io/service-name": (service.clone())}},
        "addressType": "IPv4", "endpoints": ((1..=replicas).map(endpoint).collect::<Value>()),
        "ports": [],
    });
    let options = ApplyOptions::new("endpoints").taking_over();
    if let Err(error) = session.apply(&slice, &options).await {
        eprintln!("endpoints of {service}: {error}");
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
