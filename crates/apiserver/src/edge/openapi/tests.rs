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
