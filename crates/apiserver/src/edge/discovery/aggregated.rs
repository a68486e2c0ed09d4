//! Everything in one document: `APIGroupDiscoveryList`.

use super::plain::texts;
use super::{Group, Version};
use crate::core::{Resource, Subresource};
use trueup_object::{Map, Text, Value, value};

/// The document of some groups.
pub fn group_list(groups: &[&Group<'_>]) -> Value {
    let items: Value = groups.iter().map(|group| group_entry(group)).collect();
    value!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn group_entry(group: &Group<'_>) -> Value {
    let mut metadata = Map::new();
    if !group.name.is_empty() {
        metadata.insert("name", group.name);
    }
    let versions: Value = group.versions.iter().map(version_entry).collect();
    value!({"metadata": (Value::Map(metadata)), "versions": versions})
}

fn version_entry(version: &Version<'_>) -> Value {
    let resources: Value = version
        .resources
        .iter()
        .map(|row| resource_entry(row))
        .collect();
    value!({"version": (version.name), "resources": resources, "freshness": "Current"})
}

fn resource_entry(row: &Resource) -> Value {
    let mut entry = Map::new();
    entry.insert("resource", row.plural.clone());
    entry.insert(
        "responseKind",
        response_kind(row, &row.group, &row.version, &row.kind),
    );
    entry.insert(
        "scope",
        if row.namespaced {
            "Namespaced"
        } else {
            "Cluster"
        },
    );
    entry.insert("singularResource", row.singular.clone());
    entry.insert("verbs", texts(&row.verbs));
    for (key, list) in [
        ("shortNames", &row.short_names),
        ("categories", &row.categories),
    ] {
        if !list.is_empty() {
            entry.insert(key, texts(list));
        }
    }
    if !row.subresources.is_empty() {
        let subresources: Value = row
            .subresources
            .iter()
            .map(|sub| subresource_entry(row, sub))
            .collect();
        entry.insert("subresources", subresources);
    }
    Value::Map(entry)
}

fn subresource_entry(row: &Resource, sub: &Subresource) -> Value {
    value!({
        "subresource": (sub.name.clone()),
        "responseKind": (response_kind(row, &sub.group, &sub.version, &sub.kind)),
        "verbs": (texts(&sub.verbs))
    })
}

/// Built-in kinds leave group and version empty where they are those of the
/// document; custom resources always name them.
fn response_kind(row: &Resource, group: &Text, version: &Text, kind: &Text) -> Value {
    let own = (group, version) == (&row.group, &row.version);
    let (group, version) = if own && row.custom.is_none() {
        (Text::new(), Text::new())
    } else {
        (group.clone(), version.clone())
    };
    value!({"group": group, "version": version, "kind": (kind.clone())})
}
