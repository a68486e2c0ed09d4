//! The files of the repository and the objects that follow them.

use trueup_gitserver::FileChange;
use trueup_object::{Value, value};

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: nginx:1.28.0
          ports:
            - containerPort: 8080
";

const WEB_SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
    - port: 80
      targetPort: 8080
";

const API: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: api
data:
  colour: green
";

/// The folders `web` and `api`.
pub fn first_commit() -> Vec<FileChange> {
    [
        ("web/deployment.yaml", WEB),
        ("web/service.yaml", WEB_SERVICE),
        ("api/settings.yaml", API),
    ]
    .map(|(path, text)| FileChange::write(path, text))
    .to_vec()
}

/// A bare object.
pub fn object(api_version: &str, kind: &str, name: &str) -> Value {
    value!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
}

/// The object with a field set.
pub fn with(mut object: Value, path: &[&str], value: impl Into<Value>) -> Value {
    object.set_at(path, value.into());
    object
}

/// The `GitRepository` called `fleet`. Its interval is longer than any test:
/// what it fetches, it was told of.
pub fn git_repository(url: &str) -> Value {
    let spec = value!({"interval": "1h", "url": url, "ref": {"branch": "main"}});
    with(
        object("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet"),
        &["spec"],
        spec,
    )
}

/// A `Kustomization` that waits for health. Its interval is longer than any
/// test: what it does in time, it was told of.
pub fn kustomization(name: &str, path: &str, target_namespace: &str) -> Value {
    let spec = value!({
        "interval": "1h",
        "retryInterval": "5s",
        "timeout": "1m",
        "path": (format!("./{path}")),
        "prune": true,
        "wait": true,
        "targetNamespace": target_namespace,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    });
    with(
        object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name),
        &["spec"],
        spec,
    )
}
