//! A cluster with one Canary: somebody who plays the controllers of
//! Deployments and endpoints, a Prometheus, and hooks.

use super::world::{World, condition, reference};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trueup_cluster::{ApplyOptions, Form, Patch, Session, WriteOptions};
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_object::{Value, value};
use trueup_source::{BoxFuture, SendRequest, Unanswered};

/// Whoever answers requests.
#[derive(Debug)]
pub struct Outside {
    /// The value of every query, in hundredths.
    pub hundredths: AtomicU64,
    /// The status that hooks answer with.
    pub hook_status: AtomicU16,
    /// Paths and bodies of hooks that were called.
    pub calls: Mutex<Vec<(String, String)>>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            hundredths: AtomicU64::new(10_000),
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
}

impl SendRequest for Outside {
    fn send(&self, request: OutgoingRequest) -> BoxFuture<'_, Result<ReceivedAnswer, Unanswered>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let path = request.address.path().to_owned();
            if path.ends_with("/api/v1/query") {
                let is_probe = request.address.query() == "query=vector%281%29";
                let hundredths = self.hundredths.load(Ordering::SeqCst);
                let value = if is_probe { 100 } else { hundredths };
                let (whole, part) = (value / 100, value % 100);
                return Ok(ReceivedAnswer::new(
                    200,
                    format!(
                        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[0,"{whole}.{part:02}"]}}]}}}}"#
                    ),
                ));
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
    let outside = Arc::new(Outside::default());
    let sender = Arc::clone(&outside);
    let world = World::with(seed, move |options| {
        options.canaries.sender = Arc::clone(&sender) as Arc<dyn SendRequest>;
        options.canaries.router.default_provider = "nginx".into();
    })
    .await;
    let admin = world.admin.clone();
    tokio::spawn(async move {
        loop {
            play_controllers(&admin).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    world.apply(&deployment("v1")).await;
    world.apply(&ingress()).await;
    (world, outside)
}

pub fn deployment(version: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
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

fn ingress() -> Value {
    value!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {"rules": [{"host": "app.example", "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": "podinfo", "port": {"number": 80}}},
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
    for (name, service) in [
        ("podinfo", "podinfo-canary"),
        ("podinfo-primary", "podinfo-primary"),
    ] {
        let deployment = reference("apps/v1", "Deployment", name);
        let Ok(Some(found)) = admin.find(&deployment, Form::Full).await else {
            continue;
        };
        let replicas = found.value().i64_at(&["spec", "replicas"]).unwrap_or(1);
        let status = value!({
            "observedGeneration": (found.generation()), "replicas": replicas,
            "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
        });
        if found.value().i64_at(&["status", "observedGeneration"]) != Some(found.generation())
            || found.value().i64_at(&["status", "replicas"]).unwrap_or(0) != replicas
        {
            let options = WriteOptions::new("kubelet").on("status");
            let patch = Patch::Merge(value!({"status": status}));
            let _ = admin.patch(&deployment, &patch, &options).await;
        }
        let addresses = (0..replicas).map(|index| {
            value!({"addresses": [(format!("10.0.0.{}", index + 1))], "conditions": {"ready": true}})
        });
        let slice = value!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": service, "namespace": "apps",
                "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "endpoints": (addresses.collect::<Value>()), "ports": [],
        });
        let options = ApplyOptions::new("endpoints").taking_over();
        let _ = admin.apply(&slice, &options).await;
    }
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
    world.apply(&canary("podinfo", more)).await;
    reaches(world, "Initialized").await;
    world.rest().await;
}

pub async fn push(world: &World, version: &str) {
    let image = format!("podinfo:{version}");
    let patch = value!({"spec": {"template": {"spec": {"containers": [
        {"name": "podinfo", "image": image},
    ]}}}});
    world
        .patch("apps/v1", "Deployment", "podinfo", "person", patch)
        .await;
}

pub async fn image(world: &World, name: &str) -> String {
    let deployment = world.get("apps/v1", "Deployment", name).await.unwrap();
    let containers = deployment.at(&["spec", "template", "spec", "containers"]);
    let first = containers.and_then(Value::as_list).unwrap()[0].clone();
    first.str_at(&["image"]).unwrap().to_owned()
}

pub async fn replicas(world: &World, name: &str) -> Option<i64> {
    let deployment = world.get("apps/v1", "Deployment", name).await?;
    deployment.i64_at(&["spec", "replicas"])
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

pub async fn ready(world: &World, name: &str) -> Option<(String, String, String)> {
    condition(&status(world, name).await, "Ready")
}
