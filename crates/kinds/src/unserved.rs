//! Fields of the API that this version does not serve: refused by name,
//! never passed over in silence.

use crate::names;
use std::fmt;
use trueup_object::{GroupVersionKind, Text, Value};

/// A field that is set and not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnservedField {
    /// Where it is, such as `spec.verify`.
    pub path: Text,
    /// What it says, where only this value is not served.
    pub value: Option<Text>,
}

impl fmt::Display for UnservedField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "{} {value:?}", self.path),
            None => formatter.write_str(&self.path),
        }
    }
}

const GIT_REPOSITORY: [&str; 6] = [
    "include",
    "proxySecretRef",
    "recurseSubmodules",
    "serviceAccountName",
    "sparseCheckout",
    "verify",
];

const KUSTOMIZATION: [&str; 1] = ["decryption"];

/// Kinds of sources that a Kustomization may be made from.
const SOURCES: [&str; 2] = ["GitRepository", "ExternalArtifact"];

/// The fields of a `GitRepository` or `Kustomization` that are set and not
/// served, in order. A field that is set to nothing (`false`, an empty text,
/// list or map) asks for nothing and is left out.
#[must_use]
pub fn unserved_fields(object: &Value) -> Vec<UnservedField> {
    let Some(kind) = GroupVersionKind::of(object) else {
        return Vec::new();
    };
    let Some(spec) = object.get("spec") else {
        return Vec::new();
    };
    match (kind.group.as_str(), kind.kind.as_str()) {
        (names::SOURCE_GROUP, "GitRepository") => git_repository(spec),
        (names::KUSTOMIZE_GROUP, "Kustomization") => kustomization(spec),
        _ => Vec::new(),
    }
}

fn git_repository(spec: &Value) -> Vec<UnservedField> {
    let mut found = set_fields(spec, &GIT_REPOSITORY);
    if let Some(provider) = spec
        .str_at(&["provider"])
        .filter(|it| !matches!(*it, "" | "generic"))
    {
        found.push(UnservedField {
            path: "spec.provider".into(),
            value: Some(provider.into()),
        });
    }
    if let Some(url) = spec.str_at(&["url"]).filter(|it| it.starts_with("ssh://")) {
        found.push(UnservedField {
            path: "spec.url".into(),
            value: Some(url.into()),
        });
    }
    found
}

fn kustomization(spec: &Value) -> Vec<UnservedField> {
    let mut found = set_fields(spec, &KUSTOMIZATION);
    if let Some(kind) = spec
        .str_at(&["sourceRef", "kind"])
        .filter(|it| !SOURCES.contains(it))
    {
        found.push(UnservedField {
            path: "spec.sourceRef.kind".into(),
            value: Some(kind.into()),
        });
    }
    found
}

fn set_fields(spec: &Value, fields: &[&str]) -> Vec<UnservedField> {
    let is_set = |field: &&&str| spec.get(field).is_some_and(asks_for_something);
    fields
        .iter()
        .filter(is_set)
        .map(|field| UnservedField {
            path: format!("spec.{field}").into(),
            value: None,
        })
        .collect()
}

fn asks_for_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        Value::Map(map) => !map.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn names(object: &Value) -> Vec<String> {
        unserved_fields(object)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_repository_s_unserved_fields_are_named() {
        let object = value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "spec": {
                "url": "ssh://git@example.com/x", "interval": "1m", "provider": "azure", "ref": {"branch": "main"},
                "recurseSubmodules": true, "sparseCheckout": ["a"], "include": [], "ignore": "*.md",
            },
        });
        assert_eq!(
            names(&object),
            [
                "spec.recurseSubmodules",
                "spec.sparseCheckout",
                "spec.provider \"azure\"",
                "spec.url \"ssh://git@example.com/x\""
            ]
        );
    }

    #[test]
    fn a_field_that_says_nothing_asks_for_nothing() {
        let object = value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "spec": {"url": "https://example.com/x", "recurseSubmodules": false, "provider": "generic", "sparseCheckout": []},
        });
        assert_eq!(names(&object), [""; 0]);
    }

    #[test]
    fn a_kustomization_s_unserved_fields_are_named() {
        let object = value!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "spec": {
                "sourceRef": {"kind": "Bucket", "name": "x"}, "interval": "1m", "prune": true, "path": "./apps",
                "targetNamespace": "x", "wait": true, "force": true, "deletionPolicy": "Orphan", "timeout": "1m",
                "patches": [{"patch": "x"}], "decryption": {"provider": "sops"},
                "dependsOn": [{"name": "a"}, {"name": "b", "readyExpr": "true"}], "serviceAccountName": "",
                "ignore": [{"paths": ["/spec/replicas"]}], "healthCheckExprs": [{"current": "true"}],
            },
        });
        assert_eq!(
            names(&object),
            ["spec.decryption", "spec.sourceRef.kind \"Bucket\""]
        );
    }
}
