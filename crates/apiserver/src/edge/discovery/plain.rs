//! The documents of discovery that every client knows.

use super::{Group, groups, storage_version_hash};
use crate::core::{Resource, Subresource, Tables};
use trueup_object::{Map, Text, Value, value};

/// `/api`.
pub fn api_versions() -> Value {
    value!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    })
}

/// `/apis`.
pub fn group_list(tables: &Tables) -> Value {
    let groups: Value = groups(tables)
        .iter()
        .filter(|group| !group.name.is_empty())
        .map(group_entry)
        .collect();
    value!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub fn group(tables: &Tables, name: &str) -> Option<Value> {
    let groups = groups(tables);
    let group = groups
        .iter()
        .find(|group| group.name == name && !name.is_empty())?;
    let mut entry = group_entry(group);
    entry.set_at(&["kind"], "APIGroup".into());
    entry.set_at(&["apiVersion"], "v1".into());
    Some(entry)
}

fn group_entry(group: &Group<'_>) -> Value {
    let entry = |version: &super::Version<'_>| value!({"groupVersion": (version.group_version(group)), "version": (version.name)});
    let versions: Vec<Value> = group.versions.iter().map(entry).collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    value!({"name": (group.name), "versions": versions, "preferredVersion": preferred})
}

/// `/api/VERSION` and `/apis/GROUP/VERSION`.
pub fn resource_list(tables: &Tables, group: &str, version: &str) -> Option<Value> {
    let groups = groups(tables);
    let group = groups.iter().find(|it| it.name == group)?;
    let version = group.versions.iter().find(|it| it.name == version)?;
    let resources: Value = version
        .resources
        .iter()
        .flat_map(|row| {
            std::iter::once(resource_entry(row)).chain(
                row.subresources
                    .iter()
                    .map(|sub| subresource_entry(row, sub)),
            )
        })
        .collect();
    Some(value!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": (version.group_version(group)),
        "resources": resources
    }))
}

fn resource_entry(row: &Resource) -> Value {
    let mut entry = Map::new();
    entry.insert("name", row.plural.clone());
    entry.insert("singularName", row.singular.clone());
    entry.insert("namespaced", row.namespaced);
    entry.insert("kind", row.kind.clone());
    entry.insert("verbs", texts(&row.verbs));
    for (key, list) in [
        ("shortNames", &row.short_names),
        ("categories", &row.categories),
    ] {
        if !list.is_empty() {
            entry.insert(key, texts(list));
        }
    }
    if row.verbs.iter().any(|verb| verb == "watch") {
        entry.insert("storageVersionHash", storage_version_hash(row));
    }
    Value::Map(entry)
}

fn subresource_entry(row: &Resource, sub: &Subresource) -> Value {
    let mut entry = Map::new();
    entry.insert("name", format!("{}/{}", row.plural, sub.name));
    entry.insert("singularName", "");
    entry.insert("namespaced", row.namespaced);
    if (&sub.group, &sub.version) != (&row.group, &row.version) {
        entry.insert("group", sub.group.clone());
        entry.insert("version", sub.version.clone());
    }
    entry.insert("kind", sub.kind.clone());
    entry.insert("verbs", texts(&sub.verbs));
    Value::Map(entry)
}

/// A list of texts.
pub fn texts(list: &[Text]) -> Value {
    list.iter().map(|text| Value::from(text.clone())).collect()
}
