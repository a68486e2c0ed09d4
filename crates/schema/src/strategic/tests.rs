use super::*;
use crate::Schemas;
use trueup_object::{GroupVersionKind, value};

fn patched(target: Value, patch: Value) -> Result<Value, String> {
    let typ = Schemas::builtin()
        .type_for(&GroupVersionKind::new("v1", "Pod"))
        .unwrap();
    strategic_merge(&target, &patch, &typ).map_err(|error| error.to_string())
}

fn pod(containers: Value) -> Value {
    Value::Map(
        [(
            "spec",
            Value::Map([("containers", containers)].into_iter().collect()),
        )]
        .into_iter()
        .collect(),
    )
}

#[test]
fn containers_merge_by_name_and_new_ones_come_first() {
    let live = pod(value!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]));
    let patch = pod(value!([{"name": "c", "image": "1"}, {"name": "b", "image": "2"}]));
    let wanted = pod(
        value!([{"name": "c", "image": "1"}, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}]),
    );
    assert_eq!(patched(live, patch), Ok(wanted));
}

#[test]
fn an_item_is_deleted_and_a_list_replaced_by_directive() {
    let live = pod(value!([{"name": "a"}, {"name": "b"}]));
    let deleted = patched(
        live.clone(),
        pod(value!([{"name": "a", "$patch": "delete"}])),
    );
    assert_eq!(deleted, Ok(pod(value!([{"name": "b"}]))));
    let replaced = patched(live, pod(value!([{"$patch": "replace"}, {"name": "z"}])));
    assert_eq!(replaced, Ok(pod(value!([{"name": "z"}]))));
}

#[test]
fn maps_are_replaced_or_emptied_by_directive() {
    let live = value!({"metadata": {"labels": {"a": "1"}}});
    let replace = value!({"metadata": {"labels": {"$patch": "replace", "b": "2"}}});
    assert_eq!(
        patched(live.clone(), replace),
        Ok(value!({"metadata": {"labels": {"b": "2"}}}))
    );
    let delete = value!({"metadata": {"labels": {"$patch": "delete"}}});
    assert_eq!(
        patched(live.clone(), delete),
        Ok(value!({"metadata": {"labels": {}}}))
    );
    let bogus = value!({"metadata": {"labels": {"$patch": "bogus"}}});
    assert!(
        patched(live, bogus)
            .unwrap_err()
            .starts_with("unknown patch type: bogus in map: map[")
    );
}

#[test]
fn retained_keys_must_cover_the_patch() {
    let live = value!({"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}});
    let switch = value!({"spec": {"volumes": [{"$retainKeys": ["name", "emptyDir"], "name": "v", "emptyDir": {}}]}});
    let wanted = value!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
    assert_eq!(patched(live.clone(), switch), Ok(wanted));
    let wrong =
        value!({"spec": {"volumes": [{"$retainKeys": ["name"], "name": "v", "emptyDir": {}}]}});
    assert_eq!(
        patched(live, wrong),
        Err("invalid patch format of retainKeys".into())
    );
}
