use super::world::*;
use crate::*;
use trueup_object::{ObjectRef, Value, value};

fn changes(before: &Value, after: &Value) -> Vec<String> {
    let object = ObjectRef::of(after).unwrap();
    changed_fields(&object, before, after)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_change_names_its_fields() {
    let mut after = deployment("web", 3, "a:2");
    after.set_at(&["metadata", "labels", "team"], "x".into());
    after.set_at(&["metadata", "resourceVersion"], "7".into());
    after.set_at(&["status", "replicas"], Value::from(1));
    assert_eq!(
        changes(&deployment("web", 2, "a:1"), &after),
        [
            ".metadata added {\"labels\":{\"team\":\"x\"}}",
            ".spec.replicas 2 → 3",
            ".spec.template.spec.containers[name=\"web\"].image \"a:1\" → \"a:2\"",
        ]
    );
    assert_eq!(
        changes(
            &config_map("a", &[("k", "1"), ("gone", "x")]),
            &config_map("a", &[("k", "2")])
        ),
        [".data.gone removed", ".data.k \"1\" → \"2\"",]
    );
}

#[test]
fn secrets_are_masked_and_long_values_cut() {
    let secret = |text: &str| value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"a": text}}, "data": {"k": text}});
    assert_eq!(
        changes(&secret("old"), &secret("new")),
        [".data.k *** → ***", ".metadata.labels.a \"old\" → \"new\""]
    );
    let long = changes(
        &config_map("a", &[("k", "1")]),
        &config_map("a", &[("k", &"ä".repeat(500))]),
    );
    assert!(long[0].len() < 200 && long[0].ends_with('…'), "{long:?}");
}

#[test]
fn a_line_says_what_happened() {
    let object = ObjectRef::of(&deployment("web", 1, "a")).unwrap();
    let made = ChangeLine::of_apply(&object, None, &deployment("web", 1, "a")).unwrap();
    assert_eq!(made.to_string(), "Deployment/prod/web created");
    let changed = ChangeLine::of_apply(
        &object,
        Some(&deployment("web", 1, "a")),
        &deployment("web", 2, "a"),
    )
    .unwrap();
    assert_eq!(changed.to_string(), "Deployment/prod/web configured");
    assert_eq!(
        ChangeLine::of_apply(
            &object,
            Some(&deployment("web", 1, "a")),
            &deployment("web", 1, "a")
        ),
        None
    );
}
