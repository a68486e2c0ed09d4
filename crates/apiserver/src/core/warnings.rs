//! What is accepted, but said to be likely a mistake.

use super::port_warnings::port_warnings;
use super::registry::Resource;
use std::collections::HashSet;
use trueup_object::Value;
use trueup_schema::Structural;

/// The warnings for a created or changed object.
#[must_use]
pub fn of(resource: &Resource, object: &Value) -> Vec<String> {
    let path: &[&str] = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => &["spec"],
        ("", "PodTemplate") => &["template", "spec"],
        ("", "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job") => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        ("apiextensions.k8s.io", "CustomResourceDefinition") => return formats(object),
        _ => return Vec::new(),
    };
    object
        .at(path)
        .map_or_else(Vec::new, |spec| pod_spec(spec, &path.join(".")))
}

fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_list).unwrap_or_default()
}

fn pod_spec(spec: &Value, at: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, constraint) in list(spec, "topologySpreadConstraints").iter().enumerate() {
        if constraint.get("labelSelector").is_none() {
            warnings.push(format!(
                "{at}.topologySpreadConstraints[{index}].labelSelector: a null labelSelector results in matching no pod"
            ));
        }
    }
    for kind in ["initContainers", "containers"] {
        for (index, container) in list(spec, kind).iter().enumerate() {
            hidden_variables(&mut warnings, container, &format!("{at}.{kind}[{index}]"));
        }
    }
    let containers: Vec<(String, &Value)> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|kind| {
            let listed = list(spec, kind).iter().enumerate();
            listed.map(move |(index, container)| (format!("{at}.{kind}[{index}]"), container))
        })
        .collect();
    warnings.extend(port_warnings(&containers));
    warnings
}

fn hidden_variables(warnings: &mut Vec<String>, container: &Value, at: &str) {
    let mut seen = HashSet::new();
    for (index, variable) in list(container, "env").iter().enumerate() {
        let name = variable.str_at(&["name"]).unwrap_or("");
        if !seen.insert(name) {
            warnings.push(format!(
                "{at}.env[{index}]: hides previous definition of {name:?}, which may be dropped when using apply"
            ));
        }
    }
}

fn formats(definition: &Value) -> Vec<String> {
    let versions = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let schemas = versions
        .iter()
        .filter_map(|version| version.at(&["schema", "openAPIV3Schema"]));
    let unknown = schemas.flat_map(|schema| Structural::parse_accepted(schema).unknown_formats());
    unknown
        .map(|format| format!("unrecognized format {format:?}"))
        .collect()
}
