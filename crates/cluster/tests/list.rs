//! Lists come in pages and are one whole.

use crate::script::{Reply, Script, config_map, list, status};
use trueup_cluster::{ErrorClass, Form, Scope};
use trueup_object::GroupVersionKind;
use trueup_testkit::virtual_time;

const PATH: &str = "GET /api/v1/namespaces/n/configmaps?limit=500";

fn kind() -> GroupVersionKind {
    GroupVersionKind::new("v1", "ConfigMap")
}

#[test]
fn pages_are_joined_and_items_get_their_type() {
    virtual_time(async {
        let script = Script::new();
        script.on(PATH, &list(9, "next", &[config_map("a", "1", 3)]));
        script.on(
            &format!("{PATH}&continue=next"),
            &list(9, "", &[config_map("b", "2", 4)]),
        );
        let list = script
            .cluster()
            .session()
            .list(&kind(), &Scope::namespace("n"), Form::Full)
            .await
            .unwrap();
        let names: Vec<_> = list
            .objects
            .iter()
            .map(|object| object.reference().to_string())
            .collect();
        assert_eq!(names, ["ConfigMap/n/a", "ConfigMap/n/b"]);
        assert_eq!(list.resource_version, "9");
        assert_eq!(list.objects[0].value().str_at(&["kind"]), Some("ConfigMap"));
        assert_eq!(list.objects[0].value().str_at(&["apiVersion"]), Some("v1"));
    });
}

#[test]
fn a_list_whose_token_expires_begins_anew() {
    virtual_time(async {
        let script = Script::new();
        script.on(PATH, &list(9, "old", &[config_map("a", "1", 3)]));
        script.on(PATH, &list(10, "", &[config_map("b", "2", 10)]));
        let expired = Reply::Json(410, status(410, "Expired", "too old"));
        script.reply(&format!("{PATH}&continue=old"), expired);
        let list = script
            .cluster()
            .session()
            .list(&kind(), &Scope::namespace("n"), Form::Full)
            .await
            .unwrap();
        assert_eq!(list.objects.len(), 1);
        assert_eq!(list.objects[0].name(), "b");
    });
}

#[test]
fn no_items_may_be_written_as_null() {
    virtual_time(async {
        let script = Script::new();
        script.on(PATH, r#"{"metadata":{"resourceVersion":"5"},"items":null}"#);
        let list = script
            .cluster()
            .session()
            .list(&kind(), &Scope::namespace("n"), Form::Full)
            .await
            .unwrap();
        assert!(list.objects.is_empty());
    });
}

#[test]
fn what_is_no_list_is_refused() {
    virtual_time(async {
        let script = Script::new();
        script.on(PATH, r#"{"items":[{"metadata":7}]}"#);
        let session = script.cluster().session();
        let error = session
            .list(&kind(), &Scope::namespace("n"), Form::Full)
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Undecodable);
        assert!(error.to_string().starts_with("list configmaps in n: "));
    });
}
