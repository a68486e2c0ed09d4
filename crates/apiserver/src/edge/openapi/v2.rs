//! The one document of OpenAPI v2.

use super::paths::of_resource;
use super::schemas::{Dialect, custom, translate};
use crate::core::Tables;
use trueup_object::{Map, Value, from_json, value};
use trueup_schema::Schemas;

const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// All definitions and paths.
pub fn document(tables: &Tables) -> Value {
    let mut definitions = Map::new();
    for (name, json) in Schemas::builtin().definitions() {
        let schema = from_json(json.as_bytes()).unwrap_or_default();
        definitions.insert(name, translate(&schema, Dialect::V2));
    }
    // What is a text or a number has one type here.
    for (name, schema) in [
        (
            INT_OR_STRING,
            value!({"type": "string", "format": "int-or-string"}),
        ),
        (QUANTITY, value!({"type": "string"})),
    ] {
        definitions.insert(name, schema);
    }
    let mut paths = Map::new();
    for row in &tables.rows {
        if let Some(definition) = &row.custom {
            for (name, schema) in custom(row, definition, Dialect::V2) {
                definitions.insert(name, schema);
            }
        }
        for (path, item) in of_resource(row, Dialect::V2) {
            paths.insert(path, item);
        }
    }
    value!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": (Value::Map(paths)),
        "definitions": (Value::Map(definitions))
    })
}
