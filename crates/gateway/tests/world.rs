//! A cluster with our gateway before it, and small servers that stand for Pods.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use trueup_cluster::{ErrorClass, Form, Session, WriteOptions};
use trueup_gateway::{CONTROLLER_NAME, GatewayOptions, definitions};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};
use trueup_testkit::TestCluster;

/// How long something that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub session: Session,
    pub gateway: SocketAddr,
    pub metrics: SocketAddr,
    serving: JoinHandle<()>,
    _cluster: TestCluster,
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server that answers with its name, and counts.
pub struct Backend {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

/// A request as a backend saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Backend {
    /// Starts a server that answers with `name`; a path that begins with
    /// `/slow` never.
    pub async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                connections.spawn(async move {
                    let service = service_fn(move |request| see(name, Arc::clone(&kept), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    drop(http.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self {
            address,
            seen,
            serving,
        }
    }

    /// Ends it with all its connections.
    pub fn kill(&self) {
        self.serving.abort();
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

async fn see(
    name: &'static str,
    kept: Arc<Mutex<Vec<Seen>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers = request.headers().iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            value.to_str().unwrap_or_default().to_owned(),
        )
    });
    let headers = headers.collect();
    let target = request.uri().to_string();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    kept.lock().unwrap().push(Seen {
        target: target.clone(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    if target.starts_with("/slow") {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Full::new(Bytes::from_static(name.as_bytes())));
    response
        .headers_mut()
        .insert("x-backend", name.parse().unwrap());
    Ok(response)
}

/// An answer as a client saw it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl World {
    /// A cluster with definitions, class and Gateway, and the gateway itself.
    pub async fn start() -> Self {
        let cluster = TestCluster::embedded(7);
        let session = cluster.session();
        for definition in definitions() {
            create(&session, &definition).await;
        }
        session.cluster().invalidate_discovery();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let metrics_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics = metrics_listener.local_addr().unwrap();
        for object in first_objects(gateway.port()) {
            create(&session, &object).await;
        }
        let options = GatewayOptions {
            session: cluster.undisturbed().session(),
            listener,
            metrics_listener: Some(metrics_listener),
            wall_clock: cluster.wall_clock(),
        };
        let serving = tokio::spawn(async move {
            trueup_gateway::serve(options, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            session,
            gateway,
            metrics,
            serving,
            _cluster: cluster,
        }
    }

    /// A Service whose ready endpoints are these backends, each with a Pod
    /// that says where to dial.
    pub async fn service(&self, name: &str, backends: &[&Backend]) {
        let service = value!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "apps"},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        });
        create(&self.session, &service).await;
        for (index, backend) in backends.iter().enumerate() {
            let pod = value!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": (format!("{name}-{index}")), "namespace": "apps",
                    "annotations": {"trueup.dev/dial": (backend.address.to_string())},
                },
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            });
            create(&self.session, &pod).await;
        }
        self.endpoints(name, &(0..backends.len()).collect::<Vec<_>>())
            .await;
    }

    /// Says which of a Service's Pods are ready.
    pub async fn endpoints(&self, service: &str, ready: &[usize]) {
        let endpoints: Vec<Value> = ready
            .iter()
            .map(|index| {
                value!({
                    "addresses": [(format!("10.244.0.{}", index + 1))],
                    "conditions": {"ready": true},
                    "targetRef": {"kind": "Pod", "namespace": "apps", "name": (format!("{service}-{index}"))},
                })
            })
            .collect();
        let slice = value!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": (format!("{service}-1")), "namespace": "apps",
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": endpoints,
        });
        self.put(&slice).await;
    }

    /// Creates or replaces an object.
    pub async fn put(&self, object: &Value) {
        let options = WriteOptions::new("test");
        match self.session.create(object, &options).await {
            Err(error) if error.class() == ErrorClass::AlreadyExists => {
                let reference = ObjectRef::of(object).unwrap();
                let live = self.session.get(&reference, Form::Full).await.unwrap();
                let mut next = object.clone();
                let version = live.resource_version().clone();
                next.set_at(&["metadata", "resourceVersion"], version.into());
                self.session.update(&next, &options).await.unwrap();
            }
            written => drop(written.unwrap()),
        }
    }

    /// A route with these rules, as soon as it is accepted as it is now.
    pub async fn route(&self, rules: Value) {
        self.put(&value!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"parentRefs": [{"name": "main", "namespace": "infra"}], "rules": rules},
        }))
        .await;
        self.until("the route is accepted", || async {
            let live = self
                .session
                .get(&self.reference(), Form::Full)
                .await
                .unwrap();
            is_accepted(live.value(), live.generation())
        })
        .await;
    }

    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new("gateway.networking.k8s.io/v1", "HTTPRoute"),
            namespace: "apps".into(),
            name: "web".into(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path)).await
    }

    pub async fn send(&self, request: http::request::Builder) -> Answer {
        self.send_body(request, "").await
    }

    pub async fn send_body(&self, request: http::request::Builder, body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let request = request
            .header("host", "shop.example")
            .body(Full::new(body))
            .unwrap();
        exchange(self.gateway, request).await
    }

    pub async fn metrics_text(&self) -> String {
        let request = Request::get("/metrics")
            .header("host", "x")
            .body(Full::default());
        exchange(self.metrics, request.unwrap()).await.body
    }

    /// Waits until something holds.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, mut check: impl FnMut() -> F) {
        let waiting = async {
            while !check().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, waiting).await;
        outcome.unwrap_or_else(|_| panic!("not in time: {what}"));
    }
}

/// Sends one request on a connection of its own.
pub async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

fn is_accepted(route: &Value, generation: i64) -> bool {
    let parents = route.at(&["status", "parents"]).and_then(Value::as_list);
    let conditions = parents
        .and_then(|parents| parents.first()?.get("conditions")?.as_list())
        .unwrap_or_default();
    conditions.iter().any(|it| {
        it.str_at(&["type"]) == Some("Accepted")
            && it.str_at(&["status"]) == Some("True")
            && it.i64_at(&["observedGeneration"]) == Some(generation)
    })
}

async fn create(session: &Session, object: &Value) {
    let created = session.create(object, &WriteOptions::new("test")).await;
    created.unwrap_or_else(|error| panic!("{error}"));
}

fn first_objects(port: u16) -> Vec<Value> {
    let namespace = |name: &str| {
        let name = trueup_object::Text::from(name);
        value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    };
    vec![
        namespace("infra"),
        namespace("apps"),
        value!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
            "metadata": {"name": "trueup"}, "spec": {"controllerName": CONTROLLER_NAME},
        }),
        value!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "main", "namespace": "infra"},
            "spec": {"gatewayClassName": "trueup", "listeners": [{
                "name": "http", "port": (i64::from(port)), "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "All"}},
            }]},
        }),
    ]
}
