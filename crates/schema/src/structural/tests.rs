use super::*;
use crate::FieldReason;
use trueup_object::value;

fn schema(of_spec: Value) -> Structural {
    let mut whole = value!({"type": "object", "properties": {}});
    whole.set_at(&["properties", "spec"], of_spec);
    Structural::parse(&whole, "schema").unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn told(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_fill_what_is_there_and_nothing_below_what_is_absent() {
    let schema = schema(value!({"type": "object", "default": {}, "properties": {
        "a": {"type": "string", "default": "x"},
        "n": {"type": "string", "default": "y", "nullable": true},
        "o": {"type": "object", "properties": {"in": {"type": "integer", "default": 1}}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string", "default": "i"}}}}
    }}));
    let mut empty = value!({});
    schema.apply_defaults(&mut empty);
    assert_eq!(empty, value!({"spec": {"a": "x", "n": "y"}}));
    let mut some = value!({"spec": {"a": null, "n": null, "o": {}, "l": [{}, {"k": "own"}]}});
    schema.apply_defaults(&mut some);
    let wanted =
        value!({"spec": {"a": "x", "n": null, "o": {"in": 1}, "l": [{"k": "i"}, {"k": "own"}]}});
    assert_eq!(some, wanted);
}

#[test]
fn nulls_go_unless_they_are_allowed_or_will_be_defaulted() {
    let schema = schema(value!({"type": "object", "properties": {
        "gone": {"type": "string"}, "kept": {"type": "string", "nullable": true},
        "filled": {"type": "string", "default": "x"}
    }}));
    let mut object =
        value!({"spec": {"gone": null, "kept": null, "filled": null, "unknown": null}});
    schema.drop_nulls(&mut object);
    assert_eq!(
        object,
        value!({"spec": {"kept": null, "filled": null, "unknown": null}})
    );
}

#[test]
fn pruning_names_what_it_removes_and_spares_the_object_fields() {
    let schema = schema(value!({"type": "object", "properties": {
        "a": {"type": "string"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"in": {"type": "object", "properties": {"x": {"type": "string"}}}}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
        "inner": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}
    }}));
    let mut object = value!({"apiVersion": "v", "kind": "K", "metadata": {"name": "n"}, "top": 1, "spec": {
        "a": "1", "b": 2, "free": {"out": 1, "in": {"x": "1", "y": 2}}, "l": [{"k": "1", "z": 2}],
        "inner": {"kind": "X", "any": {"thing": 1}}
    }});
    assert_eq!(
        schema.prune(&mut object),
        ["spec.b", "spec.free.in.y", "spec.l[0].z", "top"]
    );
    let wanted = value!({"apiVersion": "v", "kind": "K", "metadata": {"name": "n"}, "spec": {
        "a": "1", "free": {"out": 1, "in": {"x": "1"}}, "l": [{"k": "1"}],
        "inner": {"kind": "X", "any": {"thing": 1}}
    }});
    assert_eq!(object, wanted);
    assert!(schema.prune(&mut object).is_empty());
}

#[test]
fn mistakes_are_told_in_the_words_of_the_api() {
    let schema = schema(
        value!({"type": "object", "required": ["must"], "properties": {
            "must": {"type": "string"},
            "size": {"type": "integer", "maximum": 5},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 1, "x-kubernetes-list-type": "set"},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "port": {"x-kubernetes-int-or-string": true}
        }}),
    );
    let object = value!({"spec": {"size": 6, "tags": ["x", "x", "x"], "mode": "c", "port": true}});
    let wanted = [
        "spec.mode: Unsupported value: \"c\": supported values: \"a\", \"b\"",
        "spec.must: Required value",
        "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
        "spec.size: Invalid value: 6: spec.size in body should be less than or equal to 5",
        "spec.tags: Too many: 3: must have at most 1 items",
        "spec.tags[1]: Duplicate value: \"x\"",
    ];
    assert_eq!(told(&schema.validate(&object)), wanted);
}

#[test]
fn what_was_wrong_before_and_has_not_changed_is_let_pass() {
    let schema = schema(value!({"type": "object", "properties": {
        "a": {"type": "string", "maxLength": 3}, "b": {"type": "string"},
        "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "v": {"type": "string", "maxLength": 3}}}}
    }}));
    let before = value!({"spec": {"a": "longer", "items": [{"name": "x", "v": "longer"}]}});
    assert_eq!(schema.validate(&before).len(), 2);
    let other = value!({"spec": {"a": "longer", "b": "1", "items": [{"name": "y"}, {"name": "x", "v": "longer"}]}});
    assert_eq!(schema.validate_update(&other, &before).errors, []);
    let worse = value!({"spec": {"a": "longest", "items": [{"name": "x", "v": "longer"}]}});
    let errors = schema.validate_update(&worse, &before).errors;
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].path.as_str(), errors[0].reason),
        ("spec.a", FieldReason::TooLong)
    );
}

#[test]
fn patterns_mean_what_they_mean_in_go() {
    assert!(pattern::compile(r"^\d+$").unwrap().is_match("12"));
    assert!(!pattern::compile(r"^\d+$").unwrap().is_match("١٢"));
    assert!(pattern::compile(r"^[\w-]+$").unwrap().is_match("a-b_c"));
    assert!(!pattern::compile(r"^\w$").unwrap().is_match("é"));
    assert!(pattern::compile(r"^\S\D\W$").unwrap().is_match("aa-"));
    assert_eq!(
        pattern::compile("(").unwrap_err(),
        "error parsing regexp: missing closing ): `(`"
    );
}

#[test]
fn formats_tell_good_from_bad() {
    let cases = [
        ("date-time", "2024-02-29T12:00:00Z", "2023-02-29T12:00:00Z"),
        ("date", "2024-02-29", "2024-13-01"),
        ("duration", "1h30m", "soon"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("email", "a@example.com", "a.example.com"),
        ("hostname", "a.example.com", "a_b"),
        ("uri", "https://example.com/x", "example com"),
        ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810"),
        ("byte", "YQ==", "Y"),
        ("mac", "01:23:45:67:89:ab", "01:23:45"),
        ("isbn13", "978-0321751041", "978-0321751042"),
        ("isbn10", "0321751043", "0321751044"),
        ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("hexcolor", "#fff", "#ffff"),
        ("rgbcolor", "rgb(1,2,3)", "rgb(1,2,256)"),
        ("k8s-short-name", "a-b", "A-b"),
        ("k8s-long-name", "a.b-c", "a..b"),
    ];
    for (format, good, bad) in cases {
        assert!(formats::is_known("string", format), "{format}");
        assert!(formats::matches(format, good), "{format} {good}");
        assert!(!formats::matches(format, bad), "{format} {bad}");
    }
    assert!(!formats::is_known("string", "mystery") && formats::matches("mystery", "!"));
}

#[test]
fn a_schema_that_nests_without_end_is_refused() {
    let mut deep = value!({"type": "string"});
    for _ in 0..400 {
        let mut outer = value!({"type": "array"});
        outer.set_at(&["items"], deep);
        deep = outer;
    }
    let mut whole = value!({"type": "object"});
    whole.set_at(&["properties", "spec"], deep);
    let errors = Structural::parse(&whole, "schema").unwrap_err();
    assert!(
        errors
            .iter()
            .any(|error| error.message.contains("nests too deep")),
        "{errors:?}"
    );
}

#[test]
fn rules_are_kept_with_their_places() {
    let schema = schema(
        value!({"type": "object", "x-kubernetes-validations": [{"rule": "size(self.l) > 1"}], "properties": {
            "l": {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]}},
            "f": {"type": "string", "format": "mystery"}
        }}),
    );
    let rules: Vec<_> = schema
        .rules()
        .iter()
        .map(|rule| (rule.path.to_string(), rule.rule.to_string()))
        .collect();
    assert_eq!(
        rules,
        [
            ("spec".into(), "size(self.l) > 1".into()),
            ("spec.l[*]".into(), "self != ''".to_owned())
        ]
    );
    assert_eq!(schema.unknown_formats(), ["mystery"]);
}
