//! Watches go on through everything.

use crate::script::{Lines, Reply, Script, config_map, list, status};
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use trueup_cluster::{
    ClusterOptions, Form, Scope, WatchEvent, WatchSpec, WatchStream, keep_discovery_fresh,
};
use trueup_object::GroupVersionKind;
use trueup_testkit::virtual_time;

const LIST: &str = "GET /api/v1/configmaps?limit=500";
const WATCH: &str = "GET /api/v1/configmaps?watch=true";

fn start(script: &Script) -> WatchStream {
    watch_of(script, "v1", "ConfigMap")
}

fn watch_of(script: &Script, api_version: &str, kind: &str) -> WatchStream {
    script.cluster().session().watch(WatchSpec {
        kind: GroupVersionKind::new(api_version, kind),
        scope: Scope::all(),
        form: Form::Full,
    })
}

/// One event in short.
fn short(event: &WatchEvent) -> String {
    match event {
        WatchEvent::Applied(object) => format!("+{}@{}", object.name(), object.resource_version()),
        WatchEvent::Deleted(deleted) => format!("-{}:{}", deleted.reference.name, deleted.uid),
        WatchEvent::Synced { resource_version } => format!("synced@{resource_version}"),
        WatchEvent::Restarted { .. } => "restarted".into(),
        WatchEvent::Error(error) => format!("error {:?}", error.class()),
    }
}

async fn take(watch: &mut WatchStream, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(short(&watch.next().await.unwrap()));
    }
    events
}

fn bookmark(lines: &Lines, version: u32) {
    lines.event(
        "BOOKMARK",
        &format!(r#"{{"kind":"ConfigMap","metadata":{{"resourceVersion":"{version}"}}}}"#),
    );
}

fn query_version(line: &str) -> &str {
    line.rsplit_once("resourceVersion=").unwrap().1
}

#[test]
fn objects_are_listed_then_changes_follow() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[config_map("a", "1", 3)]));
        let lines = script.watch(WATCH);
        let mut watch = start(&script);
        assert_eq!(take(&mut watch, 2).await, ["+a@3", "synced@5"]);
        lines.event("ADDED", &config_map("b", "2", 6));
        lines.event("MODIFIED", &config_map("a", "1", 7));
        lines.event("DELETED", &config_map("b", "2", 8));
        assert_eq!(take(&mut watch, 3).await, ["+b@6", "+a@7", "-b:2"]);
        assert_eq!(
            script.lines()[1],
            format!("{WATCH}&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=5")
        );
    });
}

#[test]
fn a_line_may_come_in_pieces_and_several_in_one() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[]));
        let lines = script.watch(WATCH);
        let mut watch = start(&script);
        take(&mut watch, 1).await;
        let all: String = [("a", 6), ("b", 7), ("c", 8)]
            .map(|(name, version)| {
                format!(
                    "{{\"type\":\"ADDED\",\"object\":{}}}\n",
                    config_map(name, name, version)
                )
            })
            .concat();
        let (head, tail) = all.split_at(all.len() / 2);
        for byte in head.split_inclusive('"') {
            lines.raw(byte);
        }
        lines.raw(tail);
        assert_eq!(take(&mut watch, 3).await, ["+a@6", "+b@7", "+c@8"]);
    });
}

#[test]
fn after_a_break_it_resumes_from_the_last_version_or_bookmark() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[]));
        let (first, second, third) = (
            script.watch(WATCH),
            script.watch(WATCH),
            script.watch(WATCH),
        );
        let mut watch = start(&script);
        take(&mut watch, 1).await;
        first.event("ADDED", &config_map("a", "1", 6));
        take(&mut watch, 1).await;
        first.fail();
        bookmark(&second, 40);
        second.fail();
        third.event("MODIFIED", &config_map("a", "1", 41));
        assert_eq!(take(&mut watch, 1).await, ["+a@41"]);
        let lines = script.lines();
        let versions: Vec<_> = lines[1..].iter().map(|line| query_version(line)).collect();
        assert_eq!(versions, ["5", "6", "40"]);
    });
}

#[test]
fn when_the_server_has_forgotten_only_differences_are_told() {
    virtual_time(async {
        for as_event in [false, true] {
            let script = Script::new();
            script.on(
                LIST,
                &list(
                    5,
                    "",
                    &["a", "b", "c"].map(|name| config_map(name, name, 3)),
                ),
            );
            script.on(
                LIST,
                &list(
                    90,
                    "",
                    &[
                        config_map("a", "a", 3),
                        config_map("b", "b", 80),
                        config_map("d", "d", 81),
                    ],
                ),
            );
            let gone = status(410, "Expired", "too old resource version");
            if as_event {
                script.watch(WATCH).event("ERROR", &gone);
            } else {
                script.reply(WATCH, Reply::Json(410, gone));
            }
            script.watch(WATCH);
            let mut watch = start(&script);
            take(&mut watch, 4).await;
            assert_eq!(
                take(&mut watch, 5).await,
                ["restarted", "+b@80", "+d@81", "-c:c", "synced@90"]
            );
        }
    });
}

#[test]
fn an_object_made_anew_under_an_old_name_ends_the_old_one_first() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[config_map("a", "old", 3)]));
        script.on(LIST, &list(9, "", &[config_map("a", "new", 8)]));
        script.reply(WATCH, Reply::Json(410, status(410, "Expired", "x")));
        script.watch(WATCH);
        let mut watch = start(&script);
        take(&mut watch, 3).await;
        assert_eq!(take(&mut watch, 3).await, ["-a:old", "+a@8", "synced@9"]);
    });
}

#[test]
fn failures_are_told_and_paused_after_but_never_end_it() {
    virtual_time(async {
        let script = Script::new();
        for _ in 0..3 {
            script.reply(LIST, Reply::Json(403, status(403, "Forbidden", "no")));
        }
        script.on(LIST, &list(5, "", &[]));
        let begun = tokio::time::Instant::now();
        let mut watch = start(&script);
        let events = take(&mut watch, 4).await;
        assert_eq!(
            events[..3],
            ["error Forbidden", "error Forbidden", "error Forbidden"]
        );
        assert_eq!(events[3], "synced@5");
        // 200, 400 and 800 ms, of which at least half is waited.
        let waited = begun.elapsed();
        assert!(
            waited >= Duration::from_millis(700) && waited <= Duration::from_millis(1_400),
            "{waited:?}"
        );
    });
}

#[test]
fn after_a_refusal_everything_is_listed_and_told_again() {
    virtual_time(async {
        for is_list_refused in [false, true] {
            let script = Script::new();
            let before = ["a", "b", "c"].map(|name| config_map(name, name, 3));
            script.on(LIST, &list(5, "", &before));
            let refusal = || Reply::Json(403, status(403, "Forbidden", "no"));
            if is_list_refused {
                script.reply(LIST, refusal());
            }
            let after = [config_map("a", "a", 3), config_map("b", "b", 80)];
            script.on(LIST, &list(90, "", &after));
            script.reply(WATCH, refusal());
            let (_opened, lines) = (script.watch(WATCH), script.watch(WATCH));
            let mut watch = start(&script);
            take(&mut watch, 4).await;
            assert_eq!(take(&mut watch, 2).await, ["error Forbidden", "restarted"]);
            if is_list_refused {
                assert_eq!(take(&mut watch, 1).await, ["error Forbidden"]);
            }
            let again = ["+a@3", "+b@80", "-c:c", "synced@90"];
            assert_eq!(take(&mut watch, 4).await, again);
            lines.event("MODIFIED", &config_map("a", "a", 91));
            assert_eq!(take(&mut watch, 1).await, ["+a@91"]);
        }
    });
}

#[test]
fn after_a_failure_that_passes_only_changes_are_told() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[config_map("a", "1", 3)]));
        let (first, lines) = (script.watch(WATCH), script.watch(WATCH));
        let mut watch = start(&script);
        take(&mut watch, 2).await;
        first.event("ERROR", &status(503, "ServiceUnavailable", "later"));
        assert_eq!(take(&mut watch, 1).await, ["error Unavailable"]);
        lines.event("MODIFIED", &config_map("a", "1", 6));
        assert_eq!(take(&mut watch, 1).await, ["+a@6"]);
    });
}

#[test]
fn streams_that_end_at_once_are_not_hammered() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[]));
        for _ in 0..100 {
            drop(script.watch(WATCH));
        }
        let mut watch = start(&script);
        take(&mut watch, 1).await;
        let waited = tokio::time::timeout(Duration::from_secs(60), watch.next()).await;
        assert!(waited.is_err());
        assert!(script.lines().len() < 20, "{}", script.lines().len());
    });
}

#[test]
fn a_silent_stream_is_given_up_after_its_time() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[]));
        let (_silent, second) = (script.watch(WATCH), script.watch(WATCH));
        let mut watch = start(&script);
        take(&mut watch, 1).await;
        second.event("ADDED", &config_map("a", "1", 6));
        let begun = tokio::time::Instant::now();
        assert_eq!(take(&mut watch, 1).await, ["+a@6"]);
        assert_eq!(begun.elapsed().as_secs(), 305);
    });
}

#[test]
fn nonsense_in_the_stream_leads_to_a_new_list() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[]));
        script.on(LIST, &list(7, "", &[config_map("a", "1", 6)]));
        let (first, _second) = (script.watch(WATCH), script.watch(WATCH));
        let mut watch = start(&script);
        take(&mut watch, 1).await;
        first.raw("what is this?\n");
        assert_eq!(
            take(&mut watch, 3).await,
            ["error Undecodable", "+a@6", "synced@7"]
        );
    });
}

#[test]
fn a_kind_that_appears_later_is_watched_as_soon_as_its_definition_is() {
    virtual_time(async {
        let script = Script::new();
        let options = ClusterOptions {
            seed: Some(1),
            ..ClusterOptions::in_process()
        };
        let cluster = script.cluster_with(options);
        let mut watch = cluster.session().watch(WatchSpec {
            kind: GroupVersionKind::new("example.com/v1", "Widget"),
            scope: Scope::all(),
            form: Form::Full,
        });
        assert_eq!(take(&mut watch, 1).await, ["error KindMissing"]);
        assert!(watch.next().now_or_never().is_none());
        script.instead(
            "GET /apis",
            r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"example.com"},"versions":[{"version":"v1","resources":[
            {"resource":"widgets","responseKind":{"kind":"Widget"},"scope":"Cluster","verbs":["list"]}]}]}]}"#,
        );
        script.on("GET /apis/example.com/v1/widgets?limit", &list(3, "", &[]));
        let begun = tokio::time::Instant::now();
        cluster.invalidate_discovery();
        assert_eq!(take(&mut watch, 1).await, ["synced@3"]);
        assert_eq!(begun.elapsed().as_millis(), 0);
    });
}

#[test]
fn a_change_of_a_definition_invalidates_discovery() {
    virtual_time(async {
        let script = Script::new();
        script.instead(
            "GET /apis",
            r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apiextensions.k8s.io"},"versions":[{"version":"v1","resources":[
            {"resource":"customresourcedefinitions","responseKind":{"kind":"CustomResourceDefinition"},"scope":"Cluster","verbs":["list"]}]}]}]}"#,
        );
        let path = "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        script.on(
            &format!("{path}?limit"),
            &list(3, "", &[config_map("a", "1", 2), config_map("b", "2", 2)]),
        );
        let lines = script.watch(&format!("{path}?watch"));
        let cluster = script.cluster();
        let mut changes = cluster.discovery_changes();
        let task = tokio::spawn(keep_discovery_fresh(cluster.clone()));
        changes.changed().await;
        assert_eq!(changes.number(), 1, "once for the whole first list");
        lines.event("ADDED", &config_map("c", "3", 4));
        changes.changed().await;
        task.abort();
    });
}

#[test]
fn a_collection_that_vanishes_is_an_error_and_deletes_nothing() {
    virtual_time(async {
        let script = Script::new();
        script.on(LIST, &list(5, "", &[config_map("a", "1", 3)]));
        script.reply(
            LIST,
            Reply::Json(404, status(404, "NotFound", "the server could not find it")),
        );
        script.reply(
            WATCH,
            Reply::Json(404, status(404, "NotFound", "the server could not find it")),
        );
        let mut watch = start(&script);
        take(&mut watch, 2).await;
        let events = take(&mut watch, 3).await;
        assert!(
            events.iter().all(|event| event == "error NotFound"),
            "{events:?}"
        );
    });
}
