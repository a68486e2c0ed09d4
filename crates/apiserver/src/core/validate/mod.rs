//! What an object may not be, in the API server's words.

mod metadata;
mod network;
mod others;
mod pod;
mod updates;
mod workloads;

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
    // Labels that a Job took from its template are complained of there.
    if (call.resource.group.as_str(), call.resource.kind.as_str()) == ("batch", "Job")
        && object.at(&["metadata", "labels"])
            == object.at(&["spec", "template", "metadata", "labels"])
    {
        causes.retain(|cause| cause.field != "metadata.labels");
    }
    causes.extend(contents(call.resource, object, None));
    causes
}

/// What is wrong with a change. What is let pass because it was so before is
/// warned of.
pub(super) fn updated(call: &mut Call<'_>, new: &Value, live: &Value) -> Vec<Cause> {
    let mut causes = metadata::updated(call.resource, new, live);
    // A binding sets what no other change of a Pod may.
    let binds = call.operation.subresource_name() == "binding";
    let status = call.target == super::prepare::Target::Status;
    if binds || status && call.resource.custom.is_none() {
        return causes;
    }
    causes.extend(updates::before(call.resource, new, live));
    if let Some(custom) = &call.resource.custom {
        let verdict = custom.schema.validate_update(new, live);
        let warnings = verdict.ratcheted.iter().map(ToString::to_string);
        call.warnings.extend(warnings);
        causes.extend(verdict.errors.into_iter().map(cause_of));
        return causes;
    }
    causes.extend(contents(call.resource, new, Some(live)));
    causes.extend(updates::after(call.resource, new, live));
    causes
}

/// What is wrong with an object, whatever it was before.
fn contents(resource: &Resource, object: &Value, live: Option<&Value>) -> Vec<Cause> {
    if let Some(custom) = &resource.custom {
        let mistakes = custom.schema.validate(object);
        return mistakes.into_iter().map(cause_of).collect();
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod::pod(object),
        ("", "PodTemplate") => pod::template(object, "template", &["template"]),
        ("", "Service") => network::service(object),
        ("", "ConfigMap") => others::config_map(object),
        ("", "Secret") => others::secret(object),
        ("", "PersistentVolumeClaim") => others::claim(object),
        ("apps", _) => workloads::apps(&resource.kind, object),
        ("batch", "Job") => workloads::job(object, live),
        ("batch", "CronJob") => workloads::cron_job(object),
        ("autoscaling", "HorizontalPodAutoscaler") => workloads::autoscaler(object),
        ("networking.k8s.io", "Ingress") => network::ingress(object),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object),
        ("rbac.authorization.k8s.io", _) => others::rbac(&resource.kind, object),
        ("policy", "PodDisruptionBudget") => others::budget(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            super::definitions::validate(object, live)
        }
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

/// A text that must be there and be one of a few.
fn one_of(causes: &mut Vec<Cause>, field: &str, value: &str, allowed: &[&str]) {
    if value.is_empty() {
        let list: Vec<String> = allowed.iter().map(|item| quoted(item)).collect();
        causes.push(Cause::required(
            field,
            &format!("must be one of {}", list.join(", ")),
        ));
    } else if !allowed.contains(&value) {
        causes.push(Cause::unsupported(field, quoted(value), allowed));
    }
}

fn not_negative(causes: &mut Vec<Cause>, field: &str, number: Option<i64>) {
    if let Some(number) = number.filter(|number| *number < 0) {
        causes.push(Cause::invalid(
            field,
            number,
            "must be greater than or equal to 0",
        ));
    }
}
