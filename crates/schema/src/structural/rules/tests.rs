use super::super::Structural;
use trueup_object::{Value, value};

fn of_spec(spec: Value) -> Structural {
    let schema = value!({"type": "object", "properties": {"spec": spec}});
    Structural::parse(&schema, "s").expect("an acceptable schema")
}

fn told(schema: &Structural, object: &Value) -> Vec<String> {
    let errors = schema.validate(object);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_fails_tells_its_message_else_itself() {
    let schema = of_spec(value!({"type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "x-kubernetes-validations": [
            {"rule": "self.a <= self.b", "message": "a is too much"}, {"rule": "self.b < 9"}]}));
    let wrong = value!({"spec": {"a": 20, "b": 10}});
    let wanted = [
        "spec: Invalid value: a is too much",
        "spec: Invalid value: failed rule: self.b < 9",
    ];
    assert_eq!(told(&schema, &wrong), wanted);
    assert!(told(&schema, &value!({"spec": {"a": 1, "b": 2}})).is_empty());
    let missing = told(&schema, &value!({"spec": {"b": 2}}));
    assert_eq!(
        missing,
        ["spec: Invalid value: \"object\": no such key: a evaluating rule: a is too much"]
    );
}

#[test]
fn transition_rules_see_what_was_before_and_only_on_updates() {
    let schema = of_spec(value!({"type": "object", "properties": {
        "a": {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "may not change"}]}}}));
    let (one, two) = (value!({"spec": {"a": 1}}), value!({"spec": {"a": 2}}));
    assert!(told(&schema, &one).is_empty());
    assert!(schema.validate_update(&one, &one).errors.is_empty());
    let errors = schema.validate_update(&two, &one).errors;
    assert_eq!(
        errors[0].to_string(),
        "spec.a: Invalid value: 2: may not change"
    );
}

#[test]
fn items_with_keys_are_compared_with_those_of_the_same_keys() {
    let schema = of_spec(value!({"type": "object", "properties": {"l": {
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
        "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v"}]}}}}));
    let before = value!({"spec": {"l": [{"k": "a", "v": 1}, {"k": "b", "v": 5}]}});
    let moved = value!({"spec": {"l": [{"k": "b", "v": 5}, {"k": "a", "v": 1}]}});
    assert!(schema.validate_update(&moved, &before).errors.is_empty());
    let less = value!({"spec": {"l": [{"k": "b", "v": 4}]}});
    let errors = schema.validate_update(&less, &before).errors;
    assert_eq!(errors[0].path, "spec.l[0]");
}

#[test]
fn what_was_wrong_before_and_is_unchanged_is_let_pass() {
    let schema = of_spec(value!({"type": "object", "properties": {
        "a": {"type": "string", "x-kubernetes-validations": [{"rule": "self.startsWith('x')"}]}, "b": {"type": "integer"}}}));
    let before = value!({"spec": {"a": "y", "b": 1}});
    let other = value!({"spec": {"a": "y", "b": 2}});
    assert!(schema.validate_update(&other, &before).errors.is_empty());
    let changed = value!({"spec": {"a": "z", "b": 2}});
    assert_eq!(schema.validate_update(&changed, &before).errors.len(), 1);
}

#[test]
fn an_object_that_breaks_its_schema_is_not_judged_by_rules() {
    let schema = of_spec(
        value!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.a > 1"}]}),
    );
    let errors = told(&schema, &value!({"spec": {}}));
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors
            .iter()
            .any(|it| it.contains("some validation rules were not checked"))
    );
}

#[test]
fn names_that_the_language_does_not_take_are_escaped() {
    let schema = of_spec(value!({"type": "object", "properties": {
        "my-name": {"type": "string"}, "namespace": {"type": "string"}, "a_b": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": "self.my__dash__name == self.__namespace__ && self.a_b == 'c'"}]}));
    let object = value!({"spec": {"my-name": "n", "namespace": "n", "a_b": "c"}});
    assert!(told(&schema, &object).is_empty());
}

#[test]
fn loops_in_loops_over_long_lists_run_out_of_budget() {
    let schema = of_spec(
        value!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "integer"}}},
        "x-kubernetes-validations": [{"rule": "self.l.all(a, self.l.all(b, a + b >= 0))"}]}),
    );
    let list = |length: i64| (0..length).map(Value::from).collect::<Vec<_>>();
    assert!(told(&schema, &value!({"spec": {"l": (list(30))}})).is_empty());
    let errors = told(&schema, &value!({"spec": {"l": (list(5000))}}));
    assert!(
        errors[0].contains("running out of cost budget"),
        "{errors:?}"
    );
}

#[test]
fn a_rule_that_is_no_expression_is_refused_with_its_schema() {
    let schema = value!({"type": "object", "properties": {"a": {"type": "integer",
        "x-kubernetes-validations": [{"rule": "self >"}]}}});
    let errors = Structural::parse(&schema, "s").expect_err("no expression");
    assert_eq!(
        errors[0].path,
        "s.properties[a].x-kubernetes-validations[0].rule"
    );
    assert!(
        errors[0]
            .message
            .contains("compilation failed: ERROR: <input>:1:"),
        "{}",
        errors[0].message
    );
}

/// The first thing that is wrong with a schema of one rule.
fn refused(rule: Value) -> (String, String) {
    let schema = value!({"type": "object", "properties": {"a": {"type": "integer",
        "x-kubernetes-validations": [rule]}}});
    let errors = Structural::parse(&schema, "s").expect_err("a rule that is too much");
    let error = &errors[0];
    (error.path.to_string(), error.message.to_string())
}

#[test]
fn rules_nested_without_end_are_refused_at_their_field() {
    let deep = |open: &str, inner: &str, close: &str| {
        let times = 5_000 / open.len();
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for rule in [
        deep("(", "self", ")"),
        deep("[", "self", "]"),
        deep("{1: ", "self", "}"),
        deep("self ? self : ", "self", ""),
        deep("!(", "self", ")"),
        deep("size(", "self", ")"),
        deep("self.all(x, ", "x", ")"),
        deep("(", "", ""),
    ] {
        let place = "s.properties[a].x-kubernetes-validations[0]";
        let words = "ERROR: <input>:-1:0: expression recursion limit exceeded: 96";
        let (path, message) = refused(value!({"rule": (rule.clone())}));
        assert_eq!(path, format!("{place}.rule"));
        let end = format!("compilation failed: {words}");
        assert!(message.ends_with(&end), "{rule:.40}: {message:.400}");
        let (path, message) = refused(value!({"rule": "self > 1", "messageExpression": rule}));
        assert_eq!(path, format!("{place}.messageExpression"));
        let end = format!("messageExpression compilation failed: {words}");
        assert!(message.ends_with(&end), "{message:.400}");
    }
}

#[test]
fn long_rules_are_refused_in_words_of_their_own() {
    let long = format!("self > 1 // {}", "x".repeat(20_000));
    let chain = format!("self > 1{}", " || self > 1".repeat(500));
    for (rule, words) in [
        (
            long,
            "expression code point size exceeds limit: size: 20012, limit 16384",
        ),
        (chain, "it has more than 1000 signs of operators"),
    ] {
        let (_, message) = refused(value!({"rule": rule}));
        assert!(message.ends_with(words), "{message}");
    }
}

#[test]
fn a_rule_as_deep_as_may_be_is_judged() {
    for rule in [
        format!("{}self{} > 1", "(".repeat(90), ")".repeat(90)),
        format!("{}true", "self < 1 ? false : ".repeat(90)),
        "0 < 1 && (".repeat(90) + "self > 1" + &")".repeat(90),
        format!("self{} > 91", " + 1".repeat(90)),
        "!!(self > 1) && --self > 1".to_owned(),
    ] {
        let schema = of_spec(value!({"type": "integer",
            "x-kubernetes-validations": [{"rule": (rule.clone())}]}));
        let right = told(&schema, &value!({"spec": 2}));
        assert_eq!(right, Vec::<String>::new(), "{rule}");
        assert_eq!(told(&schema, &value!({"spec": 0})).len(), 1, "{rule}");
    }
}

/// A definition that was kept before there were limits.
#[test]
fn an_accepted_rule_that_is_nested_without_end_is_told_with_the_object() {
    let schema = value!({"type": "object", "properties": {"spec": {"type": "integer",
        "x-kubernetes-validations": [{"rule": ("(".repeat(5_000))}]}}});
    let schema = Structural::parse_accepted(&schema);
    let wanted = "spec: Invalid value: \"integer\": rule compile error: ERROR: <input>:-1:0: expression recursion limit exceeded: 96";
    assert_eq!(told(&schema, &value!({"spec": 2})), [wanted]);
}
