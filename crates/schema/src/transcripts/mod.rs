//! Recorded conversations with a genuine API server, held against this crate.

mod applies;
mod definitions;
mod patches;

use crate::{Schemas, Type};
use std::collections::BTreeMap;
use std::path::PathBuf;
use trueup_object::{Value, from_json};

/// The folder of an area, if the recordings are there.
#[expect(
    clippy::disallowed_methods,
    reason = "recorded cases are found by the environment"
)]
pub(crate) fn area(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("TRUEUP_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("kubernetes/transcripts").join(name);
    folder.is_dir().then_some(folder)
}

/// All scenarios of an area, in order of name.
#[expect(clippy::disallowed_methods, reason = "recorded cases are files")]
pub(crate) fn scenarios(name: &str) -> Vec<Value> {
    let Some(folder) = area(name) else {
        println!("skipped: writes of kubernetes transcripts ({name}): not here");
        return Vec::new();
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    println!(
        "recorded cases: writes of kubernetes transcripts ({name}): {} ran, 0 skipped",
        files.len()
    );
    files
        .iter()
        .map(|file| from_json(&std::fs::read(file).unwrap()).unwrap())
        .collect()
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    group: String,
    version: String,
    resource: String,
    namespace: String,
    name: String,
    subresource: String,
}

fn split(path: &str) -> (Option<Target>, BTreeMap<String, String>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('=').or(Some((pair, ""))))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version) = match parts.first() {
        Some(&"api") => ("", parts.get(1).copied()),
        Some(&"apis") => (parts.get(1).copied().unwrap_or(""), parts.get(2).copied()),
        _ => return (None, query),
    };
    parts.drain(..parts.len().min(if group.is_empty() { 2 } else { 3 }));
    let mut namespace = "";
    if parts.first() == Some(&"namespaces")
        && parts.len() > 2
        && !["status", "finalize"].contains(&parts[2])
    {
        namespace = parts[1];
        parts.drain(..2);
    }
    let at = |index: usize| parts.get(index).copied().unwrap_or("").to_owned();
    let target = version.map(|version| Target {
        group: group.into(),
        version: version.into(),
        resource: at(0),
        namespace: namespace.into(),
        name: at(1),
        subresource: at(2),
    });
    (target.filter(|target| !target.resource.is_empty()), query)
}

/// The type of a built-in resource.
fn builtin_type(target: &Target) -> Option<Type> {
    let schemas = Schemas::builtin();
    let row = schemas.resources().iter().find(|row| {
        row.group == target.group && row.version == target.version && row.plural == target.resource
    })?;
    schemas.type_for(&row.gvk())
}
