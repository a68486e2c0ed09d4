//! A cluster with one Canary: somebody who plays the controllers of workloads
//! and endpoints, a Prometheus, and hooks.

use super::world::{World, condition, reference};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trueup_cluster::{ApplyOptions, Form, Patch, Scope, Session, WriteOptions};
use trueup_controller::ControllerOptions;
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_kinds::progressive_delivery_definitions;
use trueup_object::{GroupVersionKind, Map, ObjectRef, Value, value};
use trueup_source::{BoxFuture, SendRequest, Unanswered};

/// Whoever answers requests.
#[derive(Debug)]
pub struct Outside {
    /// The value of every query, in hundredths.
    pub hundredths: AtomicU64,
    /// The result of every query, in place of one series with that value.
    pub result: Mutex<Option<String>>,
    /// Whether queries and hooks are never answered.
    pub is_silent: AtomicBool,
    /// The status that hooks answer with.
    pub hook_status: AtomicU16,
    /// Paths and bodies of hooks that were called.
    pub calls: Mutex<Vec<(String, String)>>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            hundredths: AtomicU64::new(10_000),
            result: Mutex::default(),
            is_silent: AtomicBool::new(false),
            hook_status: AtomicU16::new(200),
            calls: Mutex::default(),
        }
    }
}

impl Outside {
    pub fn calls_of(&self, path: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let of_path = calls.iter().filter(|(called, _)| called == path);
        of_path.map(|(_, body)| body.clone()).collect()
    }

    /// Every query has this result from now on.
    pub fn answer_with(&self, result: &str) {
        *self.result.lock().unwrap() = Some(result.to_owned());
    }

    fn result(&self) -> String {
        if let Some(result) = &*self.result.lock().unwrap() {
            return result.clone();
        }
        let hundredths = self.hundredths.load(Ordering::SeqCst);
        let (whole, part) = (hundredths / 100, hundredths % 100);
        series(&[&format!("{whole}.{part:02}")])
    }
}

/// The result of a query with these values, a series each.
pub fn series(values: &[&str]) -> String {
    let series = |value: &&str| format!(r#"{{"metric":{{}},"value":[0,"{value}"]}}"#);
    let series: Vec<String> = values.iter().map(series).collect();
    format!(
        r#"{{"resultType":"vector","result":[{}]}}"#,
        series.join(",")
    )
}

impl SendRequest for Outside {
    fn send(&self, request: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let is_probe = request.address.query() == "query=vector%281%29";
            if self.is_silent.load(Ordering::SeqCst) && !is_probe {
                tokio::time::sleep(Duration::from_millis(request.timeout_ms)).await;
                return Err(Unanswered::Failed("no answer in time".to_owned()));
            }
            let path = request.address.path().to_owned();
            if path.ends_with("/api/v1/query") {
                let result = if is_probe {
                    series(&["1"])
                } else {
                    self.result()
                };
                let body = format!(r#"{{"status":"success","data":{result}}}"#);
                return Ok(ReceivedAnswer::new(200, body));
            }
            let body = String::from_utf8_lossy(&request.body).into_owned();
            self.calls.lock().unwrap().push((path, body));
            let status = self.hook_status.load(Ordering::SeqCst);
            Ok(ReceivedAnswer::new(status, "no"))
        })
    }
}

/// A world whose Canaries are served by NGINX, and whoever answers there.
pub async fn canary_world(seed: u64) -> (World, Arc<Outside>) {
    canary_world_with(seed, |_| {}).await
}

/// The same, with controllers that are started otherwise.
pub async fn canary_world_with(
    seed: u64,
    adjust: impl Fn(&mut ControllerOptions) + Send + Sync + 'static,
) -> (World, Arc<Outside>) {
    let (world, outside) = empty_world(seed, adjust).await;
    serve(&world, &progressive_delivery_definitions()).await;
    world.apply(&deployment("v1")).await;
    world.apply(&ingress()).await;
    (world, outside)
}

/// A world that does not know Flagger's kinds yet.
pub async fn empty_world(
    seed: u64,
    adjust: impl Fn(&mut ControllerOptions) + Send + Sync + 'static,
) -> (World, Arc<Outside>) {
    let outside = Arc::new(Outside::default());
    let sender = Arc::clone(&outside);
    let world = World::with(seed, move |options| {
        options.canaries.sender = Arc::clone(&sender) as Arc<dyn SendRequest>;
        options.canaries.router.default_provider = "nginx".into();
        adjust(options);
    })
    .await;
    play(&world);
    (world, outside)
}

/// From now on somebody plays the cluster's controllers.
pub fn play(world: &World) {
    let admin = world.admin.clone();
    tokio::spawn(async move {
        loop {
            play_controllers(&admin).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
}

/// Makes definitions, and waits until they are served.
pub async fn serve(world: &World, definitions: &[Value]) {
    for definition in definitions {
        world.apply(definition).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.admin.cluster().invalidate_discovery();
}

/// A definition of a kind of others that takes everything.
pub fn definition(group: &str, version: &str, plural: &str, kind: &str) -> Value {
    let schema = value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let approved = value!({"api-approved.kubernetes.io": "https://example.com/approval"});
    value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": (format!("{plural}.{group}")), "annotations": approved},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "singular": (kind.to_lowercase())},
            "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

pub fn deployment(version: &str) -> Value {
    workload("Deployment", version)
}

/// A workload `podinfo`.
pub fn workload(kind: &str, version: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {
            "selector": {"matchLabels": {"app": "podinfo"}},
            "template": {
                "metadata": {"labels": {"app": "podinfo"}},
                "spec": {"containers": [{"name": "podinfo", "image": (format!("podinfo:{version}"))}]},
            },
        },
    })
}

/// A template of the builtin kind with a query.
pub fn template(name: &str, query: &str) -> Value {
    value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate",
        "metadata": {"name": name, "namespace": "apps"},
        "spec": {"provider": {"type": "prometheus", "address": "http://prometheus:9090"},
            "query": query},
    })
}

pub fn ingress() -> Value {
    ingress_to("podinfo")
}

/// An Ingress `podinfo` that leads to a Service.
pub fn ingress_to(service: &str) -> Value {
    value!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {"rules": [{"host": "app.example", "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": 80}}},
        }]}}]},
    })
}

/// A Canary that rises by 10 up to 50, with more fields of its analysis.
pub fn canary(name: &str, more: Value) -> Value {
    let mut object = value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": name, "namespace": "apps"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "podinfo"},
            "service": {"port": 80, "targetPort": 9898},
            "analysis": {
                "interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 50,
                "metrics": [{"name": "request-success-rate", "interval": "1m",
                    "thresholdRange": {"min": 99}}],
            },
        },
    });
    if let Value::Map(more) = more {
        for (key, value) in more.iter() {
            object.set_at(&["spec", "analysis", key], value.clone());
        }
    }
    object
}

/// What the controllers of a cluster do: Pods get ready, endpoints follow.
async fn play_controllers(admin: &Session) {
    let mut pods: Vec<(Map, i64)> = Vec::new();
    for kind in ["Deployment", "DaemonSet"] {
        for workload in list(admin, "apps/v1", kind).await {
            let count = play_workload(admin, kind, &workload).await;
            let labels = workload.at(&["spec", "template", "metadata", "labels"]);
            let labels = labels.and_then(Value::as_map).cloned().unwrap_or_default();
            pods.push((labels, count));
        }
    }
    let slices = list(admin, "discovery.k8s.io/v1", "EndpointSlice").await;
    for service in list(admin, "v1", "Service").await {
        play_service(admin, &service, &pods, &slices).await;
    }
}

async fn list(admin: &Session, api_version: &str, kind: &str) -> Vec<Value> {
    let kind = GroupVersionKind::new(api_version, kind);
    let scope = Scope::namespace("apps");
    let Ok(found) = admin.list(&kind, &scope, Form::Full).await else {
        return Vec::new();
    };
    found.objects.iter().map(|it| it.value().clone()).collect()
}

/// Says how many Pods a workload has, all of them ready, or none where somebody
/// has taken them down.
async fn play_workload(admin: &Session, kind: &str, workload: &Value) -> i64 {
    let generation = workload.i64_at(&["metadata", "generation"]).unwrap_or(1);
    let rests = ["spec", "template", "spec", "nodeSelector"];
    let (count, status) = if kind == "DaemonSet" {
        let is_idle = workload
            .at(&rests)
            .is_some_and(|it| it.get("flagger.app/scale-to-zero").is_some());
        let count = i64::from(!is_idle);
        let status = value!({
            "observedGeneration": generation, "currentNumberScheduled": count,
            "numberMisscheduled": 0, "desiredNumberScheduled": count, "numberReady": count,
            "updatedNumberScheduled": count, "numberAvailable": count,
        });
        (count, status)
    } else {
        let count = workload.i64_at(&["spec", "replicas"]).unwrap_or(1);
        let is_down = workload
            .at(&["metadata", "annotations", "test/down"])
            .is_some();
        let ready = if is_down { 0 } else { count };
        let status = value!({
            "observedGeneration": generation, "replicas": count, "updatedReplicas": count,
            "readyReplicas": ready, "availableReplicas": ready,
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
        });
        (ready, status)
    };
    let is_said = status
        .as_map()
        .unwrap()
        .iter()
        .all(|(key, value)| workload.at(&["status", key]).unwrap_or(&0.into()) == value);
    if !is_said && let Some(object) = ObjectRef::of(workload) {
        let options = WriteOptions::new("kubelet").on("status");
        let patch = Patch::Merge(value!({"status": status}));
        let _ = admin.patch(&object, &patch, &options).await;
    }
    count
}

async fn play_service(admin: &Session, service: &Value, pods: &[(Map, i64)], slices: &[Value]) {
    let selector = service.at(&["spec", "selector"]).and_then(Value::as_map);
    let (Some(selector), Some(name)) = (selector, service.str_at(&["metadata", "name"])) else {
        return;
    };
    let selected = pods.iter().filter(|(labels, _)| {
        let mut wanted = selector.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    });
    let count: i64 = selected.map(|(_, count)| count).sum();
    let addresses = (0..count).map(|index| {
        value!({"addresses": [(format!("10.0.0.{}", index + 1))], "conditions": {"ready": true}})
    });
    let endpoints: Value = addresses.collect();
    let known = slices
        .iter()
        .find(|it| it.str_at(&["metadata", "name"]) == Some(name));
    if known.and_then(|it| it.get("endpoints")) == Some(&endpoints) {
        return;
    }
    let slice = value!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "apps",
            "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [],
    });
    let options = ApplyOptions::new("endpoints").taking_over();
    let _ = admin.apply(&slice, &options).await;
}

pub async fn status(world: &World, name: &str) -> Value {
    let object = world.get("flagger.app/v1beta1", "Canary", name).await;
    object
        .and_then(|object| object.get("status").cloned())
        .unwrap_or_default()
}

/// Waits for a phase.
pub async fn reaches(world: &World, phase: &str) {
    world
        .until(&format!("phase {phase}"), async || {
            status(world, "podinfo").await.str_at(&["phase"]) == Some(phase)
        })
        .await;
}

/// A Canary that was initialized and rests.
pub async fn initialized(world: &World, more: Value) {
    begun(world, &canary("podinfo", more)).await;
}

/// The same, of another Canary `podinfo`.
pub async fn begun(world: &World, canary: &Value) {
    world.apply(canary).await;
    reaches(world, "Initialized").await;
    world.rest().await;
}

pub async fn push(world: &World, version: &str) {
    push_to(world, "Deployment", version).await;
}

/// Somebody gives the target another image.
pub async fn push_to(world: &World, kind: &str, version: &str) {
    let image = format!("podinfo:{version}");
    let patch = value!({"spec": {"template": {"spec": {"containers": [
        {"name": "podinfo", "image": image},
    ]}}}});
    world
        .patch("apps/v1", kind, "podinfo", "person", patch)
        .await;
}

pub async fn image(world: &World, name: &str) -> String {
    image_of(world, "Deployment", name).await
}

pub async fn image_of(world: &World, kind: &str, name: &str) -> String {
    let workload = world.get("apps/v1", kind, name).await.unwrap();
    let containers = workload.at(&["spec", "template", "spec", "containers"]);
    let first = containers.and_then(Value::as_list).unwrap()[0].clone();
    first.str_at(&["image"]).unwrap().to_owned()
}

pub async fn replicas(world: &World, name: &str) -> Option<i64> {
    let deployment = world.get("apps/v1", "Deployment", name).await?;
    deployment.i64_at(&["spec", "replicas"])
}

/// Where the apex Service leads.
pub async fn apex(world: &World) -> Option<String> {
    let service = world.get("v1", "Service", "podinfo").await?;
    let app = service.str_at(&["spec", "selector", "app"]);
    app.map(str::to_owned)
}

/// The weights that were announced, in order.
pub fn announced_weights(world: &World) -> Vec<i64> {
    let announced = "Advance podinfo.apps canary weight ";
    let lines = world.lines();
    let weights = lines.iter().filter_map(|line| line.split_once(announced));
    weights.map(|(_, weight)| weight.parse().unwrap()).collect()
}

/// The canary's weight in the Ingress.
pub async fn routed_weight(world: &World) -> Option<String> {
    let ingress = world
        .get("networking.k8s.io/v1", "Ingress", "podinfo-canary")
        .await?;
    let key = "nginx.ingress.kubernetes.io/canary-weight";
    let weight = ingress.str_at(&["metadata", "annotations", key]);
    weight.map(str::to_owned)
}

/// Waits until the Ingress gives the canary a share.
pub async fn weighs(world: &World, weight: &str) {
    world
        .until(&format!("weight {weight}"), async || {
            routed_weight(world).await.as_deref() == Some(weight)
        })
        .await;
}

pub async fn ready(world: &World, name: &str) -> Option<(String, String, String)> {
    condition(&status(world, name).await, "Ready")
}

/// Waits until a Canary is refused with a text.
pub async fn refused(world: &World, name: &str, text: &str) {
    world
        .until(&format!("{name} is refused: {text}"), async || {
            let found = ready(world, name).await;
            found.is_some_and(|it| it.1 == "InvalidSpec" && it.2.contains(text))
        })
        .await;
}

/// Deletes an object of the namespace `apps`.
pub async fn delete(world: &World, api_version: &str, kind: &str, name: &str) {
    let object = reference(api_version, kind, name);
    let options = Default::default();
    world.admin.delete(&object, &options).await.unwrap();
}
