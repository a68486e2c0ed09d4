//! What an object may not be, in the API server's words.

pub(super) mod at;
mod autoscaling;
mod batch;
mod config;
mod cron;
mod extensions;
mod metadata;
mod network;
mod pod;
mod policy;
mod rbac;
mod scale;
mod selectors;
mod service;
pub(super) mod text_rules;
mod volumes;
mod workloads;

use super::prepare::Target;
use super::registry::Resource;
use super::status::{ApiError, Cause};
use super::write::Call;
use trueup_object::{Value, to_json};
use trueup_schema::FieldError;

/// Whether a place takes new objects: the namespace must be there and not be
/// ending, a definition must not be ending.
pub(super) fn admit_place(call: &Call<'_>, name: &str) -> Result<(), ApiError> {
    let resource = call.resource;
    if !resource.namespaced {
        return admit_custom(call, name);
    }
    let namespace = &call.operation.namespace;
    let key = super::GroupResource {
        group: "".into(),
        plural: "namespaces".into(),
    };
    let Some(found) = call.core.store().get(&key, "", namespace) else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if found.value().str_at(&["status", "phase"]) == Some("Terminating")
        || found
            .value()
            .at(&["metadata", "deletionTimestamp"])
            .is_some()
    {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut error = ApiError::forbidden(&resource.group, &resource.plural, name, &why);
        if let Some(details) = &mut error.details {
            let message = format!("namespace {namespace} is being terminated");
            details.causes.push(Cause::new(
                "NamespaceTerminating",
                "metadata.namespace",
                message,
            ));
        }
        return Err(error);
    }
    admit_custom(call, name)
}

/// A definition that is ending takes no new objects.
fn admit_custom(call: &Call<'_>, name: &str) -> Result<(), ApiError> {
    let Some(custom) = &call.resource.custom else {
        return Ok(());
    };
    let definition = call
        .core
        .store()
        .get(&super::definitions::key(), "", &custom.definition);
    if definition.is_some_and(|definition| {
        definition
            .value()
            .at(&["metadata", "deletionTimestamp"])
            .is_some()
    }) {
        let why = "create not allowed while custom resource definition is terminating";
        return Err(ApiError::forbidden(
            &call.resource.group,
            &call.resource.plural,
            name,
            why,
        ));
    }
    Ok(())
}

/// What is wrong with a new object.
pub(super) fn created(call: &Call<'_>, object: &Value) -> Vec<Cause> {
    let mut causes = metadata::created(call.resource, object);
    causes.extend(contents(call.resource, object, None));
    causes
}

/// What is wrong with a change. What is let pass because it was so before is
/// warned of.
pub(super) fn updated(call: &mut Call<'_>, new: &Value, live: &Value) -> Vec<Cause> {
    let mut causes = metadata::updated(call.resource, call.target, new, live);
    // A binding sets what no other change of a Pod may.
    if call.operation.subresource_name() == "binding" {
        return causes;
    }
    if call.target == Target::Status && call.resource.custom.is_none() {
        causes.extend(status(call.resource, new));
        return causes;
    }
    if let Some(custom) = &call.resource.custom {
        let verdict = custom.schema.validate_update(new, live);
        let warnings = verdict.ratcheted.iter().map(ToString::to_string);
        call.warnings.extend(warnings);
        causes.extend(verdict.errors.into_iter().map(cause_of));
        causes.extend(scale::custom(custom, new));
        return causes;
    }
    causes.extend(match call.operation.subresource_name() {
        "ephemeralcontainers" => pod::ephemeral_update(new, live),
        _ => contents(call.resource, new, Some(live)),
    });
    causes
}

/// What is wrong with a status.
fn status(resource: &Resource, object: &Value) -> Vec<Cause> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", kind) | ("", kind @ "ReplicationController") => {
            workloads::status_counts(object, kind)
        }
        _ => Vec::new(),
    }
}

/// What is wrong with an object, new or changed.
fn contents(resource: &Resource, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    if let Some(custom) = &resource.custom {
        let mistakes = custom.schema.validate(object);
        let mut causes: Vec<Cause> = mistakes.into_iter().map(cause_of).collect();
        causes.extend(scale::custom(custom, object));
        return causes;
    }
    let kind = resource.kind.as_str();
    match resource.group.as_str() {
        "" => core(kind, object, live),
        "apps" => apps(kind, object, live),
        "batch" => match kind {
            "Job" => batch::job(object, live),
            "CronJob" => batch::cron_job(object, live),
            _ => Vec::new(),
        },
        "autoscaling" if kind == "HorizontalPodAutoscaler" => autoscaling::autoscaler(object),
        "networking.k8s.io" => match kind {
            "Ingress" => network::ingress(object, live),
            "IngressClass" => network::ingress_class(object, live),
            "NetworkPolicy" => network::policy(object),
            _ => Vec::new(),
        },
        "rbac.authorization.k8s.io" => rbac::rbac(kind, object, live),
        "policy" if kind == "PodDisruptionBudget" => policy::budget(object),
        "apiextensions.k8s.io" if kind == "CustomResourceDefinition" => {
            super::definitions::validate(object, live)
        }
        group => rarer(group, kind, object, live),
    }
}

fn core(kind: &str, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    let template = |object: &Value| {
        let mut causes = Vec::new();
        pod::template(&mut causes, &at::At::root(object).get("template"));
        causes
    };
    match (kind, live) {
        ("Pod", None) => pod::created(object),
        ("Pod", Some(live)) => pod::update(object, live),
        ("PodTemplate", _) => template(object),
        ("Service", _) => service::service(object, live),
        ("ConfigMap", _) => config::config_map(object, live),
        ("Secret", _) => config::secret(object, live),
        ("PersistentVolumeClaim", _) => volumes::claim(object, live),
        ("PersistentVolume", _) => volumes::volume(object, live),
        ("ReplicationController", _) => workloads::replication_controller(object),
        ("Endpoints", _) => network::endpoints(object, live),
        ("ResourceQuota", _) => policy::quota(object, live),
        ("LimitRange", _) => policy::limit_range(object),
        ("Node", _) => policy::node(object, live),
        ("Namespace", None) => policy::namespace(object),
        _ => Vec::new(),
    }
}

fn apps(kind: &str, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    match kind {
        "Deployment" => workloads::deployment(object, live),
        "ReplicaSet" => workloads::replica_set(object, live),
        "StatefulSet" => workloads::stateful_set(object, live),
        "DaemonSet" => workloads::daemon_set(object, live),
        _ => Vec::new(),
    }
}

fn rarer(group: &str, kind: &str, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    match (group, kind) {
        ("storage.k8s.io", "StorageClass") => volumes::storage_class(object, live),
        ("storage.k8s.io", "CSIDriver") => volumes::storage_driver(object, live),
        ("scheduling.k8s.io", "PriorityClass") => policy::priority_class(object, live),
        ("node.k8s.io", "RuntimeClass") => policy::runtime_class(object, live),
        ("coordination.k8s.io", "Lease") => policy::lease(object),
        ("discovery.k8s.io", "EndpointSlice") => network::endpoint_slice(object, live),
        ("apiregistration.k8s.io", "APIService") => extensions::api_service(object),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            extensions::signing_request(object, live)
        }
        ("admissionregistration.k8s.io", kind) => match kind {
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                extensions::webhooks(object, kind)
            }
            "ValidatingAdmissionPolicy" => extensions::admission_policy(object),
            "ValidatingAdmissionPolicyBinding" => extensions::admission_binding(object),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A mistake that the schema found.
pub(super) fn cause_of(error: FieldError) -> Cause {
    Cause::new(
        error.reason.cause(),
        error.path.as_str(),
        error.message.as_str(),
    )
}

/// A value as messages show it: compact JSON.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(
        || "null".to_owned(),
        |value| String::from_utf8_lossy(&to_json(value)).into_owned(),
    )
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    object.at(path).and_then(Value::as_list).unwrap_or_default()
}

fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    object.str_at(path).unwrap_or("")
}
