//! The rows of the built-in resources, from the tables of `trueup-schema`.

use super::registry::{Resource, Subresource};
use std::sync::Arc;
use trueup_object::{GroupVersionKind, Text};
use trueup_schema::Schemas;

/// Groups whose objects are kept in a version that is not the only one.
const STORAGE_VERSIONS: [(&str, &str); 1] = [("autoscaling", "v2")];

/// All built-in rows, in the order of discovery.
#[must_use]
pub fn builtin_rows() -> Vec<Arc<Resource>> {
    Schemas::builtin()
        .resources()
        .iter()
        .map(|row| Arc::new(resource(row)))
        .collect()
}

fn resource(row: &trueup_schema::Resource) -> Resource {
    let gvk = row.gvk();
    let stored = row.serves("get") && row.serves("list");
    let storage = STORAGE_VERSIONS
        .iter()
        .find(|(group, _)| *group == row.group)
        .map(|(_, version)| Text::from(*version));
    Resource {
        group: row.group.clone(),
        version: row.version.clone(),
        plural: row.plural.clone(),
        singular: row.singular.clone(),
        kind: row.kind.clone(),
        list_kind: ecow::eco_format!("{}List", row.kind),
        short_names: row.short_names.clone(),
        categories: row.categories.clone(),
        namespaced: row.namespaced,
        verbs: row.verbs.clone(),
        subresources: row
            .subresources
            .iter()
            .map(|sub| subresource(&gvk, sub))
            .collect(),
        typ: if stored {
            Schemas::builtin().type_for(&gvk)
        } else {
            None
        },
        definition: Schemas::builtin().definition_name(&gvk).unwrap_or(""),
        storage_version: storage.unwrap_or_else(|| row.version.clone()),
        custom: None,
    }
}

fn subresource(of: &GroupVersionKind, row: &trueup_schema::Subresource) -> Subresource {
    Subresource {
        name: row.short_name().into(),
        group: row.group.clone().unwrap_or_else(|| of.group.clone()),
        version: row.version.clone().unwrap_or_else(|| of.version.clone()),
        kind: row.kind.clone(),
        verbs: row.verbs.clone(),
    }
}
