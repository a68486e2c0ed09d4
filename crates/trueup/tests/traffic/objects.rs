//! The objects of a scenario.

use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

pub const NAMESPACE: &str = "apps";
/// The Deployment, its Ingress and its Canary.
pub const TARGET: &str = "podinfo";
pub const PRIMARY: &str = "podinfo-primary";

/// The workload at a version.
pub fn deployment(version: &str) -> Value {
    let mut object = value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": TARGET, "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": TARGET}},
            "template": {"metadata": {"labels": {"app": TARGET}}},
        },
    });
    let patch = image_patch(version);
    let spec = patch.at(&["spec", "template", "spec"]).unwrap().clone();
    object.set_at(&["spec", "template", "spec"], spec);
    object
}

/// What changes the workload to a version.
pub fn image_patch(version: &str) -> Value {
    let image = format!("{TARGET}:{version}");
    value!({"spec": {"template": {"spec": {"containers": [
        {"name": TARGET, "image": image, "ports": [{"containerPort": 9898}]},
    ]}}}})
}

/// The user's Ingress.
pub fn ingress() -> Value {
    value!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": TARGET, "namespace": NAMESPACE},
        "spec": {"rules": [{"host": (crate::load::HOST), "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": TARGET, "port": {"number": 80}}},
        }]}}]},
    })
}

/// A Canary whose analysis looks at errors and latency; `more` are further
/// fields of its analysis.
pub fn canary(more: Value) -> Value {
    let mut object = value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": TARGET, "namespace": NAMESPACE},
        "spec": {
            "provider": "nginx",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": TARGET},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": TARGET},
            "service": {"port": 80, "targetPort": 9898},
            "analysis": {
                "interval": "3s", "threshold": 3,
                "metrics": [
                    {"name": "request-success-rate", "interval": "5s", "thresholdRange": {"min": 99}},
                    {"name": "request-duration", "interval": "5s", "thresholdRange": {"max": 500}},
                ],
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

/// An object of a scenario.
pub fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: NAMESPACE.into(),
        name: name.into(),
    }
}

/// The image of a workload.
pub fn image(deployment: &Value) -> &str {
    let containers = deployment.at(&["spec", "template", "spec", "containers"]);
    let first = containers
        .and_then(Value::as_list)
        .and_then(<[Value]>::first);
    first
        .and_then(|it| it.str_at(&["image"]))
        .unwrap_or_default()
}

/// A value for people.
pub fn shown(value: &Value) -> String {
    trueup_object::to_yaml(value)
}
