//! An API server in this process, and what else a cluster has: whoever runs
//! Pods, and metrics that are always good.

use super::objects;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use trueup_apiserver::core::{CoreOptions, Identity};
use trueup_apiserver::edge::{ApiServer, Clock as ServerClock, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{
    ApplyOptions, Cluster, ClusterKey, ClusterOptions, Form, LiveObject, Patch, Scope, Session,
    WatchEvent, WatchSpec, WriteOptions,
};
use trueup_controller::machine::MachineOptions;
use trueup_controller::{Clock, Controller, ControllerHandle, ControllerOptions, Rendering};
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_kinds::{definitions, progressive_delivery_definitions};
use trueup_object::{GroupVersionKind, Text, Value, value};
use trueup_source::memory::{MemoryRemote, MemoryStore};
use trueup_source::{BoxFuture, SendRequest, Unanswered};
use trueup_testkit::VirtualClock;

/// The seed of everything that is drawn.
const SEED: u64 = 6;
/// How long metrics take to answer.
const ANSWER_TIME: Duration = Duration::from_millis(20);
/// What every query is answered with: a hundred percent, a hundred
/// milliseconds.
const GOOD: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"100"]}]}}"#;

/// A cluster with controllers.
pub struct World {
    /// Somebody who changes objects.
    pub person: Session,
    /// The client of Trueup's controllers, which counts.
    pub cluster: Cluster,
    pub controller: ControllerHandle,
    pub metrics: Arc<Metrics>,
}

/// A Prometheus that is content with everything.
#[derive(Debug, Default)]
pub struct Metrics {
    asked: AtomicU64,
}

impl Metrics {
    /// How many questions there were.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl SendRequest for Metrics {
    fn send(&self, _: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(ANSWER_TIME).await;
            Ok(ReceivedAnswer::new(200, GOOD))
        })
    }
}

/// A cluster with the Deployments and Ingresses of as many Canaries.
pub async fn world(count: u64) -> Result<World, String> {
    let clock = VirtualClock::start();
    let options = ServerOptions {
        core: CoreOptions { seed: Some(SEED) },
        clock: ServerClock::new(move || clock.now()),
        ..ServerOptions::default()
    };
    let server = ApiServer::open(MemoryStorage, options).map_err(|error| error.to_string())?;
    let house = server.clone();
    tokio::spawn(async move { house.keep_house().await });
    let person = client(&server).session();
    prepare(&person, count).await?;
    tokio::spawn(play(client(&server).session()));
    let (cluster, metrics) = (client(&server), Arc::<Metrics>::default());
    let controller = Controller::start(controllers(&cluster, &metrics, clock));
    controller.wait_until_ready().await;
    Ok(World {
        person,
        cluster,
        controller,
        metrics,
    })
}

fn client(server: &ApiServer) -> Cluster {
    let options = ClusterOptions {
        seed: Some(SEED),
        ..ClusterOptions::in_process()
    };
    Cluster::from_service(
        ClusterKey::local(),
        server.service(Identity::admin()),
        options,
    )
}

fn controllers(
    cluster: &Cluster,
    metrics: &Arc<Metrics>,
    clock: VirtualClock,
) -> ControllerOptions {
    let (remote, store) = (MemoryRemote::new(), MemoryStore::new());
    let mut options = ControllerOptions::new(cluster.session(), Arc::new(remote), Arc::new(store));
    options.clock = Clock::starting_at(clock.now());
    options.rendering = Rendering::Inline;
    options.machine = MachineOptions {
        seed: SEED,
        ..MachineOptions::default()
    };
    options.canaries.sender = Arc::clone(metrics) as Arc<dyn SendRequest>;
    options
}

async fn prepare(person: &Session, count: u64) -> Result<(), String> {
    let definitions = definitions()
        .into_iter()
        .chain(progressive_delivery_definitions());
    for definition in definitions {
        apply(person, &definition).await?;
    }
    // Definitions are served a moment after they are stored.
    tokio::time::sleep(Duration::from_secs(1)).await;
    person.cluster().invalidate_discovery();
    for number in 0..count {
        let name = objects::namespace(number);
        let namespace =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        apply(person, &namespace).await?;
        apply(person, &objects::deployment(number)).await?;
        apply(person, &objects::ingress(number)).await?;
    }
    Ok(())
}

async fn apply(person: &Session, object: &Value) -> Result<(), String> {
    let applied = person.apply(object, &ApplyOptions::new("bench")).await;
    applied.map(|_| ()).map_err(|error| error.to_string())
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
        roll_out(&session, &deployment, replicas).await;
        let name = &deployment.reference().name;
        let service = if name.ends_with("-primary") {
            name.clone()
        } else {
            format!("{name}-canary").into()
        };
        let place = (deployment.reference().namespace.clone(), service);
        if known.insert(place.clone(), replicas) != Some(replicas) {
            endpoints(&session, &place, replicas).await;
        }
    }
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
    }});
    let options = WriteOptions::new("kubelet").on("status");
    let patched = session
        .patch(deployment.reference(), &Patch::Merge(patch), &options)
        .await;
    if let Err(error) = patched {
        eprintln!("{}: {error}", deployment.reference());
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
