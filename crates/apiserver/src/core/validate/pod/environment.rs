//! Environment variables and where their values come from.

use super::{every_container, key_selector};
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::{backstep_errors, variable_name_errors};
use trueup_object::names;

/// What a variable may name of its Pod.
const POD_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What may be named of a container's resources.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// Fields that a label of the downward API may name, in any place.
const KNOWN_FIELDS: [&str; 11] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "spec.host",
];
const KNOWN_ADDRESSES: [&str; 4] = [
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

pub(super) fn variables(causes: &mut Causes, variables: &At<'_>) {
    for variable in variables.items() {
        let name = variable.get("name");
        if name.text().is_empty() {
            name.required(causes, "");
        } else {
            name.rules(causes, variable_name_errors(name.text()));
        }
        if variable.get("valueFrom").is_set() {
            value_source(causes, &variable);
        }
    }
}

fn value_source(causes: &mut Causes, variable: &At<'_>) {
    const SOURCES: [&str; 5] = [
        "fieldRef",
        "resourceFieldRef",
        "configMapKeyRef",
        "secretKeyRef",
        "fileKeyRef",
    ];
    let from = variable.get("valueFrom");
    let given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|source| from.get(source).is_set())
        .collect();
    for source in &given {
        let reference = from.get(source);
        match *source {
            "fieldRef" => field_reference(causes, &reference, &POD_FIELDS),
            "resourceFieldRef" => resource_reference(causes, &reference, Container::Own),
            "fileKeyRef" => file_reference(causes, &reference),
            _ => key_selector(causes, &reference),
        }
    }
    let detail = match given.len() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !variable.get("value").text().is_empty() => {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    super::invalid(causes, from.path(), "", detail);
}

/// A reference to a field of the Pod.
pub(super) fn field_reference(causes: &mut Causes, reference: &At<'_>, allowed: &[&str]) {
    let version = reference.get("apiVersion");
    if version.text().is_empty() {
        return version.required(causes, "");
    }
    let path = reference.get("fieldPath");
    if path.text().is_empty() {
        return path.required(causes, "");
    }
    if let Some(why) = conversion_error(version.text(), path.text()) {
        return path.invalid(causes, &format!("error converting fieldPath: {why}"));
    }
    match subscript(path.text()) {
        Some(("metadata.annotations", key)) => {
            for error in names::qualified_name_errors(&key.to_lowercase()) {
                super::invalid(causes, reference.path(), &key.to_lowercase(), &error);
            }
        }
        Some(("metadata.labels", key)) => {
            for error in names::qualified_name_errors(key) {
                super::invalid(causes, reference.path(), key, &error);
            }
        }
        Some((field, _)) => {
            super::invalid(
                causes,
                reference.path(),
                field,
                "does not support subscript",
            );
        }
        None => path.one_of(causes, allowed),
    }
}

/// `field['key']` as field and key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}

fn conversion_error(version: &str, path: &str) -> Option<String> {
    if version != "v1" {
        return Some(format!("unsupported pod version: {version}"));
    }
    if let Some((field, _)) = subscript(path) {
        let known = ["metadata.annotations", "metadata.labels"].contains(&field);
        return (!known).then(|| format!("field label does not support subscript: {path}"));
    }
    let known = KNOWN_FIELDS.contains(&path) || KNOWN_ADDRESSES.contains(&path);
    (!known).then(|| format!("field label not supported: {path}"))
}

/// Whether a reference to resources names its container.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// It is the container that holds the reference.
    Own,
    /// It must be named.
    Named,
}

/// A reference to the resources of a container.
pub(super) fn resource_reference(causes: &mut Causes, reference: &At<'_>, container: Container) {
    let resource = reference.get("resource");
    let is_huge_page = ["limits.hugepages-", "requests.hugepages-"]
        .iter()
        .any(|prefix| resource.text().starts_with(prefix));
    if container == Container::Named && reference.get("containerName").text().is_empty() {
        reference.get("containerName").required(causes, "");
    } else if resource.text().is_empty() {
        resource.required(causes, "");
    } else if !is_huge_page {
        resource.one_of(causes, &RESOURCES);
    }
    divisor(causes, reference, is_huge_page);
}

fn divisor(causes: &mut Causes, reference: &At<'_>, is_huge_page: bool) {
    const SIZES: [&str; 13] = [
        "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
    ];
    let resource = reference.get("resource").text();
    let Some(amount) = reference.get("divisor").quantity() else {
        return;
    };
    let amount_text = amount.to_string();
    let kind = resource.split_once('.').map_or("", |(_, kind)| kind);
    let what = match kind {
        _ if amount.nanos() == 0 => return,
        "cpu" if ["1m", "1"].contains(&amount_text.as_str()) => return,
        "cpu" => "1m and 1 are supported with the cpu resource",
        _ if SIZES.contains(&amount_text.as_str()) => return,
        "memory" => "memory",
        "ephemeral-storage" => "local ephemeral storage",
        _ if is_huge_page => "hugepages",
        _ => return,
    };
    let detail = if kind == "cpu" {
        format!("only divisor's values {what}")
    } else {
        let sizes = SIZES.join(", ");
        format!("only divisor's values {sizes} are supported with the {what} resource")
    };
    super::invalid(causes, reference.child("divisor"), resource, &detail);
}

fn file_reference(causes: &mut Causes, reference: &At<'_>) {
    let key = reference.get("key");
    if key.text().is_empty() {
        key.required(causes, "");
    } else {
        key.rules(causes, variable_name_errors(key.text()));
    }
    reference.get("volumeName").required_label(causes);
    let path = reference.get("path");
    if path.text().is_empty() {
        path.required(causes, "");
    } else {
        path.rules(causes, backstep_errors(path.text()));
    }
}

/// The volumes of files with variables are empty directories of the Pod.
pub(super) fn file_volumes(causes: &mut Causes, spec: &At<'_>) {
    let volumes: Vec<At<'_>> = spec.get("volumes").items().collect();
    for container in every_container(spec) {
        for variable in container.get("env").items() {
            let name = variable.at(&["valueFrom", "fileKeyRef", "volumeName"]);
            if !variable.at(&["valueFrom", "fileKeyRef"]).is_set() {
                continue;
            }
            let named = |volume: &&At<'_>| volume.get("name").text() == name.text();
            match volumes.iter().rfind(named) {
                None => name.not_found(causes, ""),
                Some(volume) if !volume.get("emptyDir").is_set() => {
                    name.invalid(causes, "referenced volume must be of type emptyDir");
                }
                Some(_) => {}
            }
        }
    }
}

/// Whole ConfigMaps and Secrets as variables.
pub(super) fn sources(causes: &mut Causes, sources: &At<'_>) {
    for source in sources.items() {
        let prefix = source.get("prefix");
        if !prefix.text().is_empty() {
            prefix.rules(causes, variable_name_errors(prefix.text()));
        }
        let mut count = 0;
        for kind in ["configMapRef", "secretRef"] {
            let reference = source.get(kind);
            if !reference.is_set() {
                continue;
            }
            count += 1;
            reference_name(causes, &reference.get("name"));
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        super::invalid(causes, sources.path(), "", detail);
    }
}

/// The name of an object whose variables are taken; what ends with a hyphen
/// passes, as the beginning of a name would.
fn reference_name(causes: &mut Causes, name: &At<'_>) {
    if name.text().is_empty() {
        return name.required(causes, "");
    }
    let masked = name.text().strip_suffix('-').map(|stem| format!("{stem}a"));
    let errors = names::dns_subdomain_errors(masked.as_deref().unwrap_or(name.text()));
    name.rules(causes, errors);
}
