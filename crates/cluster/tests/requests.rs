//! What goes over the wire.

use crate::script::Script;
use trueup_cluster::{
    ApplyOptions, DeleteOptions, Deletion, ErrorClass, Form, Identity, Patch, Propagation, Scope,
    Verb, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Value, value};
use trueup_testkit::virtual_time;

const OBJECT: &str = r#"{"apiVersion":"apps/v1","metadata":{"name":"web","namespace":"prod"}}"#;
const PATH: &str = "/apis/apps/v1/namespaces/prod/deployments/web";

fn manifest() -> Value {
    value!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "prod"}})
}

fn reference() -> ObjectRef {
    ObjectRef::of(&manifest()).unwrap()
}

#[test]
fn an_apply_names_its_manager_and_may_take_over_or_only_try() {
    virtual_time(async {
        let script = Script::new();
        script.on("PATCH", OBJECT);
        let session = script.cluster().session();
        session
            .apply(&manifest(), &ApplyOptions::new("me & co"))
            .await
            .unwrap();
        let seen = script.last();
        assert_eq!(
            seen.line(),
            format!("PATCH {PATH}?fieldManager=me%20%26%20co")
        );
        assert_eq!(
            seen.header("content-type"),
            Some("application/apply-patch+yaml")
        );
        assert_eq!(seen.body, manifest());
        session
            .apply(
                &manifest(),
                &ApplyOptions::new("me").taking_over().dry_run(),
            )
            .await
            .unwrap();
        assert_eq!(
            script.last().target,
            format!("{PATH}?fieldManager=me&dryRun=All&force=true")
        );
        let counters = session.cluster().counters();
        assert_eq!(counters.of(Verb::Apply, "deployments.apps"), 1);
        assert_eq!(counters.of(Verb::DryRun, "deployments.apps"), 1);
    });
}

#[test]
fn a_tenant_is_impersonated_by_name() {
    virtual_time(async {
        let script = Script::new();
        script.on("GET /apis/apps/v1", OBJECT);
        let session = script
            .cluster()
            .session_as(Identity::service_account("team", "deployer"));
        session.get(&reference(), Form::Full).await.unwrap();
        let seen = script.last();
        assert_eq!(
            seen.header("impersonate-user"),
            Some("system:serviceaccount:team:deployer")
        );
        // The server adds the groups of a service account; asking for them
        // would take the right to impersonate groups.
        assert_eq!(seen.header("impersonate-group"), None);
        // Discovery is the controller's.
        assert!(
            script
                .seen()
                .iter()
                .filter(|seen| seen.target == "/api")
                .all(|seen| { seen.header("impersonate-user").is_none() })
        );
    });
}

#[test]
fn a_delete_carries_its_preconditions_and_tells_whether_the_object_is_gone() {
    virtual_time(async {
        let script = Script::new();
        script.on(
            "DELETE",
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}"#,
        );
        script.on(
            "DELETE",
            r#"{"apiVersion":"apps/v1","metadata":{"name":"web","deletionTimestamp":"2026-01-01T00:00:00Z"}}"#,
        );
        let session = script.cluster().session();
        let options = DeleteOptions {
            resource_version: Some("7".into()),
            propagation: Propagation::Foreground,
            ..DeleteOptions::of_uid("u")
        };
        assert!(matches!(
            session.delete(&reference(), &options).await.unwrap(),
            Deletion::Gone
        ));
        let body = script.last().body;
        assert_eq!(
            body.at(&["preconditions"]),
            Some(&value!({"uid": "u", "resourceVersion": "7"}))
        );
        assert_eq!(body.str_at(&["propagationPolicy"]), Some("Foreground"));
        assert!(matches!(
            session.delete(&reference(), &options).await.unwrap(),
            Deletion::Pending(_)
        ));
    });
}

#[test]
fn a_status_patch_goes_to_the_subresource_and_holds_for_one_version() {
    virtual_time(async {
        let script = Script::new();
        script.on("PATCH", OBJECT);
        let session = script.cluster().session();
        session
            .patch_status(&reference(), &value!({"a": 1}), Some("12"), "me")
            .await
            .unwrap();
        let seen = script.last();
        assert_eq!(seen.target, format!("{PATH}/status?fieldManager=me"));
        assert_eq!(
            seen.header("content-type"),
            Some("application/merge-patch+json")
        );
        assert_eq!(
            seen.body,
            value!({"metadata": {"resourceVersion": "12"}, "status": {"a": 1}})
        );
        assert_eq!(
            session
                .cluster()
                .counters()
                .of(Verb::Patch, "deployments.apps/status"),
            1
        );
    });
}

#[test]
fn each_patch_has_its_media_type() {
    virtual_time(async {
        let script = Script::new();
        script.on("PATCH", OBJECT);
        let session = script.cluster().session();
        for (patch, media_type) in [
            (Patch::Merge(value!({})), "application/merge-patch+json"),
            (Patch::Json(value!([])), "application/json-patch+json"),
            (
                Patch::Strategic(value!({})),
                "application/strategic-merge-patch+json",
            ),
        ] {
            session
                .patch(&reference(), &patch, &WriteOptions::new("me"))
                .await
                .unwrap();
            assert_eq!(script.last().header("content-type"), Some(media_type));
        }
    });
}

#[test]
fn a_cluster_wide_object_has_no_namespace_in_its_path_and_a_namespaced_one_must_have() {
    virtual_time(async {
        let script = Script::new();
        script.on("POST", r#"{"apiVersion":"v1","metadata":{"name":"x"}}"#);
        let session = script.cluster().session();
        let namespace = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "y"}});
        session
            .create(&namespace, &WriteOptions::new("me"))
            .await
            .unwrap();
        assert_eq!(script.last().target, "/api/v1/namespaces?fieldManager=me");
        let homeless = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
        let error = session
            .create(&homeless, &WriteOptions::new("me"))
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unbuildable);
    });
}

#[test]
fn names_can_not_leave_their_path_segment() {
    virtual_time(async {
        let script = Script::new();
        let session = script.cluster().session();
        let evil = ObjectRef {
            name: "../../x?y".into(),
            ..reference()
        };
        session.get(&evil, Form::Full).await.unwrap_err();
        assert_eq!(
            script.last().target,
            "/apis/apps/v1/namespaces/prod/deployments/..%2F..%2Fx%3Fy"
        );
        let dots = ObjectRef {
            name: "..".into(),
            ..reference()
        };
        assert_eq!(
            session.get(&dots, Form::Full).await.unwrap_err().class(),
            ErrorClass::Unbuildable
        );
    });
}

#[test]
fn the_metadata_form_is_asked_for() {
    virtual_time(async {
        let script = Script::new();
        script.on(
            "GET /apis/apps/v1",
            r#"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"web","namespace":"prod","labels":{"a":"b"}}}"#,
        );
        let session = script.cluster().session();
        let object = session.get(&reference(), Form::Metadata).await.unwrap();
        assert!(
            script
                .last()
                .header("accept")
                .unwrap()
                .contains("as=PartialObjectMetadata;g=meta.k8s.io")
        );
        assert_eq!(object.reference(), &reference());
        assert_eq!(object.label("a"), Some("b"));
    });
}

#[test]
fn selectors_are_encoded() {
    virtual_time(async {
        let script = Script::new();
        script.on("GET /api/v1/configmaps", &crate::script::list(1, "", &[]));
        let scope = Scope::all().labelled("a in (b,c),d=e");
        let kind = GroupVersionKind::new("v1", "ConfigMap");
        script
            .cluster()
            .session()
            .list(&kind, &scope, Form::Full)
            .await
            .unwrap();
        assert_eq!(
            script.last().target,
            "/api/v1/configmaps?labelSelector=a%20in%20%28b%2Cc%29%2Cd%3De&limit=500"
        );
    });
}
