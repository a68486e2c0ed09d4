//! The documents of OpenAPI v3.

use super::paths::of_resource;
use super::schemas::{Dialect, collect, custom, translate};
use crate::core::{Resource, Tables};
use crate::edge::discovery::is_builtin_group;
use std::collections::BTreeSet;
use std::sync::Arc;
use trueup_object::{GroupVersionKind, Map, Value, value};
use trueup_schema::Schemas;

/// Schemas that every document holds, for the bodies that any resource has.
const COMMON: &[&str] = &[
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
];

/// The paths of all documents, as the index names them.
pub fn document_paths(tables: &Tables) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = [
        ".well-known/openid-configuration",
        "api",
        "apis",
        "openid/v1/jwks",
        "version",
    ]
    .map(str::to_owned)
    .into();
    for row in &tables.rows {
        match row.group.as_str() {
            "" => drop(paths.insert(format!("api/{}", row.version))),
            group => {
                if row.custom.is_none() {
                    paths.insert(format!("apis/{group}"));
                }
                paths.insert(format!("apis/{group}/{}", row.version));
            }
        }
    }
    paths
}

/// Whether the document at a path comes with the server and never changes.
pub fn is_builtin(path: &str) -> bool {
    let group = path
        .strip_prefix("apis/")
        .and_then(|rest| rest.split('/').next());
    group.is_none_or(is_builtin_group)
}

/// The document at a path; `None` where there is none.
pub fn document(tables: &Tables, path: &str) -> Option<Value> {
    let segments: Vec<&str> = path.split('/').collect();
    let rows: Vec<&Arc<Resource>> = match segments.as_slice() {
        ["api", version] => rows_of(tables, "", version),
        ["apis", group, version] => rows_of(tables, group, version),
        _ if document_paths(tables).contains(path) => return Some(bare_document(path)),
        _ => return None,
    };
    (!rows.is_empty()).then(|| version_document(&rows))
}

fn rows_of<'a>(tables: &'a Tables, group: &str, version: &str) -> Vec<&'a Arc<Resource>> {
    tables
        .rows
        .iter()
        .filter(|row| row.group == group && row.version == version)
        .collect()
}

/// A path that is read only and has no schema of its own.
fn bare_document(path: &str) -> Value {
    let path = format!("/{path}/");
    let read = value!({"responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}}});
    let paths: Map = [(path, value!({"get": read}))].into_iter().collect();
    value!({"openapi": "3.0.0", "info": (info("unversioned")), "paths": (Value::Map(paths)), "components": {"schemas": {}}})
}

fn info(version: &str) -> Value {
    value!({"title": "Kubernetes", "version": version})
}

fn version_document(rows: &[&Arc<Resource>]) -> Value {
    let mut names = BTreeSet::new();
    COMMON.iter().for_each(|name| collect(name, &mut names));
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for row in rows {
        match &row.custom {
            Some(definition) => schemas_of_custom(row, definition, &mut schemas),
            None => collect_kinds(row, &mut names),
        }
        if row.subresources.iter().any(|sub| sub.name == "scale") {
            collect("io.k8s.api.autoscaling.v1.Scale", &mut names);
        }
        for (path, item) in of_resource(row, Dialect::V3) {
            paths.insert(path, item);
        }
    }
    for name in names {
        if let Some(schema) = Schemas::builtin().definition(&name) {
            schemas.insert(name, translate(schema, Dialect::V3));
        }
    }
    let custom = rows.iter().any(|row| row.custom.is_some());
    let info = if custom {
        value!({"title": "Kubernetes CRD Swagger", "version": "v0.1.0"})
    } else {
        info("v1.36.0")
    };
    value!({"openapi": "3.0.0", "info": info, "paths": (Value::Map(paths)), "components": {"schemas": (Value::Map(schemas))}})
}

fn schemas_of_custom(row: &Resource, definition: &crate::core::Custom, schemas: &mut Map) {
    for (name, schema) in custom(row, definition, Dialect::V3) {
        schemas.insert(name, schema);
    }
}

fn collect_kinds(row: &Resource, names: &mut BTreeSet<String>) {
    let own = [&row.kind, &row.list_kind];
    let own = own
        .into_iter()
        .map(|kind| (row.group.clone(), row.version.clone(), kind.clone()));
    let subs = row
        .subresources
        .iter()
        .map(|sub| (sub.group.clone(), sub.version.clone(), sub.kind.clone()));
    for (group, version, kind) in own.chain(subs) {
        if let Some(name) = Schemas::builtin().definition_name(&GroupVersionKind {
            group,
            version,
            kind,
        }) {
            collect(name, names);
        }
    }
}
