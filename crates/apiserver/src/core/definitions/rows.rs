//! The rows that an established definition adds to the registry.

use crate::core::registry::{Custom, Resource, Subresource};
use std::cmp::Ordering;
use std::sync::Arc;
use trueup_object::{Text, Value};
use trueup_schema::{Structural, Type};

const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// The served versions of a definition, best version first; none while its
/// names are not accepted.
pub(super) fn rows_of(definition: &Value) -> Vec<Arc<Resource>> {
    if super::condition(definition, "Established") != Some("True") {
        return Vec::new();
    }
    let versions = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let flag =
        |version: &Value, key: &str| version.at(&[key]).and_then(Value::as_bool) == Some(true);
    let storage = versions
        .iter()
        .find(|version| flag(version, "storage"))
        .and_then(|version| version.str_at(&["name"]));
    let types: Vec<(Text, Type)> = versions
        .iter()
        .filter(|version| flag(version, "served"))
        .map(|version| {
            (
                version.str_at(&["name"]).unwrap_or("").into(),
                Type::from_structural(&schema(version)),
            )
        })
        .collect();
    let mut served: Vec<&Value> = versions
        .iter()
        .filter(|version| flag(version, "served"))
        .collect();
    served.sort_by(|a, b| {
        compare(
            b.str_at(&["name"]).unwrap_or(""),
            a.str_at(&["name"]).unwrap_or(""),
        )
    });
    served
        .into_iter()
        .map(|version| Arc::new(row(definition, version, storage.unwrap_or(""), &types)))
        .collect()
}

fn schema(version: &Value) -> Structural {
    version
        .at(&["schema", "openAPIV3Schema"])
        .map_or_else(Structural::schemaless, Structural::parse_accepted)
}

fn row(definition: &Value, version: &Value, storage: &str, types: &[(Text, Type)]) -> Resource {
    let names = definition
        .at(&["status", "acceptedNames"])
        .cloned()
        .unwrap_or_default();
    let text = |key: &str| -> Text { names.str_at(&[key]).unwrap_or("").into() };
    let texts = |key: &str| -> Vec<Text> {
        names
            .get(key)
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_str)
            .map(Text::from)
            .collect()
    };
    let group: Text = definition.str_at(&["spec", "group"]).unwrap_or("").into();
    let name: Text = version.str_at(&["name"]).unwrap_or("").into();
    let schema = schema(version);
    Resource {
        plural: text("plural"),
        singular: text("singular"),
        kind: text("kind"),
        list_kind: text("listKind"),
        short_names: texts("shortNames"),
        categories: texts("categories"),
        namespaced: definition.str_at(&["spec", "scope"]) == Some("Namespaced"),
        verbs: VERBS.map(Text::from).to_vec(),
        subresources: subresources(version, &group, &name, &text("kind")),
        typ: Some(Type::from_structural(&schema)),
        definition: "",
        storage_version: storage.into(),
        custom: Some(Arc::new(Custom {
            version: version.clone(),
            definition: definition
                .str_at(&["metadata", "name"])
                .unwrap_or("")
                .into(),
            id: schema_id(definition, version),
            schema,
            types: types.to_vec(),
        })),
        group,
        version: name,
    }
}

/// The revision at which the definition was read, never 0, told apart by
/// version.
fn schema_id(definition: &Value, version: &Value) -> u64 {
    let revision: u64 = definition
        .str_at(&["metadata", "resourceVersion"])
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let versions = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let place = versions
        .iter()
        .position(|other| other == version)
        .unwrap_or(0) as u64;
    revision * 64 + place % 63 + 1
}

fn subresources(version: &Value, group: &Text, name: &Text, kind: &Text) -> Vec<Subresource> {
    let verbs: Vec<Text> = ["get", "patch", "update"].map(Text::from).to_vec();
    let mut list = Vec::new();
    if version.at(&["subresources", "status"]).is_some() {
        list.push(Subresource {
            name: "status".into(),
            group: group.clone(),
            version: name.clone(),
            kind: kind.clone(),
            verbs: verbs.clone(),
        });
    }
    if version.at(&["subresources", "scale"]).is_some() {
        list.push(Subresource {
            name: "scale".into(),
            group: "autoscaling".into(),
            version: "v1".into(),
            kind: "Scale".into(),
            verbs,
        });
    }
    list
}

/// Orders versions as Kubernetes does: stable over beta over alpha, higher
/// numbers first, anything else last.
fn compare(a: &str, b: &str) -> Ordering {
    match (parts(a), parts(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// Stability, major and minor number of `v2beta1`.
fn parts(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let major = rest[..end].parse().ok()?;
    let (stability, minor) = match &rest[end..] {
        "" => (2, ""),
        tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(minor), _) => (1, minor),
            (_, Some(minor)) => (0, minor),
            _ => return None,
        },
    };
    let minor = if minor.is_empty() {
        0
    } else {
        minor.parse().ok()?
    };
    Some((stability, major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_version_is_the_stable_one_with_the_highest_number() {
        let mut versions = ["v1alpha1", "foo1", "v10", "v1beta2", "v2", "v1beta1", "v1"];
        versions.sort_by(|a, b| compare(b, a));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo1"]
        );
    }
}
