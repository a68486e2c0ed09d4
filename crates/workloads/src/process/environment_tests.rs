use super::*;
use crate::process::Program;
use trueup_object::value;

fn pod() -> Value {
    value!({"metadata": {
        "name": "web-1", "namespace": "n", "uid": "u",
        "labels": {"app.kubernetes.io/name": "web"}, "annotations": {"note": "x=y"},
    }})
}

fn sources() -> Sources {
    let map = value!({"data": {"color": "blue", "1-x": "odd"}});
    let secret = value!({"data": {"token": (STANDARD.encode("hush")), "raw": "/w=="}});
    [
        ((SourceKind::ConfigMap, "settings".into()), Some(map)),
        ((SourceKind::Secret, "login".into()), Some(secret)),
        ((SourceKind::ConfigMap, "gone".into()), None),
    ]
    .into()
}

fn environment(container: &Value) -> Result<BTreeMap<String, String>, String> {
    let own = vec![("TRUEUP_LISTEN".to_owned(), "127.64.0.1:80".to_owned())];
    environment_of(&pod(), container, own, &sources())
}

#[test]
fn values_come_from_all_sources_and_later_ones_win() {
    let container = value!({
        "envFrom": [
            {"configMapRef": {"name": "settings"}, "prefix": "P_"},
            {"secretRef": {"name": "absent", "optional": true}},
        ],
        "env": [
            {"name": "PLAIN", "value": "a"},
            {"name": "JOINED", "value": "$(PLAIN)/$(LATER)/$(TRUEUP_LISTEN)"},
            {"name": "LATER", "value": "b"},
            {"name": "P_color", "value": "over $(P_color)"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {
                "fieldPath": "metadata.labels['app.kubernetes.io/name']"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
            {"name": "OFF", "valueFrom": {"configMapKeyRef": {
                "name": "settings", "key": "none", "optional": true}}},
            {"name": "EMPTY"},
        ],
    });
    let variables = environment(&container).unwrap();
    for (name, value) in [
        ("JOINED", "a/$(LATER)/127.64.0.1:80"),
        ("P_color", "over blue"),
        ("P_1-x", "odd"),
        ("NAME", "web-1"),
        ("SPACE", "n"),
        ("APP", "web"),
        ("TOKEN", "hush"),
        ("EMPTY", ""),
        ("HOSTNAME", "web-1"),
    ] {
        assert_eq!(
            variables.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(variables["IP"].starts_with("10.244."));
    assert!(!variables.contains_key("OFF"));
    assert_eq!(
        sources_of(&container),
        [
            (SourceKind::ConfigMap, "settings".into()),
            (SourceKind::Secret, "absent".into()),
            (SourceKind::Secret, "login".into()),
        ]
    );
}

#[test]
fn what_can_not_be_had_or_passed_on_is_said_without_values() {
    let from = |value: Value| value!({"env": [{"name": "X", "valueFrom": value}]});
    let plain = |name: &str, text: &str| value!({"env": [{"name": name, "value": text}]});
    for (container, message) in [
        (
            from(value!({"configMapKeyRef": {"name": "gone", "key": "k"}})),
            "configmap \"n/gone\" not found",
        ),
        (
            from(value!({"configMapKeyRef": {"name": "settings", "key": "k"}})),
            "couldn't find key k in ConfigMap n/settings",
        ),
        (
            from(value!({"secretKeyRef": {"name": "login", "key": "raw"}})),
            "key raw in Secret is no UTF-8 text",
        ),
        (
            from(value!({"resourceFieldRef": {"resource": "limits.cpu"}})),
            "env X: valueFrom has none of fieldRef, configMapKeyRef, secretKeyRef",
        ),
        (
            from(value!({"fieldRef": {"fieldPath": "spec.hostNetwork"}})),
            "env X: the process node knows no field spec.hostNetwork",
        ),
        (
            value!({"envFrom": [{"secretRef": {"name": "absent"}}]}),
            "secret \"n/absent\" not found",
        ),
        (
            plain("LD_PRELOAD", "/tmp/evil.so"),
            "env LD_PRELOAD: variables that load code into a program are not passed on",
        ),
        (
            plain("A=B", "x"),
            "env: a name is empty or has = or NUL in it",
        ),
        (plain("", "x"), "env: a name is empty or has = or NUL in it"),
        (plain("A", "x\0y"), "env A: NUL in a value"),
        (
            plain("TRUEUP_LISTEN", "0.0.0.0:1"),
            "env TRUEUP_LISTEN: the node itself sets this variable",
        ),
    ] {
        assert_eq!(environment(&container), Err(message.to_owned()));
    }
}

#[test]
fn an_order_has_the_programs_own_arguments_first_and_is_bounded() {
    let environment: BTreeMap<String, String> = [("A".to_owned(), "one".to_owned())].into();
    let order = |words: &[&str], expanding| {
        let invocation = Invocation {
            program: Program::new("/bin/x").with_arguments(["serve", "$(A)"]),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        order_of(&invocation, &environment, expanding).map(|order| order.arguments)
    };
    let expanded = order(&["--a=$(A)", "; rm -rf /"], Expanding::References).unwrap();
    assert_eq!(expanded, ["serve", "$(A)", "--a=one", "; rm -rf /"]);
    let plain = order(&["$(A)"], Expanding::Nothing).unwrap();
    assert_eq!(plain, ["serve", "$(A)", "$(A)"]);
    assert!(order(&["a\0b"], Expanding::Nothing).is_err());
    let huge = "x".repeat(MAX_ORDER_TEXT_BYTES);
    assert!(
        order(&[&huge], Expanding::Nothing)
            .unwrap_err()
            .contains("MAX_ORDER_TEXT_BYTES")
    );
}
