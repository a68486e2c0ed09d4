//! Objects as the genuine server's messages show them: metadata and owners in
//! the order of Go's structs, everything else by key.

use trueup_object::{Map, Value, to_json};

const METADATA: [&str; 14] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
];
const OWNER: [&str; 7] = [
    "manager",
    "operation",
    "apiVersion",
    "time",
    "fieldsType",
    "fieldsV1",
    "subresource",
];

/// An object as compact JSON.
#[must_use]
pub fn object(object: &Value) -> String {
    let Some(map) = object.as_map() else {
        return plain(object);
    };
    braces(map.iter().map(|(key, value)| match value {
        Value::Map(metadata) if key == "metadata" => member(key, &self::metadata(metadata)),
        value => member(key, &plain(value)),
    }))
}

/// Metadata as compact JSON.
#[must_use]
pub fn metadata(map: &Map) -> String {
    let owners = map.get("managedFields").and_then(Value::as_list);
    let owners = owners.map(|list| {
        let items: Vec<String> = list.iter().map(|entry| ordered(entry, &OWNER)).collect();
        member("managedFields", &format!("[{}]", items.join(",")))
    });
    braces(
        METADATA
            .iter()
            .filter_map(|key| Some(member(key, &plain(map.get(key)?))))
            .chain(owners),
    )
}

fn ordered(value: &Value, keys: &[&str]) -> String {
    braces(
        keys.iter()
            .filter_map(|key| Some(member(key, &plain(value.get(key)?)))),
    )
}

fn member(key: &str, json: &str) -> String {
    format!("{}:{json}", plain(&Value::from(key)))
}

fn braces(members: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn plain(value: &Value) -> String {
    String::from_utf8_lossy(&to_json(value)).into_owned()
}
