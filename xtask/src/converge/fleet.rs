//! The repository of the benchmark: N folders of the shape that Flux's own
//! benchmark has.

use trueup_object::{Value, value};

/// Namespace of everything that is applied and of the Flux objects.
pub const NAMESPACE: &str = "bench";

/// The repository's name.
pub const REPOSITORY: &str = "fleet";

/// Objects in each folder.
pub const OBJECTS_EACH: usize = 4;

/// The name of one Kustomization and of all its objects.
pub fn name(index: usize) -> String {
    format!("app-{index:04}")
}

/// All files by path.
pub fn files(count: usize) -> Vec<(String, String)> {
    (0..count).flat_map(|index| folder(&name(index))).collect()
}

fn folder(name: &str) -> [(String, String); 4] {
    let file = |kind: &str, text: String| (format!("apps/{name}/{kind}.yaml"), text);
    [
        file("deployment", deployment(name, "1.0.0")),
        file(
            "serviceaccount",
            format!(
                "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\n"
            ),
        ),
        file("service", service(name)),
        file("ingress", ingress(name)),
    ]
}

/// A Deployment without replicas, running one version.
pub fn deployment(name: &str, version: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\n  labels:\n    app: {name}\n\
         spec:\n  replicas: 0\n  revisionHistoryLimit: 5\n  selector:\n    matchLabels:\n      app: {name}\n\
         \x20 template:\n    metadata:\n      labels:\n        app: {name}\n    spec:\n      serviceAccountName: {name}\n\
         \x20     containers:\n        - name: app\n          image: example/app:{version}\n          ports:\n            - name: http\n              containerPort: 8080\n\
         \x20         env:\n            - name: LOG_LEVEL\n              value: info\n          resources:\n            requests:\n              cpu: 10m\n              memory: 16Mi\n            limits:\n              memory: 64Mi\n"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\nspec:\n  selector:\n    app: {name}\n\
         \x20 ports:\n    - name: http\n      port: 80\n      targetPort: http\n"
    )
}

fn ingress(name: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\nspec:\n  rules:\n    - host: {name}.example.com\n\
         \x20     http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend:\n              service:\n                name: {name}\n                port:\n                  name: http\n"
    )
}

/// The GitRepository, checked once a minute.
pub fn git_repository(url: &str) -> Value {
    value!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": REPOSITORY, "namespace": NAMESPACE},
        "spec": {"interval": "1m", "url": url, "ref": {"branch": "main"}},
    })
}

/// One Kustomization, checked once a minute.
pub fn kustomization(index: usize) -> Value {
    value!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": (name(index)), "namespace": NAMESPACE},
        "spec": {
            "interval": "1m",
            "path": (format!("./apps/{}", name(index))),
            "prune": true,
            "wait": true,
            "timeout": "30s",
            "sourceRef": {"kind": "GitRepository", "name": REPOSITORY},
        },
    })
}

/// The same, which waits for the one before it.
pub fn dependent(index: usize) -> Value {
    let mut object = kustomization(index);
    if let Some(before) = index.checked_sub(1) {
        object.set_at(&["spec", "dependsOn"], value!([{"name": (name(before))}]));
    }
    object
}
