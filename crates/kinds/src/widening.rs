//! A definition that somebody else installed, with what ours knows beyond it.

use trueup_object::{Map, Value};

/// What becomes of a definition of somebody else.
#[derive(Clone, Debug, PartialEq)]
pub enum Widening {
    /// It knows all that ours knows.
    Enough,
    /// What its `spec.versions` are to be: as they were, and more.
    Wider(Value),
    /// It lacks the version that ours has, and objects of it can't be served.
    NoSuchVersion(String),
}

/// Adds to a live definition the fields, the allowed values and the defaults
/// that ours knows and it does not. Nothing that it has is taken away or
/// changed: a newer version of its owner's may know more than we do.
#[must_use]
pub fn widen(live: &Value, ours: &Value) -> Widening {
    let mut versions = versions_of(live).to_vec();
    for our_version in versions_of(ours) {
        let name = our_version.str_at(&["name"]).unwrap_or_default();
        let theirs = versions
            .iter_mut()
            .find(|it| it.str_at(&["name"]) == Some(name));
        let Some(theirs) = theirs else {
            return Widening::NoSuchVersion(name.to_owned());
        };
        let path = ["schema", "openAPIV3Schema"];
        if let (Some(their_schema), Some(our_schema)) = (theirs.at(&path), our_version.at(&path)) {
            let wider = wider_schema(their_schema, our_schema);
            theirs.set_at(&path, wider);
        }
    }
    if versions == versions_of(live) {
        Widening::Enough
    } else {
        Widening::Wider(versions.into())
    }
}

fn versions_of(definition: &Value) -> &[Value] {
    let versions = definition.at(&["spec", "versions"]);
    versions.and_then(Value::as_list).unwrap_or_default()
}

/// Their schema, with what only ours has.
fn wider_schema(theirs: &Value, ours: &Value) -> Value {
    let mut wider = theirs.clone();
    if let Some(default) = ours.get("default")
        && theirs.get("default").is_none()
    {
        wider.set_at(&["default"], default.clone());
    }
    if let (Some(their_values), Some(our_values)) = (list(theirs, "enum"), list(ours, "enum")) {
        let mut values = their_values.to_vec();
        values.extend(new_values(their_values, our_values));
        wider.set_at(&["enum"], values.into());
    }
    for key in ["items", "additionalProperties"] {
        if let (Some(their_part), Some(our_part)) = (schema(theirs, key), schema(ours, key)) {
            wider.set_at(&[key], wider_schema(their_part, our_part));
        }
    }
    let Some(our_properties) = properties(ours) else {
        return wider;
    };
    for (name, our_property) in our_properties {
        let property = match properties(theirs).and_then(|it| it.get(name)) {
            Some(their_property) => wider_schema(their_property, our_property),
            // What keeps all fields needs none of them by name.
            None if keeps_all(theirs) => continue,
            None => our_property.clone(),
        };
        wider.set_at(&["properties", name], property);
    }
    wider
}

fn new_values<'a>(theirs: &'a [Value], ours: &'a [Value]) -> impl Iterator<Item = Value> + 'a {
    let is_new = |value: &&Value| !theirs.contains(value);
    ours.iter().filter(is_new).cloned()
}

fn list<'a>(schema: &'a Value, key: &str) -> Option<&'a [Value]> {
    schema.get(key).and_then(Value::as_list)
}

fn schema<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    schema.get(key).filter(|it| it.as_map().is_some())
}

fn properties(schema: &Value) -> Option<&Map> {
    schema.get("properties").and_then(Value::as_map)
}

fn keeps_all(schema: &Value) -> bool {
    let keeps = schema.get("x-kubernetes-preserve-unknown-fields");
    keeps.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition;
    use trueup_object::value;

    const SCHEMA: [&str; 2] = ["schema", "openAPIV3Schema"];

    fn definition_of(name: &str, schema: Value) -> Value {
        let mut version = value!({"name": name, "served": true, "storage": true});
        version.set_at(&SCHEMA, schema);
        value!({"spec": {"group": "flagger.app", "versions": [version]}})
    }

    fn widened(theirs: Value, ours: Value) -> Value {
        let (live, ours) = (definition_of("v1", theirs), definition_of("v1", ours));
        match widen(&live, &ours) {
            Widening::Wider(versions) => {
                let version = versions.as_list().unwrap()[0].clone();
                version.at(&SCHEMA).unwrap().clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_only_one_of_them_knows_is_kept_and_what_both_know_stays_theirs() {
        let theirs = value!({"type": "object", "properties": {
            "newer": {"type": "string"},
            "shared": {"type": "number", "maximum": 9},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "list": {"type": "array", "items": {"properties": {"x": {"type": "string"}}}},
        }});
        let ours = value!({"type": "object", "properties": {
            "own": {"type": "boolean"},
            "shared": {"type": "integer", "maximum": 5},
            "kind": {"type": "string", "enum": ["b", "c"]},
            "list": {"type": "array", "items": {"properties": {"y": {"type": "string"}}}},
        }, "default": {"own": true}});
        let wider = widened(theirs, ours);
        let text = |path: &[&str]| wider.str_at(&[&["properties"][..], path].concat());
        assert_eq!(text(&["newer", "type"]), Some("string"));
        assert_eq!(text(&["own", "type"]), Some("boolean"));
        assert_eq!(text(&["shared", "type"]), Some("number"));
        let shared = ["properties", "shared", "maximum"];
        assert_eq!(wider.i64_at(&shared), Some(9));
        let kinds = wider.at(&["properties", "kind", "enum"]);
        assert_eq!(kinds, Some(&value!(["a", "b", "c"])));
        for field in ["x", "y"] {
            assert_eq!(
                text(&["list", "items", "properties", field, "type"]),
                Some("string")
            );
        }
        assert_eq!(wider.get("default"), Some(&value!({"own": true})));
    }

    #[test]
    fn a_definition_that_keeps_all_fields_is_left_as_it_is() {
        let theirs = value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let ours = value!({"type": "object", "properties": {"own": {"type": "boolean"}}});
        let found = widen(&definition_of("v1", theirs), &definition_of("v1", ours));
        assert_eq!(found, Widening::Enough);
    }

    #[test]
    fn ours_is_enough_for_ours_and_widening_twice_changes_nothing() {
        let ours = definition("canaries.flagger.app").unwrap();
        assert_eq!(widen(&ours, &ours), Widening::Enough);
        let mut theirs = ours.clone();
        let versions = theirs.at(&["spec", "versions"]).unwrap();
        let mut version = versions.as_list().unwrap()[0].clone();
        let status = [&SCHEMA[..], &["properties", "status", "properties"]].concat();
        version.set_at(&status, value!({"phase": {"type": "string"}}));
        theirs.set_at(&["spec", "versions"], vec![version].into());
        let Widening::Wider(versions) = widen(&theirs, &ours) else {
            panic!("their status lacks what a run has to remember");
        };
        theirs.set_at(&["spec", "versions"], versions);
        assert_eq!(widen(&theirs, &ours), Widening::Enough);
    }

    #[test]
    fn another_version_of_the_kind_is_not_made_up() {
        let ours = definition("canaries.flagger.app").unwrap();
        let theirs = definition_of("v1alpha3", value!({"type": "object"}));
        let expected = Widening::NoSuchVersion("v1beta1".to_owned());
        assert_eq!(widen(&theirs, &ours), expected);
    }
}
