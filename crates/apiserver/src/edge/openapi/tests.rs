use super::schemas::{Dialect, collect, translate};
use super::*;
use std::collections::BTreeSet;
use trueup_object::value;
use trueup_schema::Schemas;

#[test]
fn references_with_siblings_are_wrapped_in_v3_and_bare_in_v2() {
    let schema = value!({"properties": {"a": {"$ref": "x.Y", "default": {}}, "$ref": {"type": "string"}}, "default": {}});
    assert_eq!(
        translate(&schema, Dialect::V3),
        value!({
            "properties": {
                "a": {"allOf": [{"$ref": "#/components/schemas/x.Y"}], "default": {}},
                "$ref": {"type": "string"}
            },
            "default": {}
        })
    );
    assert_eq!(
        translate(&schema, Dialect::V2),
        value!({"properties": {"a": {"$ref": "#/definitions/x.Y"}, "$ref": {"type": "string"}}})
    );
}

#[test]
fn the_first_form_of_v2_that_a_client_takes_is_given() {
    let kubectl = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    assert_eq!(v2_form(kubectl), Some(Form::Protobuf));
    assert_eq!(
        v2_form(&format!("text/plain, application/json;q=0.5, {kubectl}")),
        Some(Form::Json)
    );
    assert_eq!(v2_form("application/xml"), None);
}

#[test]
fn a_kind_brings_everything_that_it_refers_to() {
    let mut names = BTreeSet::new();
    collect("io.k8s.api.apps.v1.Deployment", &mut names);
    assert!(names.contains("io.k8s.api.core.v1.Container"));
    for name in &names {
        let schema = translate(Schemas::builtin().definition(name).unwrap(), Dialect::V3);
        let json = String::from_utf8(to_json(&schema)).unwrap();
        for reference in json.split("#/components/schemas/").skip(1) {
            let end = reference.find('"').unwrap();
            assert!(
                names.contains(&reference[..end]),
                "{name} refers to {}",
                &reference[..end]
            );
        }
    }
}
