use super::*;
use crate::{FieldSet, Schemas, Type};
use trueup_object::{FieldPath, GroupVersionKind, Value, value};

fn deployment() -> Type {
    Schemas::builtin()
        .type_for(&GroupVersionKind::new("apps/v1", "Deployment"))
        .unwrap()
}

fn with_containers(containers: Value) -> Value {
    let mut object =
        value!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}});
    object.set_at(&["spec", "template", "spec", "containers"], containers);
    object
}

fn told(changes: Vec<Change>) -> Vec<String> {
    let text = |value: Option<Value>| value.map_or("-".into(), |value| crate::go::plain(&value));
    changes
        .into_iter()
        .map(|change| {
            format!(
                "{} {} {}",
                change.path,
                text(change.before),
                text(change.after)
            )
        })
        .collect()
}

#[test]
fn changes_are_named_with_their_values_and_whole_items_by_themselves() {
    let before =
        with_containers(value!([{"name": "web", "image": "a"}, {"name": "side", "image": "b"}]));
    let mut after = with_containers(value!([{"name": "web", "image": "c"}]));
    after.set_at(&["spec", "replicas"], 5.into());
    let changes = told(changed_fields(&before, &after, &deployment(), None).unwrap());
    let wanted = [
        ".spec.replicas 2 5",
        ".spec.template.spec.containers[name=\"side\"] map[image:b name:side] -",
        ".spec.template.spec.containers[name=\"web\"].image a c",
    ];
    assert_eq!(changes, wanted);
}

#[test]
fn changes_outside_the_fields_asked_for_are_not_named() {
    let before = with_containers(value!([{"name": "web", "image": "a"}]));
    let mut after = with_containers(value!([{"name": "web", "image": "c", "args": ["x"]}]));
    after.set_at(&["metadata", "labels", "x"], "1".into());
    let owned = field_set(&before, &deployment());
    let changes = told(changed_fields(&before, &after, &deployment(), Some(&owned)).unwrap());
    assert_eq!(
        changes,
        [".spec.template.spec.containers[name=\"web\"].image a c"]
    );
}

#[test]
fn a_projection_holds_what_is_named_and_no_more() {
    let object =
        with_containers(value!([{"name": "web", "image": "a", "args": ["x"]}, {"name": "side"}]));
    let image = FieldPath::of_keys(&["spec", "template", "spec", "containers"])
        .join(trueup_object::Segment::item([("name", Value::from("web"))]))
        .key("image");
    let fields: FieldSet = [image, FieldPath::of_keys(&["spec", "paused"])]
        .into_iter()
        .collect();
    let wanted = value!({"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}});
    assert_eq!(project(&object, &fields, &deployment()), wanted);
}

#[test]
fn a_list_keeps_the_live_order_unless_the_applied_one_changes_it() {
    let live = with_containers(value!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let names = |applied: Value| -> Vec<String> {
        let merged = merge(&live, &with_containers(applied), &deployment()).unwrap();
        let containers = merged
            .at(&["spec", "template", "spec", "containers"])
            .and_then(Value::as_list)
            .unwrap();
        containers
            .iter()
            .map(|item| item.str_at(&["name"]).unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(value!([{"name": "b"}])), ["a", "b", "c"]);
    assert_eq!(
        names(value!([{"name": "c"}, {"name": "a"}])),
        ["b", "c", "a"]
    );
    assert_eq!(
        names(value!([{"name": "new"}, {"name": "b"}])),
        ["a", "new", "b", "c"]
    );
}

#[test]
fn a_value_of_another_type_is_refused_with_its_place() {
    let cases = [
        (
            value!([{"name": "a", "image": 1}]),
            "[name=\"a\"].image: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            value!([{"name": "a", "tty": "x"}]),
            "[name=\"a\"].tty: expected boolean, got &{x}",
        ),
        (
            value!([{"name": "a", "imagee": "x"}]),
            "[name=\"a\"].imagee: field not declared in schema",
        ),
        (value!("x"), ": expected list, got &{x}"),
    ];
    for (containers, wanted) in cases {
        let error = check(
            &with_containers(containers),
            &deployment(),
            Duplicates::Refused,
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(".spec.template.spec.containers{wanted}")
        );
    }
}
