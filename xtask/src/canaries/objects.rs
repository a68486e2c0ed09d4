//! The objects of a Canary on NGINX: a Deployment, its Ingress, and itself.

use trueup_object::{ObjectRef, Value, value};

/// How many Canaries a namespace has.
const CANARIES_PER_NAMESPACE: u64 = 100;

/// The namespace of a number.
pub fn namespace(number: u64) -> String {
    format!("team-{}", number / CANARIES_PER_NAMESPACE)
}

fn name(number: u64) -> String {
    format!("app-{number}")
}

/// The Deployment of a number.
pub fn deployment(number: u64) -> Value {
    let name = name(number);
    let labels = || value!({"app": (name.clone())});
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": (name.clone()), "namespace": (namespace(number))},
        "spec": {
            "selector": {"matchLabels": (labels())},
            "template": {
                "metadata": {"labels": (labels())},
                "spec": {"containers": [{"name": "app", "image": (image(0))}]},
            },
        },
    })
}

/// The Ingress of a number.
pub fn ingress(number: u64) -> Value {
    let name = name(number);
    value!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": (name.clone()), "namespace": (namespace(number))},
        "spec": {"rules": [{"host": (format!("{name}.example")), "http": {"paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}},
        }]}}]},
    })
}

/// The Canary of a number: 10 more in each minute, up to 50.
pub fn canary(number: u64) -> Value {
    let name = name(number);
    let reference = |api_version: &str, kind: &str| value!({"apiVersion": api_version, "kind": kind, "name": (name.clone())});
    value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": (name.clone()), "namespace": (namespace(number))},
        "spec": {
            "provider": "nginx",
            "targetRef": (reference("apps/v1", "Deployment")),
            "ingressRef": (reference("networking.k8s.io/v1", "Ingress")),
            "service": {"port": 80, "targetPort": 8080},
            "analysis": {
                "interval": "1m", "threshold": 5, "stepWeight": 10, "maxWeight": 50,
                "metrics": [
                    {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}},
                    {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": 500}},
                ],
            },
        },
    })
}

/// The image of a revision.
pub fn image(revision: u64) -> String {
    format!("registry.example/app:{revision}")
}

/// What makes another revision of a Deployment.
pub fn revision(number: u64, revision: u64) -> (ObjectRef, Value) {
    let object = ObjectRef::of(&deployment(number)).expect("it has a name");
    let image = image(revision);
    let patch = value!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "image": image},
    ]}}}});
    (object, patch)
}
