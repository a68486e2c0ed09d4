//! Definitions whose rules would make the reader of expressions fall: each is
//! refused at its field, and the server goes on.

use crate::support::{admin, send, server, status};
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::ApiServer;
use trueup_object::{Value, value};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/example.com/v1/things";

/// A definition of `things` with one rule on `spec`.
fn definition(rule: Value) -> Value {
    value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                    "type": "integer", "x-kubernetes-validations": [rule],
                }}}},
            }],
        },
    })
}

/// Makes a thing of that number; the status of the answer.
fn made(server: &ApiServer, number: i64) -> u16 {
    let name = format!("number-{number}");
    let thing = value!({"apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": name}, "spec": number});
    send(server, &Identity::admin(), "POST", THINGS, Some(thing)).0
}

/// Asks for a definition that has to be refused: the field and the message of
/// the first cause.
fn refused(server: &ApiServer, method: &str, target: &str, rule: Value) -> (String, String) {
    let body = definition(rule);
    let (code, answer) = send(server, &Identity::admin(), method, target, Some(body));
    assert_eq!(code, 422, "{answer:?}");
    assert_eq!(answer.str_at(&["reason"]), Some("Invalid"));
    let causes = answer.at(&["details", "causes"]).and_then(Value::as_list);
    let cause = &causes.unwrap()[0];
    let text = |key: &str| cause.str_at(&[key]).unwrap_or_default().to_owned();
    (text("field"), text("message"))
}

const RULES: &str = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]";

#[test]
fn rules_nested_without_end_are_refused_and_the_server_goes_on() {
    let server = server();
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(1_000), close.repeat(1_000))
    };
    for rule in [
        deep("(", "true", ")"),
        deep("[", "true", "]"),
        deep("{1: ", "true", "}"),
        deep("!(", "true", ")"),
        deep("true ? true : ", "true", ""),
        deep("self[", "0", "]"),
        "(".repeat(10_000),
        format!("\"\"'a' + \"\"'{}'", "(".repeat(1_000)),
    ] {
        let (field, message) = refused(
            &server,
            "POST",
            DEFINITIONS,
            value!({"rule": (rule.clone())}),
        );
        assert_eq!(field, format!("{RULES}.rule"));
        assert!(
            message.contains("compilation failed: ERROR: <input>:"),
            "{message}"
        );
        let hostile = value!({"rule": "self > 1", "messageExpression": rule});
        let (field, message) = refused(&server, "POST", DEFINITIONS, hostile);
        assert_eq!(field, format!("{RULES}.messageExpression"));
        assert!(
            message.contains("messageExpression compilation failed: ERROR: <input>:"),
            "{message}"
        );
    }
    let good = definition(value!({"rule": "self > 1", "message": "too little"}));
    admin(&server, "POST", DEFINITIONS, Some(good));
    assert_eq!(made(&server, 2), 201);
    assert_eq!(made(&server, 1), 422);
    assert_eq!(status(&server, &format!("{THINGS}/number-2")), 200);
}

#[test]
fn a_definition_keeps_its_rules_when_a_change_to_hostile_ones_is_refused() {
    let server = server();
    admin(
        &server,
        "POST",
        DEFINITIONS,
        Some(definition(value!({"rule": "self > 1"}))),
    );
    let target = format!("{DEFINITIONS}/things.example.com");
    let patch = definition(value!({"rule": ("(".repeat(5_000))}));
    let (code, answer) = send(&server, &Identity::admin(), "PATCH", &target, Some(patch));
    assert_eq!(code, 422, "{answer:?}");
    let told = answer.str_at(&["message"]).unwrap_or_default();
    assert!(
        told.contains("expression recursion limit exceeded: 96"),
        "{told}"
    );
    assert_eq!(made(&server, 1), 422);
}

/// As deep as may be, on the stack of any thread.
#[test]
fn rules_as_deep_as_may_be_are_read_and_judged() {
    for rule in [
        format!("{}self > 1{}", "(".repeat(90), ")".repeat(90)),
        format!("{}[self]{}[0] > 1", "(".repeat(90), ")".repeat(90)),
        "self > 0 && (".repeat(90) + "self > 1" + &")".repeat(90),
        format!("{}self > 1", "self < 1 ? false : ".repeat(90)),
        format!("self{} > 91", " + 1".repeat(90)),
        format!("{}self > 1{}", "[".repeat(45), "]".repeat(45)) + &"[0]".repeat(45),
        format!("{}self{} > 1", "int(".repeat(45), ")".repeat(45)),
    ] {
        let server = server();
        let definition = definition(value!({"rule": (rule.clone())}));
        admin(&server, "POST", DEFINITIONS, Some(definition));
        assert_eq!(made(&server, 2), 201, "{rule}");
        assert_eq!(made(&server, 1), 422, "{rule}");
    }
}
