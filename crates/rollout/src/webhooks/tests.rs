use super::loadtest::{
    GateAction, GateKind, LoadtestReply, LoadtestRequest, TaskKind, gate_reply, read_request,
};
use super::*;
use trueup_gocompat::regexp::Regexp;
use trueup_kinds::canary::{Canary, CanaryWebhook, Phase, WebhookType};
use trueup_kinds::outgoing::{Certificates, OutgoingRequest, ReceivedAnswer};

fn canary() -> Canary {
    let mut canary = Canary::default();
    canary.metadata.name = "podinfo".into();
    canary.metadata.namespace = "default".into();
    canary.status.phase = Phase::Progressing;
    canary.status.last_applied_spec = "4cb74184589".into();
    canary.status.tracked_configs =
        Some([("test-config-map".into(), "484637c76acaa7c6".into())].into());
    canary
}

fn hook() -> CanaryWebhook {
    CanaryWebhook {
        name: "validation".into(),
        url: "http://tester.default/testing?token=s3cret".into(),
        metadata: Some([("key1".into(), "val1".into())].into()),
        ..CanaryWebhook::default()
    }
}

fn body(request: &OutgoingRequest) -> String {
    String::from_utf8(request.body.clone()).unwrap()
}

#[test]
fn a_hook_is_told_what_flagger_tells() {
    let payload = hook_payload(&canary(), &hook(), Phase::Progressing);
    let request = hook_request(&hook(), &payload).unwrap();
    let checksum = canary_checksum(&canary().status);
    assert_eq!(
        body(&request),
        format!(
            r#"{{"name":"podinfo","namespace":"default","phase":"Progressing","checksum":"{checksum}","metadata":{{"key1":"val1"}}}}"#
        )
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.timeout_ms, 10_000);
    assert!(!format!("{request:?}").contains("s3cret"));
}

#[test]
fn without_metadata_there_is_no_such_field() {
    let plain = CanaryWebhook {
        metadata: None,
        ..hook()
    };
    let payload = hook_payload(&canary(), &plain, Phase::Unset);
    let body = body(&hook_request(&plain, &payload).unwrap());
    assert!(!body.contains("metadata"), "{body}");
    assert!(body.contains(r#""phase":"""#), "{body}");
}

#[test]
fn an_event_comes_with_the_hooks_metadata_that_it_does_not_use() {
    let hook = CanaryWebhook {
        metadata: Some(
            [
                ("eventType".into(), "mine".into()),
                ("team".into(), "a".into()),
            ]
            .into(),
        ),
        ..hook()
    };
    let event = HookEvent {
        message: "Starting canary analysis for podinfo.default",
        kind: "Normal",
        at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
    };
    let payload = event_payload(&canary(), &hook, event);
    let metadata = payload.metadata.unwrap();
    let pairs: Vec<(&str, &str)> = metadata
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            (
                "eventMessage",
                "Starting canary analysis for podinfo.default"
            ),
            ("eventType", "Normal"),
            ("team", "a"),
            ("timestamp", "1767323045678"),
        ]
    );
    assert_eq!(payload.phase, Phase::Progressing);
}

#[test]
fn own_event_hooks_stand_in_for_the_controllers() {
    let mut canary = canary();
    let global = Some("http://events");
    assert!(matches!(event_hooks(&canary, None), EventHooks::None));
    assert!(matches!(event_hooks(&canary, Some("")), EventHooks::None));
    let EventHooks::Global(hook) = event_hooks(&canary, global) else {
        panic!("the controller's hook is left out");
    };
    assert_eq!(hook.url, "http://events");
    canary.spec.analysis.webhooks.push(CanaryWebhook {
        kind: WebhookType::Event,
        ..CanaryWebhook::default()
    });
    assert!(matches!(event_hooks(&canary, global), EventHooks::Own(own) if own.len() == 1));
}

#[test]
fn timeouts_are_read_as_go_reads_them_and_bounded() {
    let timeout = |text: &str| {
        let hook = CanaryWebhook {
            timeout: text.into(),
            ..hook()
        };
        hook_request(&hook, &HookPayload::default()).map(|request| request.timeout_ms)
    };
    for (text, expected) in [
        ("", 10_000),
        ("5", 10_000),
        ("30s", 30_000),
        ("1m30s", 90_000),
    ] {
        assert_eq!(timeout(text), Ok(expected), "{text}");
    }
    for text in ["0s", "-5s", "2h"] {
        assert_eq!(timeout(text), Ok(MAX_HOOK_TIMEOUT_MS), "{text}");
    }
    let error = timeout("abc").unwrap_err().to_string();
    assert_eq!(error, "time: invalid duration \"abc\"");
}

#[test]
fn an_address_that_is_none_is_refused_without_being_shown() {
    for url in [
        "",
        "tester:8080",
        "file:///etc/passwd",
        "http://s3cret @x",
        "gopher://s3cret",
    ] {
        let hook = CanaryWebhook {
            url: url.into(),
            ..hook()
        };
        let error = hook_request(&hook, &HookPayload::default()).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn certificates_are_verified_unless_the_hook_says_otherwise() {
    let request = |disable_tls| {
        let hook = CanaryWebhook {
            disable_tls,
            ..hook()
        };
        hook_request(&hook, &HookPayload::default())
            .unwrap()
            .certificates
    };
    assert_eq!(request(false), Certificates::Verified);
    assert_eq!(request(true), Certificates::Unverified);
}

#[test]
fn up_to_202_is_a_yes_and_the_body_of_a_no_is_told() {
    for status in [200, 201, 202] {
        let answer = ReceivedAnswer::new(status, "whatever");
        assert_eq!(judge_hook(Attempt::Answered(&answer)), HookOutcome::Passed);
    }
    for (status, body, reason) in [
        (203, "no", "no"),
        (302, "", "status 302"),
        (403, "Forbidden\n", "Forbidden"),
        (500, "smoke test failed", "smoke test failed"),
    ] {
        let answer = ReceivedAnswer::new(status, body);
        let HookOutcome::Failed { reason: found } = judge_hook(Attempt::Answered(&answer)) else {
            panic!("{status} is a yes");
        };
        assert_eq!(found, reason);
    }
    let silent = judge_hook(Attempt::Unanswered("no answer within 10s"));
    assert!(matches!(silent, HookOutcome::Failed { reason } if reason == "no answer within 10s"));
}

#[test]
fn calls_are_repeated_with_growing_waits_only_where_that_may_help() {
    let wait = |status, done, retries| {
        let answer = ReceivedAnswer::new(status, "");
        retry_after_ms(Attempt::Answered(&answer), done, retries)
    };
    assert_eq!(wait(500, 0, 0), None);
    assert_eq!(wait(500, 0, 3), Some(1_000));
    assert_eq!(wait(500, 2, 3), Some(4_000));
    assert_eq!(wait(500, 3, 3), None);
    assert_eq!(wait(500, 9, 1_000), Some(MAX_RETRY_WAIT_MS));
    assert_eq!(wait(500, 10, 1_000), None);
    for status in [200, 302, 403, 404, 501] {
        assert_eq!(wait(status, 0, 3), None, "{status}");
    }
    assert_eq!(
        retry_after_ms(Attempt::Unanswered("reset"), 0, 1),
        Some(1_000)
    );
    assert_eq!(retry_after_ms(Attempt::Refused("redirect"), 0, 1), None);
    for (status, after, expected) in [
        (429, "7", 7_000),
        (503, "7", 7_000),
        (500, "7", 1_000),
        (429, "86400", MAX_RETRY_WAIT_MS),
        (429, "soon", 1_000),
    ] {
        let answer = ReceivedAnswer {
            retry_after: Some(after.to_owned()),
            ..ReceivedAnswer::new(status, "")
        };
        let found = retry_after_ms(Attempt::Answered(&answer), 0, 1);
        assert_eq!(found, Some(expected), "{status} {after}");
    }
}

/// As Flagger's own program reckons them.
#[test]
fn checksums_are_flaggers() {
    for (configs, expected) in [
        (None, "7c9d467496"),
        (Some(&[][..]), "56966965f5"),
        (
            Some(&[("test-config-map", "484637c76acaa7c6")]),
            "569bdb7cb9",
        ),
        (
            Some(&[("b", "2"), ("a", "1"), ("secret/x", "")]),
            "869c75475b",
        ),
    ] {
        let mut canary = canary();
        canary.status.tracked_configs = configs.map(|pairs| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, digest)| ((*name).into(), (*digest).into()))
                .collect()
        });
        assert_eq!(canary_checksum(&canary.status), expected);
    }
}

#[test]
fn the_checksum_depends_on_target_and_configuration_only() {
    let first = canary_checksum(&canary().status);
    let mut same = canary();
    same.status.phase = Phase::Succeeded;
    assert_eq!(canary_checksum(&same.status), first);
    let mut target = canary();
    target.status.last_applied_spec = "other".into();
    assert_ne!(canary_checksum(&target.status), first);
    let mut configuration = canary();
    configuration.status.tracked_configs = None;
    assert_ne!(canary_checksum(&configuration.status), first);
}

fn reply(status: u16, body: &str) -> LoadtestReply {
    LoadtestReply {
        status,
        body: body.to_owned(),
    }
}

#[test]
fn gates_are_told_apart_by_kind_name_and_namespace() {
    let body = br#"{"name":"podinfo","namespace":"test","phase":"Whatever"}"#;
    for (path, action, kind) in [
        ("/gate/check", GateAction::Check, GateKind::Advance),
        ("/gate/open", GateAction::Open, GateKind::Advance),
        ("/gate/close", GateAction::Close, GateKind::Advance),
        ("/rollback/check", GateAction::Check, GateKind::Rollback),
        ("/rollback/open", GateAction::Open, GateKind::Rollback),
        ("/rollback/close", GateAction::Close, GateKind::Rollback),
    ] {
        let expected = LoadtestRequest::Gate {
            action,
            kind,
            name: "podinfo".into(),
            namespace: "test".into(),
        };
        assert_eq!(read_request(path, body, None), Ok(expected), "{path}");
    }
    for (path, expected) in [
        ("/healthz", reply(200, "OK")),
        ("/gate/approve", reply(200, "OK")),
        ("/gate/halt", reply(403, "Forbidden")),
    ] {
        let found = read_request(path, b"", None);
        assert_eq!(found, Ok(LoadtestRequest::Answered(expected)));
    }
    assert_eq!(gate_reply(GateAction::Check, true), reply(200, "Approved"));
    assert_eq!(
        gate_reply(GateAction::Check, false),
        reply(403, "Forbidden")
    );
    assert_eq!(gate_reply(GateAction::Open, false), reply(202, ""));
}

#[test]
fn what_is_no_request_is_answered_as_such() {
    for (body, expected) in [
        ("", reply(400, "")),
        ("[]", reply(400, "")),
        ("{}", reply(400, "metadata not found in payload")),
        (
            r#"{"metadata":{}}"#,
            reply(400, "metadata not found in payload"),
        ),
        (
            r#"{"metadata":null}"#,
            reply(400, "metadata not found in payload"),
        ),
        (
            r#"{"metadata":{"a":"b"}}"#,
            reply(400, "cmd not found in metadata"),
        ),
        (
            r#"{"metadata":{"type":"concord"}}"#,
            reply(400, "unknown task type concord"),
        ),
    ] {
        assert_eq!(
            read_request("/", body.as_bytes(), None),
            Err(expected),
            "{body}"
        );
    }
    let large = vec![b' '; loadtest::MAX_LOADTEST_BODY_BYTES + 1];
    assert_eq!(read_request("/", &large, None).unwrap_err().status, 413);
    let only = Regexp::compile("^team-").unwrap();
    let body = br#"{"name":"a","namespace":"other","metadata":{"cmd":"true"}}"#;
    for path in ["/", "/gate/open"] {
        assert_eq!(
            read_request(path, body, Some(&only)),
            Err(reply(403, "Forbidden"))
        );
    }
}

#[test]
fn tasks_are_run_by_type() {
    let task = |metadata: &str| {
        let body = format!(r#"{{"name":"a","namespace":"b","metadata":{metadata}}}"#);
        match read_request("/anywhere", body.as_bytes(), None) {
            Ok(LoadtestRequest::Task(task)) => task,
            other => panic!("{other:?}"),
        }
    };
    let hey = task(r#"{"cmd":"hey -z 1m http://a","logCmdOutput":"true"}"#);
    assert_eq!(
        (hey.kind, hey.is_awaited(), hey.logs_output),
        (TaskKind::Command, false, true)
    );
    assert_eq!(hey.arguments(), ["sh", "-c", "hey -z 1m http://a"]);
    assert_eq!(hey.accepted(), reply(202, ""));
    let bash = task(r#"{"type":"bash","cmd":"curl -s x | grep y","returnCmdOutput":"true"}"#);
    assert_eq!(bash.arguments(), ["bash", "-c", "curl -s x | grep y"]);
    assert_eq!(bash.finished("out", None), reply(200, "out"));
    assert_eq!(
        bash.finished("oh", Some("exit status 1")),
        reply(500, "command curl -s x | grep y failed: oh: exit status 1")
    );
    let helm = task(r#"{"type":"helmv3","cmd":"test  podinfo -n test"}"#);
    assert_eq!(helm.arguments(), ["helm", "test", "podinfo", "-n", "test"]);
    assert_eq!(helm.finished("out", None), reply(200, ""));
    assert_eq!(
        task(r#"{"type":"kubectl","cmd":"get pods"}"#).arguments()[0],
        "kubectl"
    );
}
