//! The objects that are written, and a server that holds them.

use trueup_apiserver::core::{Identity, Request};
use trueup_apiserver::edge::{ApiServer, ReplyBody, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_object::{Value, to_json, value};

pub const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
/// The collection that ConfigMaps are made in.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// The collection that Deployments are made in.
pub const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// A server in memory that ends with the measurement.
pub fn server() -> ApiServer {
    ApiServer::open(MemoryStorage, ServerOptions::default()).expect("memory can be opened")
}

/// A ConfigMap with 1 KiB of data.
pub fn config_map(name: &str) -> Value {
    let line = "0123456789abcde\n".repeat(16);
    value!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "bench"}},
        "data": {"a": (line.clone()), "b": (line.clone()), "c": (line.clone()), "d": line}
    })
}

/// A Deployment as repositories hold it: two containers, probes, resources,
/// volumes.
pub fn deployment(name: &str) -> Value {
    let container = |name: &str, port: i64| {
        value!({
            "name": name, "image": (format!("registry.example/{name}:1.2.3")),
            "args": ["--listen", "0.0.0.0", "--verbose"],
            "ports": [{"name": "http", "containerPort": port}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}]
        })
    };
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": {"checksum": "0123456789abcdef"}},
                "spec": {
                    "serviceAccountName": name,
                    "containers": [(container("web", 8080)), (container("proxy", 9090))],
                    "volumes": [{"name": "config", "configMap": {"name": name}}]
                }
            }
        }
    })
}

/// A POST of an object.
pub fn create(collection: &str, object: &Value) -> Request {
    Request::new("POST", collection).with_body(JSON, to_json(object))
}

/// A server-side apply of an object.
pub fn apply(collection: &str, name: &str, object: &Value) -> Request {
    let target = format!("{collection}/{name}?fieldManager=bench&force=true");
    Request::new("PATCH", &target).with_body(APPLY, to_json(object))
}

/// Sends a request as the administrator; the length of the answer.
pub fn send(server: &ApiServer, request: &Request, identity: &Identity) -> usize {
    let reply = server.handle(request, identity, server.clock().now());
    let ReplyBody::Full(body) = reply.body else {
        return 0;
    };
    assert!(
        reply.status.is_success(),
        "{} {}: {}",
        request.method,
        request.path,
        String::from_utf8_lossy(&body)
    );
    body.len()
}
