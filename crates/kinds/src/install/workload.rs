//! The process that runs: Deployment, Service and what protects them.

use super::{CanarySupport, INSTALL_NAME, InstallOptions, Isolation, WatchedNamespaces};
use trueup_object::{Value, value};

/// The container's name: by this one `flux logs` reads.
pub const CONTAINER: &str = "manager";
/// Serves artifacts.
pub const ARTIFACTS_PORT: u16 = 9090;
/// Serves `/metrics`, `/healthz` and `/readyz`.
pub const HEALTH_PORT: u16 = 8080;
/// Flux's component for sources, one of the two that this one process is.
pub const SOURCE_COMPONENT: &str = "source-controller";
/// Flux's component for Kustomizations.
pub const KUSTOMIZE_COMPONENT: &str = "kustomize-controller";

/// The group of the volumes' files; Flux's.
const FILES_GROUP: i64 = 1337;
/// How long the process is given to let what runs reach a safe point and to
/// give its leases up.
const TERMINATION_GRACE_S: i64 = 60;

pub(super) fn service_account(options: &InstallOptions) -> Value {
    value!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": INSTALL_NAME, "namespace": (options.namespace.clone())},
    })
}

/// Quota, Service, Deployment and, where wanted, the NetworkPolicy.
pub(super) fn manifests(options: &InstallOptions) -> Vec<Value> {
    let mut manifests = vec![
        critical_pods(options),
        service(options),
        deployment(options),
    ];
    if options.isolation == Isolation::NetworkPolicy {
        manifests.push(network_policy(options));
    }
    for manifest in &mut manifests {
        let component = "controller";
        manifest.set_at(
            &["metadata", "labels", "app.kubernetes.io/component"],
            component.into(),
        );
    }
    manifests
}

/// Some clusters let Pods of the system's priorities run only in namespaces
/// with a quota for them.
fn critical_pods(options: &InstallOptions) -> Value {
    value!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {
            "name": (format!("{INSTALL_NAME}-critical-pods")),
            "namespace": (options.namespace.clone()),
        },
        "spec": {
            "hard": {"pods": "1k"},
            "scopeSelector": {
                "matchExpressions": [{
                    "operator": "In",
                    "scopeName": "PriorityClass",
                    "values": ["system-node-critical", "system-cluster-critical"],
                }],
            },
        },
    })
}

fn service(options: &InstallOptions) -> Value {
    value!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": INSTALL_NAME, "namespace": (options.namespace.clone())},
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": INSTALL_NAME},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
    })
}

/// Lets in the Pods of the same namespace, and everybody to the metrics; lets
/// everything out, since sources can be anywhere.
fn network_policy(options: &InstallOptions) -> Value {
    value!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": INSTALL_NAME, "namespace": (options.namespace.clone())},
        "spec": {
            "podSelector": {"matchLabels": {"app": INSTALL_NAME}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [{}],
            "ingress": [
                {"from": [{"podSelector": {}}]},
                {
                    "from": [{"namespaceSelector": {}}],
                    "ports": [{"port": (i64::from(HEALTH_PORT)), "protocol": "TCP"}],
                },
            ],
        },
    })
}

/// One replica suffices; more stand by for the leases. A new version must be
/// ready before the old one ends.
fn deployment(options: &InstallOptions) -> Value {
    value!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": INSTALL_NAME, "namespace": (options.namespace.clone())},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": INSTALL_NAME}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": {
                "metadata": {
                    "annotations": {
                        "prometheus.io/port": (HEALTH_PORT.to_string()),
                        "prometheus.io/scrape": "true",
                    },
                    "labels": {
                        "app": INSTALL_NAME,
                        "app.kubernetes.io/component": "controller",
                        "app.kubernetes.io/part-of": "flux",
                    },
                },
                "spec": (pod(options)),
            },
        },
    })
}

fn pod(options: &InstallOptions) -> Value {
    let mut pod = value!({
        "serviceAccountName": INSTALL_NAME,
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"fsGroup": FILES_GROUP},
        "containers": [(container(options))],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "temp", "emptyDir": {}},
        ],
    });
    if let Some(secret) = &options.image_pull_secret {
        pod.set_at(&["imagePullSecrets"], value!([{"name": (secret.clone())}]));
    }
    let tolerations: Vec<Value> = options
        .toleration_keys
        .iter()
        .map(|key| value!({"key": (key.clone()), "operator": "Exists"}))
        .collect();
    if !tolerations.is_empty() {
        pod.set_at(&["tolerations"], tolerations.into());
    }
    pod
}

fn container(options: &InstallOptions) -> Value {
    value!({
        "name": CONTAINER,
        "image": (options.image.clone()),
        "imagePullPolicy": "IfNotPresent",
        "args": (arguments(options)),
        "env": [
            {"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "TMPDIR", "value": "/tmp"},
        ],
        "ports": [
            {"name": "http", "containerPort": (i64::from(ARTIFACTS_PORT)), "protocol": "TCP"},
            {"name": "http-prom", "containerPort": (i64::from(HEALTH_PORT)), "protocol": "TCP"},
        ],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http-prom"}},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http-prom"}},
        "resources": {
            "limits": {"cpu": "1", "memory": "1Gi"},
            "requests": {"cpu": "50m", "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "temp", "mountPath": "/tmp"},
        ],
    })
}

fn arguments(options: &InstallOptions) -> Value {
    let mut arguments = vec![
        "controller".to_owned(),
        format!("--log-level={}", options.log_level),
        "--enable-leader-election".to_owned(),
        "--storage-path=/data".to_owned(),
        format!(
            "--storage-adv-addr={INSTALL_NAME}.$(RUNTIME_NAMESPACE).svc.{}.",
            options.cluster_domain
        ),
    ];
    if options.watch == WatchedNamespaces::Own {
        arguments.push("--watch-all-namespaces=false".to_owned());
    }
    if options.canaries == CanarySupport::LeftOut {
        arguments.push("--canaries=false".to_owned());
    }
    arguments.into_iter().map(Value::string).collect()
}
