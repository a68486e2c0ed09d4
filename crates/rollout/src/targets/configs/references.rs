//! Where a Pod's spec refers to ConfigMaps and Secrets.

use super::super::template::{spec_list, value_at_mut};
use super::{ConfigKind, ConfigRef};
use std::collections::BTreeMap;
use trueup_object::{Text, Value};

/// Whether Pods can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Mandate {
    /// They can.
    Optional,
    /// They can't.
    Required,
}

/// A member that refers, the field that holds the name, and to what.
type Place = (&'static str, &'static str, ConfigKind);

const VOLUME: [Place; 2] = [
    ("configMap", "name", ConfigKind::ConfigMap),
    ("secret", "secretName", ConfigKind::Secret),
];
const PROJECTION: [Place; 2] = [
    ("configMap", "name", ConfigKind::ConfigMap),
    ("secret", "name", ConfigKind::Secret),
];
const VARIABLE: [Place; 2] = [
    ("configMapKeyRef", "name", ConfigKind::ConfigMap),
    ("secretKeyRef", "name", ConfigKind::Secret),
];
const VARIABLES: [Place; 2] = [
    ("configMapRef", "name", ConfigKind::ConfigMap),
    ("secretRef", "name", ConfigKind::Secret),
];

const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];

/// Does something at every name that a Pod's spec refers by.
pub(in super::super) fn visit_references(
    spec: &mut Value,
    visit: &mut dyn FnMut(ConfigRef, Mandate, &mut Text),
) {
    for volume in spec_list(spec, &["volumes"]).unwrap_or_default() {
        visit_places(volume, &VOLUME, visit);
        for source in spec_list(volume, &["projected", "sources"]).unwrap_or_default() {
            visit_places(source, &PROJECTION, visit);
        }
    }
    for list in CONTAINER_LISTS {
        for container in spec_list(spec, &[list]).unwrap_or_default() {
            visit_container(container, visit);
        }
    }
}

fn visit_container(container: &mut Value, visit: &mut dyn FnMut(ConfigRef, Mandate, &mut Text)) {
    for variable in spec_list(container, &["env"]).unwrap_or_default() {
        if let Some(source) = value_at_mut(variable, &["valueFrom"]) {
            visit_places(source, &VARIABLE, visit);
        }
    }
    for source in spec_list(container, &["envFrom"]).unwrap_or_default() {
        visit_places(source, &VARIABLES, visit);
    }
}

fn visit_places(
    source: &mut Value,
    places: &[Place],
    visit: &mut dyn FnMut(ConfigRef, Mandate, &mut Text),
) {
    for (member, field, kind) in places {
        let Some(member) = value_at_mut(source, &[member]) else {
            continue;
        };
        let mandate = match member.get("optional").and_then(Value::as_bool) {
            Some(true) => Mandate::Optional,
            _ => Mandate::Required,
        };
        if let Some(Value::String(name)) = value_at_mut(member, &[field]) {
            let reference = ConfigRef {
                kind: *kind,
                name: name.clone(),
            };
            visit(reference, mandate, name);
        }
    }
}

/// What a workload refers to. What is required once is required.
pub(super) fn references_of(workload: &Value) -> BTreeMap<ConfigRef, Mandate> {
    let mut found = BTreeMap::new();
    let mut spec = workload
        .at(&["spec", "template", "spec"])
        .cloned()
        .unwrap_or_default();
    visit_references(&mut spec, &mut |reference, mandate, name| {
        if !name.is_empty() {
            let known = found.entry(reference).or_insert(mandate);
            *known = (*known).max(mandate);
        }
    });
    found
}
