//! Errors say what happened, and nothing that they should not.

use crate::script::{Reply, Script, status};
use std::time::Duration;
use trueup_cluster::{ApplyOptions, ClusterOptions, ErrorClass, Form, Outcome, WriteOptions};
use trueup_object::{GroupVersionKind, ObjectRef, value};
use trueup_testkit::virtual_time;

fn deployment() -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new("apps/v1", "Deployment"),
        namespace: "prod".into(),
        name: "web".into(),
    }
}

const PATH: &str = "/apis/apps/v1/namespaces/prod/deployments/web";

#[test]
fn the_class_follows_reason_and_code() {
    virtual_time(async {
        for (code, reason, message, class) in [
            (404, "NotFound", "x", ErrorClass::NotFound),
            (409, "Conflict", "x", ErrorClass::Conflict),
            (409, "AlreadyExists", "x", ErrorClass::AlreadyExists),
            (
                422,
                "Invalid",
                "spec.replicas: Invalid value: -1",
                ErrorClass::Invalid,
            ),
            (
                422,
                "Invalid",
                "spec.selector: Invalid value: field is immutable",
                ErrorClass::Immutable,
            ),
            (403, "Forbidden", "x", ErrorClass::Forbidden),
            (401, "Unauthorized", "x", ErrorClass::Unauthorized),
            (410, "Expired", "x", ErrorClass::Gone),
            (400, "BadRequest", "x", ErrorClass::BadRequest),
            (
                500,
                "",
                "failed to create typed patch object (prod/web; apps/v1, Kind=Deployment): .spec.x: field not declared in schema",
                ErrorClass::BadRequest,
            ),
        ] {
            let script = Script::new();
            script.reply(
                &format!("GET {PATH}"),
                Reply::Json(code, status(code, reason, message)),
            );
            let error = script
                .cluster()
                .session()
                .get(&deployment(), Form::Full)
                .await
                .unwrap_err();
            assert_eq!(
                (error.class(), error.code(), error.reason()),
                (class, code, reason)
            );
            assert_eq!(error.outcome(), Outcome::NotDone);
            assert_eq!(
                error.to_string(),
                format!("get Deployment/prod/web: {message}")
            );
        }
    });
}

#[test]
fn an_apply_conflict_names_the_fields_and_their_managers() {
    virtual_time(async {
        let script = Script::new();
        let body = r#"{"kind":"Status","code":409,"reason":"Conflict","message":"Apply failed with 1 conflict",
            "details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl\" using apps/v1","field":".spec.replicas"}]}}"#;
        script.reply("PATCH", Reply::Json(409, body.into()));
        let manifest = value!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "prod"}});
        let error = script
            .cluster()
            .session()
            .apply(&manifest, &ApplyOptions::new("me"))
            .await
            .unwrap_err();
        assert!(error.is_apply_conflict());
        assert_eq!(error.causes()[0].field, ".spec.replicas");
    });
}

#[test]
fn a_lost_answer_to_a_write_is_not_repeated_and_its_outcome_is_unknown() {
    virtual_time(async {
        let script = Script::new();
        script.reply("POST", Reply::Broken);
        let object = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}});
        let session = script.cluster().session();
        let error = session
            .create(&object, &WriteOptions::new("me"))
            .await
            .unwrap_err();
        assert_eq!((error.class(), error.code()), (ErrorClass::AnswerLost, 0));
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(script.lines().len(), 1);
    });
}

#[test]
fn a_silent_server_ends_in_a_time_out() {
    virtual_time(async {
        let script = Script::new();
        script.reply("POST", Reply::Silence);
        let options = ClusterOptions {
            request_timeout: Duration::from_secs(7),
            ..ClusterOptions::in_process()
        };
        let object = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}});
        let begun = tokio::time::Instant::now();
        let session = script.cluster_with(options).session();
        let error = session
            .create(&object, &WriteOptions::new("me"))
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::AnswerLost);
        assert_eq!(begun.elapsed().as_secs(), 7);
    });
}

#[test]
fn a_read_is_repeated_and_so_is_a_write_that_came_at_a_busy_time() {
    virtual_time(async {
        let script = Script::new();
        let object = r#"{"apiVersion":"v1","metadata":{"name":"a","namespace":"n"}}"#;
        script
            .reply("GET /api/v1/n", Reply::Broken)
            .reply("GET /api/v1/n", Reply::Json(503, String::new()));
        script.on("GET /api/v1/n", object);
        script.reply(
            "POST",
            Reply::Header(429, "retry-after", "2", status(429, "TooManyRequests", "x")),
        );
        script.on("POST", object);
        let session = script.cluster().session();
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", "ConfigMap"),
            namespace: "n".into(),
            name: "a".into(),
        };
        session.get(&reference, Form::Full).await.unwrap();
        let begun = tokio::time::Instant::now();
        let manifest = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}});
        session
            .create(&manifest, &WriteOptions::new("me"))
            .await
            .unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(2));
        assert_eq!(script.lines().len(), 5);
    });
}

#[test]
fn no_value_of_a_secret_reaches_an_error() {
    virtual_time(async {
        let script = Script::new();
        let body = r#"{"kind":"Status","code":422,"reason":"Invalid","message":"Secret \"a\" is invalid: data[k]: Invalid value: \"hunter2\"",
            "details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"hunter2\"","field":"data[k]"}]}}"#;
        script.reply("POST", Reply::Json(422, body.into()));
        let secret = value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
            "stringData": {"k": "hunter2"}});
        let session = script.cluster().session();
        let error = session
            .create(&secret, &WriteOptions::new("me"))
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Invalid);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(error.message().contains("data[k]"));
    });
}

/// How a refusal of the Secret `n/a` reads once its values are hidden.
fn refused_secret(code: u16, reply: &'static str) -> trueup_cluster::ApiError {
    virtual_time(async move {
        let script = Script::new();
        script.reply("PATCH", Reply::Json(code, reply.into()));
        let secret = value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
            "stringData": {"k": "hunter2"}});
        let session = script.cluster().session();
        session
            .apply(&secret, &ApplyOptions::new("me"))
            .await
            .unwrap_err()
    })
}

#[test]
fn a_refused_immutable_secret_says_so_and_hides_its_values() {
    for (message, cause, field) in [
        (
            "data: Forbidden: field is immutable when `immutable` is set",
            "Forbidden: field is immutable when `immutable` is set",
            "data",
        ),
        (
            "type: Invalid value: \\\"hunter2\\\": field is immutable",
            "Invalid value: \\\"hunter2\\\": field is immutable",
            "type",
        ),
    ] {
        let reply = format!(
            r#"{{"kind":"Status","code":422,"reason":"Invalid","message":"Secret \"a\" is invalid: {message}",
            "details":{{"causes":[{{"reason":"FieldValueForbidden","message":"{cause}","field":"{field}"}},
                {{"reason":"FieldValueInvalid","message":"Invalid value: \"hunter2\"","field":"data[k]"}}]}}}}"#
        );
        let error = refused_secret(422, reply.leak());
        assert_eq!(error.class(), ErrorClass::Immutable);
        assert_eq!(error.causes()[0].message, "field is immutable");
        assert_eq!(error.causes()[1].message, "***");
        let start = format!(
            "the server refuses it with HTTP 422 Invalid at {field}, data[k]: field is immutable ("
        );
        assert!(error.message().starts_with(&start), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn a_secret_whose_value_says_immutable_is_not_taken_for_immutable() {
    let error = refused_secret(
        422,
        r#"{"kind":"Status","code":422,"reason":"Invalid","message":"Secret \"a\" is invalid: data[k]: Invalid value: \"hunter2 field is immutable\"",
            "details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"hunter2 field is immutable\"","field":"data[k]"}]}}"#,
    );
    assert_eq!(error.class(), ErrorClass::Invalid);
    assert!(!format!("{error} {error:?}").contains("immutable"));
}

#[test]
fn a_refused_secret_names_the_key_and_never_its_value() {
    for (message, place) in [
        (".data.k-1: expected string, got hunter2", " at .data.k-1 ("),
        (
            "errors:\\n  .data.k: expected string, got hunter2: .data.hunter2",
            " at .data.k (",
        ),
        ("hunter2 hunter2: no path", "HTTP 500 ("),
    ] {
        let reply = format!(
            r#"{{"kind":"Status","code":500,"message":"failed to create typed patch object (n/a; /v1, Kind=Secret): {message}"}}"#
        );
        let error = refused_secret(500, reply.leak());
        assert!(error.message().contains(place), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn an_answer_that_is_no_object_is_not_quoted() {
    virtual_time(async {
        let script = Script::new();
        script.on(
            "GET /api/v1/namespaces/n/secrets/a",
            r#"{"metadata":"hunter2"}"#,
        );
        let reference = ObjectRef {
            kind: GroupVersionKind::new("v1", "Secret"),
            namespace: "n".into(),
            name: "a".into(),
        };
        let error = script
            .cluster()
            .session()
            .get(&reference, Form::Full)
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Undecodable);
        assert!(!format!("{error:?}").contains("hunter2"));
    });
}
