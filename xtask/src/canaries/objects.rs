//! The objects of a Canary on NGINX: a Deployment, its Ingress, and itself.

use trueup_object::{GroupVersionKind, ObjectRef, Value, value};

/// How much more traffic each step of a run gives to the canary, in percent.
pub const STEP_WEIGHT: i64 = 5;
/// With how much of it a run ends.
const MAX_WEIGHT: i64 = 50;

/// Canaries, numbered from 0, and the objects that they are about.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// How many there are.
    pub count: u64,
    /// How many of them a namespace has; at least one.
    pub per_namespace: u64,
}

impl Fleet {
    fn namespace(self, number: u64) -> String {
        format!("team-{}", number / self.per_namespace)
    }

    /// Their namespaces.
    pub fn namespaces(self) -> impl Iterator<Item = Value> {
        let step = usize::try_from(self.per_namespace).unwrap_or(usize::MAX);
        (0..self.count).step_by(step).map(move |number| {
            let name = self.namespace(number);
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        })
    }

    /// The Deployment of a number, with as much in it as they usually have.
    pub fn deployment(self, number: u64) -> Value {
        let name = name(number);
        let labels = || value!({"app": (name.clone())});
        value!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": (name.clone()), "namespace": (self.namespace(number)), "labels": (labels())},
            "spec": {
                "revisionHistoryLimit": 5,
                "selector": {"matchLabels": (labels())},
                "template": {
                    "metadata": {"labels": (labels()), "annotations": {"prometheus.io/scrape": "true"}},
                    "spec": {"containers": (containers(number, 0))},
                },
            },
        })
    }

    /// What makes another revision of a Deployment: it, and a merge patch.
    pub fn revision(self, number: u64, revision: u64) -> (ObjectRef, Value) {
        let deployment = ObjectRef {
            kind: GroupVersionKind::new("apps/v1", "Deployment"),
            namespace: self.namespace(number).into(),
            name: name(number).into(),
        };
        let containers = containers(number, revision);
        let patch = value!({"spec": {"template": {"spec": {"containers": containers}}}});
        (deployment, patch)
    }

    /// The Ingress of a number.
    pub fn ingress(self, number: u64) -> Value {
        let name = name(number);
        value!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": (name.clone()), "namespace": (self.namespace(number))},
            "spec": {"rules": [{"host": (host(number)), "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": name, "port": {"number": 80}}},
            }]}}]},
        })
    }

    /// The Canary of a number, analysed once in an interval. Every second one
    /// has metrics.
    pub fn canary(self, number: u64, interval: &str) -> Value {
        let name = name(number);
        let reference = |api_version: &str, kind: &str| value!({"apiVersion": api_version, "kind": kind, "name": (name.clone())});
        let mut canary = value!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {"name": (name.clone()), "namespace": (self.namespace(number))},
            "spec": {
                "provider": "nginx",
                "targetRef": (reference("apps/v1", "Deployment")),
                "ingressRef": (reference("networking.k8s.io/v1", "Ingress")),
                "service": {"port": 80, "targetPort": 8080},
                "analysis": {
                    "interval": interval, "threshold": 5,
                    "stepWeight": STEP_WEIGHT, "maxWeight": MAX_WEIGHT,
                },
            },
        });
        if number.is_multiple_of(2) {
            canary.set_at(&["spec", "analysis", "metrics"], metrics());
        }
        canary
    }
}

/// The name of the Canary of a number, and of its Deployment and Ingress.
pub fn name(number: u64) -> String {
    format!("app-{number}")
}

fn host(number: u64) -> String {
    format!("{}.example", name(number))
}

fn containers(number: u64, revision: u64) -> Value {
    let name = name(number);
    let probe = || value!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10});
    value!([{
        "name": "app", "image": (format!("registry.example/app:{revision}")),
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "DATABASE_URL", "value": (format!("postgres://{name}.db.example/{name}"))},
            {"name": "PUBLIC_URL", "value": (format!("https://{}", host(number)))},
        ],
        "readinessProbe": (probe()), "livenessProbe": (probe()),
        "resources": {
            "requests": {"cpu": "100m", "memory": (format!("{}Mi", 64 + number % 64))},
            "limits": {"memory": "256Mi"},
        },
    }])
}

fn metrics() -> Value {
    value!([
        {"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}},
        {"name": "request-duration", "interval": "1m", "thresholdRange": {"max": 500}},
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: Fleet = Fleet {
        count: 201,
        per_namespace: 100,
    };

    #[test]
    fn every_canary_has_a_namespace_and_every_second_metrics() {
        let made: Vec<Value> = FLEET.namespaces().collect();
        assert_eq!(made.len(), 3);
        let last = made[2].str_at(&["metadata", "name"]);
        assert_eq!(last, Some(FLEET.namespace(200).as_str()));
        let metrics = |number| {
            let canary = FLEET.canary(number, "1m");
            canary.at(&["spec", "analysis", "metrics"]).cloned()
        };
        assert!(metrics(0).is_some() && metrics(1).is_none());
    }

    #[test]
    fn a_revision_is_of_the_deployment_of_its_number() {
        let (reference, _) = FLEET.revision(7, 1);
        assert_eq!(Some(reference), ObjectRef::of(&FLEET.deployment(7)));
    }
}
