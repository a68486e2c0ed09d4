//! The paths of a resource with what may be done there.

use super::schemas::{Dialect, custom_name};
use crate::core::{Resource, Subresource};
use trueup_object::{GroupVersionKind, Map, Value, value};
use trueup_schema::Schemas;

/// The paths of a resource, each with its operations.
pub fn of_resource(resource: &Resource, dialect: Dialect) -> Vec<(String, Value)> {
    let base = match resource.group.as_str() {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let scoped = if resource.namespaced {
        format!("{base}/namespaces/{{namespace}}")
    } else {
        base.clone()
    };
    let collection = format!("{scoped}/{}", resource.plural);
    let object = format!("{collection}/{{name}}");
    let maker = Maker { resource, dialect };
    let mut paths = vec![
        (collection, maker.item(COLLECTION, None)),
        (object.clone(), maker.item(OBJECT, None)),
    ];
    if resource.namespaced {
        let everywhere = maker.item(&[("list", "get", "list")], None);
        paths.push((format!("{base}/{}", resource.plural), everywhere));
    }
    for sub in &resource.subresources {
        let verbs = if sub.verbs.iter().any(|verb| verb == "create") {
            SUBRESOURCE
        } else {
            OBJECT
        };
        paths.push((
            format!("{object}/{}", sub.name),
            maker.item(verbs, Some(sub)),
        ));
    }
    paths.retain(|(_, item)| item.as_map().is_some_and(|map| map.len() > 1));
    paths
}

/// RBAC's verb, HTTP method, action.
type Row = (&'static str, &'static str, &'static str);

const COLLECTION: &[Row] = &[
    ("list", "get", "list"),
    ("create", "post", "post"),
    ("deletecollection", "delete", "deletecollection"),
];
const OBJECT: &[Row] = &[
    ("get", "get", "get"),
    ("update", "put", "put"),
    ("patch", "patch", "patch"),
    ("delete", "delete", "delete"),
];
const SUBRESOURCE: &[Row] = &[
    ("get", "get", "get"),
    ("create", "post", "post"),
    ("update", "put", "put"),
    ("patch", "patch", "patch"),
];

/// The parameters of reading many.
const LIST_PARAMETERS: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "pretty",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
const WRITE_PARAMETERS: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "pretty"];
const PATCH_PARAMETERS: &[&str] = &[
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "pretty",
];
const DELETE_PARAMETERS: &[&str] = &[
    "dryRun",
    "gracePeriodSeconds",
    "orphanDependents",
    "pretty",
    "propagationPolicy",
];

/// The media types of patches; the last is for built-in kinds only.
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

struct Maker<'a> {
    resource: &'a Resource,
    dialect: Dialect,
}

impl Maker<'_> {
    fn item(&self, rows: &[Row], sub: Option<&Subresource>) -> Value {
        let verbs = sub.map_or(&self.resource.verbs, |sub| &sub.verbs);
        let mut item = Map::new();
        item.insert("parameters", self.path_parameters());
        for (verb, method, action) in rows {
            if verbs.iter().any(|served| served == verb) {
                item.insert(*method, self.operation(verb, action, sub));
            }
        }
        Value::Map(item)
    }

    fn path_parameters(&self) -> Value {
        let scope = if self.resource.namespaced {
            vec!["namespace"]
        } else {
            Vec::new()
        };
        scope
            .into_iter()
            .map(|name| self.parameter(name, "path"))
            .collect()
    }

    fn parameter(&self, name: &str, place: &str) -> Value {
        let kind = match name {
            "limit" | "timeoutSeconds" | "gracePeriodSeconds" => "integer",
            "watch"
            | "allowWatchBookmarks"
            | "sendInitialEvents"
            | "force"
            | "orphanDependents" => "boolean",
            _ => "string",
        };
        let mut parameter = value!({"name": name, "in": place, "uniqueItems": true});
        match self.dialect {
            Dialect::V3 => {
                parameter = value!({"name": name, "in": place, "schema": {"type": kind, "uniqueItems": true}})
            }
            Dialect::V2 => parameter.set_at(&["type"], kind.into()),
        }
        if place == "path" {
            parameter.set_at(&["required"], true.into());
        }
        parameter
    }

    fn operation(&self, verb: &str, action: &str, sub: Option<&Subresource>) -> Value {
        let names = match verb {
            "list" => LIST_PARAMETERS,
            "create" | "update" => WRITE_PARAMETERS,
            "patch" => PATCH_PARAMETERS,
            "delete" | "deletecollection" => DELETE_PARAMETERS,
            _ => &["pretty"],
        };
        let parameters: Value = names
            .iter()
            .map(|name| self.parameter(name, "query"))
            .collect();
        let (group, version, kind) = match sub {
            Some(sub) => (&sub.group, &sub.version, &sub.kind),
            None => (
                &self.resource.group,
                &self.resource.version,
                &self.resource.kind,
            ),
        };
        let mut operation = value!({
            "operationId": (self.operation_id(verb, sub)),
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {
                "group": (group.clone()), "version": (version.clone()), "kind": (kind.clone())
            }
        });
        self.describe_bodies(
            &mut operation,
            verb,
            &GroupVersionKind {
                group: group.clone(),
                version: version.clone(),
                kind: kind.clone(),
            },
        );
        operation
    }

    fn operation_id(&self, verb: &str, sub: Option<&Subresource>) -> String {
        let sub = sub.map(|sub| capitalised(&sub.name)).unwrap_or_default();
        let group = self
            .resource
            .group
            .split('.')
            .next()
            .map(capitalised)
            .unwrap_or_default();
        let group = if group.is_empty() {
            "Core".to_owned()
        } else {
            group
        };
        format!(
            "{verb}{group}{}{}{sub}",
            capitalised(&self.resource.version),
            self.resource.kind
        )
    }

    fn describe_bodies(&self, operation: &mut Value, verb: &str, gvk: &GroupVersionKind) {
        let name = match &self.resource.custom {
            Some(_) if gvk.group == self.resource.group => {
                Some(custom_name(self.resource, &gvk.kind))
            }
            _ => Schemas::builtin().definition_name(gvk).map(str::to_owned),
        };
        let Some(name) = name else { return };
        let schema = value!({"$ref": (self.dialect.reference(&name))});
        let accepted = self.accepted(verb);
        if self.dialect == Dialect::V2 {
            operation.set_at(&["responses", "200", "schema"], schema);
            let types: Value = accepted.iter().map(|it| Value::from(*it)).collect();
            operation.set_at(&["consumes"], types);
            return;
        }
        operation.set_at(
            &["responses", "200", "content", "application/json", "schema"],
            schema.clone(),
        );
        if accepted.is_empty() {
            return;
        }
        let content: Map = accepted
            .iter()
            .map(|it| (*it, value!({"schema": (schema.clone())})))
            .collect();
        operation.set_at(&["requestBody", "content"], Value::Map(content));
    }

    /// The media types of bodies. Clients choose their kind of patch by this,
    /// and custom resources have no strategic merge.
    fn accepted(&self, verb: &str) -> &'static [&'static str] {
        match verb {
            "create" | "update" => &["application/json", "application/yaml"],
            "patch" if self.resource.custom.is_some() => &PATCHES[..3],
            "patch" => PATCHES,
            _ => &[],
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
