//! The projection of a live object.

use bytes::Bytes;
use proptest::prelude::*;
use trueup_cluster::LiveObject;
use trueup_object::GroupVersionKind;

fn kind() -> GroupVersionKind {
    GroupVersionKind::new("v1", "ConfigMap")
}

#[test]
fn the_parts_that_we_need_are_read_without_the_rest() {
    let raw = r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"},"metadata":{"name":"x","namespace":"n",
        "uid":"u","resourceVersion":"12","generation":3,"labels":{"l":"\u00e9"},"annotations":{"n":"o"},
        "deletionTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"manager":"m"}]}}"#;
    let object = LiveObject::from_json(&kind(), Bytes::from(raw)).unwrap();
    assert_eq!(
        (
            object.uid().as_str(),
            object.resource_version().as_str(),
            object.generation()
        ),
        ("u", "12", 3)
    );
    assert_eq!(
        (object.label("l"), object.annotation("n")),
        (Some("é"), Some("o"))
    );
    assert_eq!(
        object.deletion_timestamp().map(|text| text.as_str()),
        Some("2026-01-01T00:00:00Z")
    );
    assert_eq!(
        object.managed_fields(),
        Some(br#"[{"manager":"m"}]"#.as_slice())
    );
    assert_eq!(object.value().str_at(&["data", "a"]), Some("b"));
    assert_eq!(object.json(), raw);
}

#[test]
fn nulls_count_as_absent() {
    let raw = r#"{"apiVersion":"v1","metadata":{"name":"x","labels":null,"annotations":null,"creationTimestamp":null}}"#;
    let object = LiveObject::from_json(&kind(), Bytes::from(raw)).unwrap();
    assert!(object.labels().is_empty());
    assert_eq!(object.deletion_timestamp(), None);
    assert_eq!(object.managed_fields(), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = LiveObject::from_json(&kind(), raw.into());
    }

    #[test]
    fn an_item_without_type_keeps_everything_else(name in "[a-z]{1,10}", data in "\\PC{0,20}") {
        let item = format!(
            r#" {{ "metadata":{{"name":"{name}"}},"data":{{"k":{}}}}}"#,
            String::from_utf8(trueup_object::to_json(&data.as_str().into())).unwrap()
        );
        let object = LiveObject::from_json(&kind(), item.into()).unwrap();
        prop_assert_eq!(object.name(), name.as_str());
        prop_assert_eq!(object.value().str_at(&["data", "k"]), Some(data.as_str()));
        prop_assert_eq!(object.value().str_at(&["kind"]), Some("ConfigMap"));
    }
}
