//! The core as its callers use it: requests in, answers out, no HTTP.

use super::*;
use crate::storage::{LogStorage, MemoryStorage, Sync};
use trueup_object::{Value, from_json, to_json, value};

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn core() -> Core {
    let core = Core::open(MemoryStorage, &CoreOptions { seed: Some(1) }).unwrap();
    core_with_namespace(core)
}

fn core_with_namespace(core: Core) -> Core {
    let namespace = value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}});
    send(&core, "POST", "/api/v1/namespaces", JSON, &namespace).unwrap();
    core
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn answer(
    core: &Core,
    method: &str,
    target: &str,
    content_type: &str,
    body: &[u8],
) -> Result<Answer, ApiError> {
    let mut request = Request::new(method, target).with_body(content_type, body.to_vec());
    request.user_agent = Some("test/1.0".to_owned());
    let ApiPath::Resource(path) = parse_path(&request.path) else {
        panic!("{target} names no resource")
    };
    let operation = Operation::read(&request, &path, &core.registry().tables())?;
    core.execute(&operation, &Identity::admin(), now())
}

fn send(
    core: &Core,
    method: &str,
    target: &str,
    content_type: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    shown(answer(core, method, target, content_type, &to_json(body))?)
}

fn get(core: &Core, target: &str) -> Result<Value, ApiError> {
    shown(answer(core, "GET", target, "", b"")?)
}

fn shown(answer: Answer) -> Result<Value, ApiError> {
    Ok(match answer.outcome {
        Outcome::Object { object, .. } => object.value().clone(),
        Outcome::List(list) => list.items.iter().map(|item| item.value().clone()).collect(),
        Outcome::Other { value, .. } => value,
        Outcome::Watch { .. } => panic!("a watch is no value"),
    })
}

fn watch(core: &Core, target: &str) -> Box<Watcher> {
    match answer(core, "GET", target, "", b"").unwrap().outcome {
        Outcome::Watch { watcher, .. } => watcher,
        other => panic!("{other:?}"),
    }
}

/// The events there are, as `ADDED name`.
fn events(watcher: &mut Watcher) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = watcher.try_next() {
        seen.push(match event {
            WatchEvent::Added(object) => format!("ADDED {}", object.key.name),
            WatchEvent::Modified(object) => format!("MODIFIED {}", object.key.name),
            WatchEvent::Deleted(object) => format!("DELETED {}", object.key.name),
            WatchEvent::Bookmark {
                initial_events_end, ..
            } => format!("BOOKMARK {initial_events_end}"),
            WatchEvent::Error(error) => format!("ERROR {}", error.code),
        });
    }
    seen
}

fn config_map(name: &str, data: &str) -> Value {
    value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": data}})
}

fn make(core: &Core, name: &str) -> Value {
    send(
        core,
        "POST",
        "/api/v1/namespaces/ns/configmaps",
        JSON,
        &config_map(name, "1"),
    )
    .unwrap()
}

fn version(object: &Value) -> u64 {
    object
        .str_at(&["metadata", "resourceVersion"])
        .unwrap()
        .parse()
        .unwrap()
}

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

#[test]
fn the_same_seed_and_requests_give_the_same_objects() {
    let (one, two) = (core(), core());
    assert_eq!(make(&one, "a"), make(&two, "a"));
    let generated =
        value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}});
    let name = |core: &Core| send(core, "POST", MAPS, JSON, &generated).unwrap();
    assert_eq!(name(&one), name(&two));
}

#[test]
fn a_write_that_changes_nothing_keeps_its_version_and_makes_no_event() {
    let core = core();
    let made = make(&core, "a");
    let mut watcher = watch(
        &core,
        &format!("{MAPS}?watch=1&resourceVersion={}", version(&made)),
    );
    let same = send(
        &core,
        "PATCH",
        &format!("{MAPS}/a"),
        MERGE,
        &value!({"data": {"a": "1"}}),
    )
    .unwrap();
    assert_eq!(same, made);
    assert_eq!(events(&mut watcher), [""; 0]);
    let changed = send(
        &core,
        "PATCH",
        &format!("{MAPS}/a"),
        MERGE,
        &value!({"data": {"a": "2"}}),
    )
    .unwrap();
    assert!(version(&changed) > version(&made));
    assert_eq!(events(&mut watcher), ["MODIFIED a"]);
}

#[test]
fn an_object_that_leaves_a_selection_is_deleted_for_its_watchers() {
    let core = core();
    let mut watcher = watch(&core, &format!("{MAPS}?watch=1&labelSelector=on%3Dyes"));
    make(&core, "a");
    assert_eq!(events(&mut watcher), [""; 0]);
    let label = |text: Value| {
        send(
            &core,
            "PATCH",
            &format!("{MAPS}/a"),
            MERGE,
            &value!({"metadata": {"labels": {"on": text}}}),
        )
        .unwrap()
    };
    label("yes".into());
    assert_eq!(events(&mut watcher), ["ADDED a"]);
    label(Value::Null);
    assert_eq!(events(&mut watcher), ["DELETED a"]);
}

#[test]
fn a_streaming_list_ends_with_its_bookmark() {
    let core = core();
    make(&core, "a");
    let query =
        "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let mut watcher = watch(&core, &format!("{MAPS}?{query}"));
    assert_eq!(events(&mut watcher), ["ADDED a", "BOOKMARK true"]);
}

#[test]
fn a_watcher_that_falls_behind_the_history_is_ended() {
    let core = core();
    let made = make(&core, "a");
    let mut watcher = watch(
        &core,
        &format!("{MAPS}?watch=1&resourceVersion={}", version(&made)),
    );
    let key = GroupResource {
        group: "".into(),
        plural: "configmaps".into(),
    };
    let place = ObjectKey {
        namespace: "ns".into(),
        name: "a".into(),
    };
    let mut at = version(&made);
    for _ in 0..=store::HISTORY_EVENTS {
        at = core
            .store()
            .write(&key, &place, Some(at), store::Write::Put(made.clone()))
            .unwrap()
            .revision;
    }
    assert_eq!(events(&mut watcher), ["ERROR 410"]);
    assert_eq!(watcher.try_next().unwrap_err(), Ended);
}

#[test]
fn pages_show_the_list_as_it_was_at_the_first_page() {
    let core = core();
    for name in ["a", "b", "c", "d"] {
        make(&core, name);
    }
    let page = |target: &str| match answer(&core, "GET", target, "", b"").unwrap().outcome {
        Outcome::List(list) => list,
        other => panic!("{other:?}"),
    };
    let names = |list: &List| {
        list.items
            .iter()
            .map(|item| {
                item.value()
                    .str_at(&["metadata", "name"])
                    .unwrap()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    let first = page(&format!("{MAPS}?limit=2"));
    assert_eq!(
        (names(&first), first.remaining),
        (vec!["a".to_owned(), "b".to_owned()], Some(2))
    );
    send(&core, "DELETE", &format!("{MAPS}/c"), "", &Value::Null).unwrap();
    make(&core, "bb");
    let second = page(&format!("{MAPS}?limit=2&continue={}", first.continue_token));
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(
        (second.revision, second.continue_token.as_str()),
        (first.revision, "")
    );
}

#[test]
fn a_finalizer_holds_an_object_until_it_is_taken_away() {
    let core = core();
    let mut object = config_map("a", "1");
    object.set_at(&["metadata", "finalizers"], value!(["example.com/f"]));
    send(&core, "POST", MAPS, JSON, &object).unwrap();
    let held = send(&core, "DELETE", &format!("{MAPS}/a"), "", &Value::Null).unwrap();
    assert!(held.str_at(&["metadata", "deletionTimestamp"]).is_some());
    send(
        &core,
        "PATCH",
        &format!("{MAPS}/a"),
        MERGE,
        &value!({"metadata": {"finalizers": null}}),
    )
    .unwrap();
    assert_eq!(get(&core, &format!("{MAPS}/a")).unwrap_err().code, 404);
}

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let core = core();
    let target = format!("{MAPS}/a?fieldManager=alice");
    let first = send(&core, "PATCH", &target, APPLY, &config_map("a", "1")).unwrap();
    let second = send(&core, "PATCH", &target, APPLY, &config_map("a", "1")).unwrap();
    assert_eq!(first, second);
    let conflict = send(
        &core,
        "PATCH",
        &format!("{MAPS}/a?fieldManager=bob"),
        APPLY,
        &config_map("a", "2"),
    )
    .unwrap_err();
    assert_eq!((conflict.code, conflict.reason.as_str()), (409, "Conflict"));
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let core = core();
    let before = core.store().revision();
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let services = "/api/v1/namespaces/ns/services";
    let tried = send(
        &core,
        "POST",
        &format!("{services}?dryRun=All"),
        JSON,
        &service,
    )
    .unwrap();
    assert_eq!(tried.at(&["metadata", "resourceVersion"]), None);
    assert_eq!(core.store().revision(), before);
    assert_eq!(get(&core, &format!("{services}/s")).unwrap_err().code, 404);
    let mut again = service.clone();
    again.set_at(
        &["spec", "clusterIP"],
        tried.at(&["spec", "clusterIP"]).unwrap().clone(),
    );
    send(&core, "POST", services, JSON, &again).unwrap();
}

fn definition() -> Value {
    value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}},
            }}}],
        },
    })
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/ns/widgets";

#[test]
fn a_definition_is_served_at_once_and_its_end_takes_its_objects_along() {
    let core = core();
    let before = core.registry().tables().version;
    send(&core, "POST", DEFINITIONS, JSON, &definition()).unwrap();
    assert!(core.registry().tables().version > before);
    let widget = value!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"x": 1}});
    let made = send(&core, "POST", WIDGETS, JSON, &widget).unwrap();
    assert_eq!(made.get("spec"), Some(&value!({"size": 3})));
    send(
        &core,
        "DELETE",
        &format!("{DEFINITIONS}/widgets.example.com"),
        "",
        &Value::Null,
    )
    .unwrap();
    assert_eq!(
        get(&core, &format!("{DEFINITIONS}/widgets.example.com"))
            .unwrap_err()
            .code,
        404
    );
    assert_eq!(
        get(&core, WIDGETS).unwrap_err().message,
        ApiError::unknown_path().message
    );
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.log");
    let open = || {
        Core::open(
            LogStorage::open(&path, Sync::Disk).unwrap(),
            &CoreOptions { seed: Some(2) },
        )
        .unwrap()
    };
    let first = core_with_namespace(open());
    send(&first, "POST", DEFINITIONS, JSON, &definition()).unwrap();
    let made = make(&first, "a");
    let last = first.store().revision();
    block_on(first.store().durable().wait(last)).unwrap();
    drop(first);
    let second = open();
    assert_eq!(get(&second, &format!("{MAPS}/a")).unwrap(), made);
    assert_eq!(get(&second, WIDGETS).unwrap(), value!([]));
    assert!(second.store().revision() > last);
    let mut resumed = watch(&second, &format!("{MAPS}?watch=1&resourceVersion={last}"));
    make(&second, "b");
    let seen = block_on(futures::StreamExt::next(&mut *resumed));
    assert!(matches!(seen, Some(WatchEvent::Added(object)) if object.key.name == "b"));
}

#[test]
fn a_deployment_gets_its_defaults_and_its_empty_parts() {
    let core = core();
    let text = br#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}],"hostNetwork":false}}}}"#;
    let made = send(
        &core,
        "POST",
        "/apis/apps/v1/namespaces/ns/deployments",
        JSON,
        &from_json(text).unwrap(),
    )
    .unwrap();
    assert_eq!(made.i64_at(&["spec", "replicas"]), Some(1));
    assert_eq!(made.get("status"), Some(&Value::map()));
    let spec = made.at(&["spec", "template", "spec"]).unwrap();
    assert_eq!(
        (spec.str_at(&["restartPolicy"]), spec.get("hostNetwork")),
        (Some("Always"), None)
    );
    let container = &spec.get("containers").and_then(Value::as_list).unwrap()[0];
    assert_eq!(
        (
            container.str_at(&["imagePullPolicy"]),
            container.get("resources")
        ),
        (Some("Always"), Some(&Value::map()))
    );
}

#[test]
fn an_apply_of_nothing_new_is_unseen_though_others_wrote_later() {
    let core = core();
    let apply = |seconds: i64, manager: &str, body: &Value| {
        let target = format!("{MAPS}/a?fieldManager={manager}");
        let request = Request::new("PATCH", &target).with_body(APPLY, to_json(body));
        let ApiPath::Resource(path) = parse_path(&request.path) else {
            panic!("a resource")
        };
        let operation = Operation::read(&request, &path, &core.registry().tables()).unwrap();
        let at = now() + jiff::SignedDuration::from_secs(seconds);
        shown(core.execute(&operation, &Identity::admin(), at).unwrap()).unwrap()
    };
    let labelled = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"l": "1"}}});
    apply(0, "alice", &config_map("a", "1"));
    let second = apply(5, "bob", &labelled);
    assert_eq!(apply(10, "alice", &config_map("a", "1")), second);
}
