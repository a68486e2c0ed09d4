//! The `CustomResourceDefinition`s of our kinds.
//!
//! Fields, defaults, patterns, enumerations, rules, columns, categories and
//! short names are Flux's and Flagger's, so that objects written for them are
//! accepted and refused alike; the descriptions are our own, and so are some
//! fields in the status of a `Canary`. They are data files in this crate's
//! `data` folder.

use trueup_object::{Value, from_json};

const ALERT_PROVIDERS: &str = include_str!("../data/alertproviders.json");
const CANARIES: &str = include_str!("../data/canaries.json");
const EXTERNAL_ARTIFACTS: &str = include_str!("../data/externalartifacts.json");
const GIT_REPOSITORIES: &str = include_str!("../data/gitrepositories.json");
const KUSTOMIZATIONS: &str = include_str!("../data/kustomizations.json");
const METRIC_TEMPLATES: &str = include_str!("../data/metrictemplates.json");

/// Flagger's kinds.
const OF_FLAGGER: [&str; 3] = [ALERT_PROVIDERS, CANARIES, METRIC_TEMPLATES];
/// Flux's kinds.
const OF_FLUX: [&str; 3] = [KUSTOMIZATIONS, EXTERNAL_ARTIFACTS, GIT_REPOSITORIES];

/// The definitions of all kinds that are served, ordered by group and name.
#[must_use]
pub fn definitions() -> Vec<Value> {
    OF_FLAGGER.into_iter().chain(OF_FLUX).map(read).collect()
}

/// The definitions of Flux's kinds alone, ordered by group and name.
#[must_use]
pub fn gitops_definitions() -> Vec<Value> {
    OF_FLUX.into_iter().map(read).collect()
}

/// The definitions of Flagger's kinds alone, ordered by name.
#[must_use]
pub fn progressive_delivery_definitions() -> Vec<Value> {
    OF_FLAGGER.into_iter().map(read).collect()
}

fn read(text: &str) -> Value {
    from_json(text.as_bytes()).expect("the tests read every definition")
}

/// The definition of one kind by its plural name and group, such as
/// `kustomizations.kustomize.toolkit.fluxcd.io`.
#[must_use]
pub fn definition(name: &str) -> Option<Value> {
    definitions()
        .into_iter()
        .find(|it| it.str_at(&["metadata", "name"]) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Canary, GitRepository, Kustomization, Resource};
    use trueup_object::value;

    fn schema(definition: &Value) -> &Value {
        let version = &definition
            .at(&["spec", "versions"])
            .unwrap()
            .as_list()
            .unwrap()[0];
        version.at(&["schema", "openAPIV3Schema"]).unwrap()
    }

    #[test]
    fn every_definition_is_read_and_names_its_kind() {
        let names = |definitions: Vec<Value>| -> Vec<String> {
            let name = |it: &Value| it.str_at(&["metadata", "name"]).unwrap().to_owned();
            definitions.iter().map(name).collect()
        };
        let all = [
            "alertproviders.flagger.app",
            "canaries.flagger.app",
            "metrictemplates.flagger.app",
            "kustomizations.kustomize.toolkit.fluxcd.io",
            "externalartifacts.source.toolkit.fluxcd.io",
            "gitrepositories.source.toolkit.fluxcd.io",
        ];
        assert_eq!(names(definitions()), all);
        assert_eq!(names(progressive_delivery_definitions()), all[..3]);
        assert_eq!(names(gitops_definitions()), all[3..]);
        for (plural, group, kind) in [
            (
                Kustomization::PLURAL,
                Kustomization::GROUP,
                Kustomization::KIND,
            ),
            (
                GitRepository::PLURAL,
                GitRepository::GROUP,
                GitRepository::KIND,
            ),
            (Canary::PLURAL, Canary::GROUP, Canary::KIND),
        ] {
            let definition = definition(&format!("{plural}.{group}")).unwrap();
            assert_eq!(definition.str_at(&["spec", "names", "kind"]), Some(kind));
            assert_eq!(
                schema(&definition).i64_at(&[
                    "properties",
                    "status",
                    "default",
                    "observedGeneration"
                ]),
                Some(-1)
            );
        }
    }

    /// Walks a schema and checks what a structural schema must hold.
    fn check(path: &str, schema: &Value) {
        let either = schema.get("x-kubernetes-int-or-string").is_some();
        assert!(schema.get("type").is_some() || either, "{path} has no type");
        if let Some(properties) = schema.get("properties").and_then(Value::as_map) {
            for required in schema
                .get("required")
                .and_then(Value::as_list)
                .unwrap_or_default()
            {
                assert!(
                    properties.contains_key(required.as_str().unwrap()),
                    "{path} requires {required:?}"
                );
            }
            for (key, below) in properties {
                check(&format!("{path}.{key}"), below);
            }
        }
        if let Some(items) = schema.get("items") {
            check(&format!("{path}[]"), items);
        }
        assert!(
            schema.get("description").is_some()
                || path.ends_with("[]")
                || path.ends_with("metadata"),
            "{path}"
        );
    }

    #[test]
    fn schemas_are_structural_and_described() {
        for definition in definitions() {
            check("", schema(&definition));
        }
    }

    #[test]
    fn every_field_of_the_schema_is_a_field_of_the_type() {
        for (definition, spec) in [
            (
                definition("kustomizations.kustomize.toolkit.fluxcd.io").unwrap(),
                full_kustomization(),
            ),
            (
                definition("gitrepositories.source.toolkit.fluxcd.io").unwrap(),
                full_git_repository(),
            ),
            (
                definition("externalartifacts.source.toolkit.fluxcd.io").unwrap(),
                value!({"sourceRef": {"kind": "A", "name": "a"}}),
            ),
        ] {
            let fields = schema(&definition)
                .at(&["properties", "spec", "properties"])
                .unwrap()
                .as_map()
                .unwrap();
            let typed = spec.as_map().unwrap();
            for key in fields.keys() {
                assert!(typed.contains_key(key), "{key} is lost");
            }
        }
    }

    fn full_kustomization() -> Value {
        let spec = from_json(
            br#"{"buildMetadata":["originAnnotations"],"commonMetadata":{"labels":{"a":"b"}},"components":["a"],
            "decryption":{"provider":"sops"},"deletionPolicy":"Orphan","dependsOn":[{"name":"a"}],"force":true,
            "healthCheckExprs":[{"apiVersion":"a/v1","current":"true"}],"healthChecks":[{"kind":"A","name":"a"}],
            "ignore":[{"paths":["/spec"]}],"ignoreMissingComponents":true,"images":[{"name":"a"}],"interval":"1m",
            "kubeConfig":{"secretRef":{"name":"a"}},"namePrefix":"a","nameSuffix":"b","patches":[{"patch":"a"}],
            "path":"./a","postBuild":{"substitute":{"a":"b"}},"prune":true,"retryInterval":"1m",
            "serviceAccountName":"a","sourceRef":{"kind":"GitRepository","name":"a"},"suspend":true,
            "targetNamespace":"a","timeout":"1m","wait":true}"#,
        );
        let mut object = Value::map();
        object.set_at(&["metadata", "name"], "a".into());
        object.set_at(&["spec"], spec.unwrap());
        trueup_object::encode(&Kustomization::read(&object).unwrap().spec).unwrap()
    }

    fn full_git_repository() -> Value {
        let spec = from_json(
            br#"{"ignore":"a","include":[{"repository":{"name":"a"}}],"interval":"1m","provider":"generic",
            "proxySecretRef":{"name":"a"},"recurseSubmodules":true,"ref":{"branch":"main"},"secretRef":{"name":"a"},
            "serviceAccountName":"a","sparseCheckout":["a"],"suspend":true,"timeout":"1m","url":"https://example.com",
            "verify":{"secretRef":{"name":"a"}}}"#,
        );
        let mut object = Value::map();
        object.set_at(&["metadata", "name"], "a".into());
        object.set_at(&["spec"], spec.unwrap());
        trueup_object::encode(&GitRepository::read(&object).unwrap().spec).unwrap()
    }
}
