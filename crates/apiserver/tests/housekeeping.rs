//! Garbage collection, namespaces, default objects, events, aggregation:
//! deterministic and finished after one call.

use crate::support::{START, admin, send, status, still_server};
use jiff::{SignedDuration, Timestamp};
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::ApiServer;
use trueup_object::{Value, value};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn now() -> Timestamp {
    START.parse().unwrap()
}

fn map(server: &ApiServer, name: &str, metadata: Value) -> String {
    let mut body = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    body.set_at(&["metadata", "name"], name.into());
    let made = admin(server, "POST", MAPS, Some(body));
    made.str_at(&["metadata", "uid"]).unwrap().to_owned()
}

fn owned_by(name: &str, uid: &str) -> Value {
    value!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": true}]})
}

fn get(server: &ApiServer, name: &str) -> u16 {
    status(server, &format!("{MAPS}/{name}"))
}

#[test]
fn a_chain_of_owners_goes_in_one_call_and_a_second_call_writes_nothing() {
    let server = still_server();
    let mut uid = map(&server, "o0", Value::map());
    for depth in 1..20 {
        uid = map(
            &server,
            &format!("o{depth}"),
            owned_by(&format!("o{}", depth - 1), &uid),
        );
    }
    server.housekeeping(now());
    assert_eq!(
        get(&server, "o19"),
        200,
        "owners that are there keep their dependents"
    );
    admin(&server, "DELETE", &format!("{MAPS}/o0"), None);
    server.housekeeping(now());
    for depth in 0..20 {
        assert_eq!(get(&server, &format!("o{depth}")), 404, "o{depth}");
    }
    assert_eq!(server.housekeeping(now()), 0);
}

#[test]
fn an_owner_of_another_uid_or_namespace_is_no_owner() {
    let server = still_server();
    let uid = map(&server, "owner", Value::map());
    map(
        &server,
        "wrong",
        owned_by("owner", "11111111-2222-3333-4444-555555555555"),
    );
    let mut elsewhere =
        value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": (owned_by("owner", &uid))});
    elsewhere.set_at(&["metadata", "name"], "elsewhere".into());
    admin(
        &server,
        "POST",
        "/api/v1/namespaces/kube-public/configmaps",
        Some(elsewhere),
    );
    map(&server, "right", owned_by("owner", &uid));
    server.housekeeping(now());
    assert_eq!(get(&server, "wrong"), 404);
    assert_eq!(
        status(
            &server,
            "/api/v1/namespaces/kube-public/configmaps/elsewhere"
        ),
        404
    );
    assert_eq!(get(&server, "right"), 200);
}

#[test]
fn a_kind_that_is_not_served_is_never_taken_for_absent() {
    let server = still_server();
    let owner = value!({"ownerReferences": [{"apiVersion": "x.example.com/v1", "kind": "Gone", "name": "a", "uid": "11111111-2222-3333-4444-555555555555"}]});
    map(&server, "kept", owner);
    server.housekeeping(now());
    assert_eq!(get(&server, "kept"), 200);
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A version of the kind `Widget`.
fn version(is_served: Value) -> Value {
    let schema = value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    value!({"name": "v1", "served": is_served, "storage": true,
        "schema": {"openAPIV3Schema": schema}})
}

/// A definition, an object of it, and one that this owns.
fn owned_by_a_widget(server: &ApiServer) {
    let definition = value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [(version(true.into()))]},
    });
    admin(server, "POST", DEFINITIONS, Some(definition));
    let widget = value!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "owner"}});
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = admin(server, "POST", widgets, Some(widget));
    let uid = widget.str_at(&["metadata", "uid"]).unwrap();
    let owner = value!({"apiVersion": "example.com/v1", "kind": "Widget", "name": "owner",
        "uid": uid});
    map(server, "child", value!({"ownerReferences": [owner]}));
    server.housekeeping(now());
    assert_eq!(get(server, "child"), 200);
}

#[test]
fn what_is_owned_goes_with_an_owner_whose_definition_is_deleted() {
    let server = still_server();
    owned_by_a_widget(&server);
    let definition = format!("{DEFINITIONS}/widgets.example.com");
    admin(&server, "DELETE", &definition, None);
    server.housekeeping(now());
    assert_eq!(status(&server, &definition), 404);
    assert_eq!(get(&server, "child"), 404);
    assert_eq!(server.housekeeping(now()), 0);
}

#[test]
fn what_is_owned_stays_with_an_owner_that_is_there_but_not_served() {
    let server = still_server();
    owned_by_a_widget(&server);
    let definition = format!("{DEFINITIONS}/widgets.example.com");
    let unserved = value!({"spec": {"versions": [(version(false.into()))]}});
    admin(&server, "PATCH", &definition, Some(unserved));
    server.housekeeping(now());
    assert_eq!(get(&server, "child"), 200);
}

#[test]
fn foreground_deletion_waits_for_what_blocks_and_orphaning_lets_go() {
    let server = still_server();
    let uid = map(&server, "owner", Value::map());
    let mut metadata = owned_by("owner", &uid);
    metadata.set_at(&["finalizers"], value!(["example.com/hold"]));
    map(&server, "blocker", metadata);
    admin(
        &server,
        "DELETE",
        &format!("{MAPS}/owner?propagationPolicy=Foreground"),
        None,
    );
    server.housekeeping(now());
    assert_eq!(
        (get(&server, "owner"), get(&server, "blocker")),
        (200, 200),
        "both wait for the finalizer"
    );
    admin(
        &server,
        "PATCH",
        &format!("{MAPS}/blocker"),
        Some(value!({"metadata": {"finalizers": null}})),
    );
    server.housekeeping(now());
    assert_eq!((get(&server, "owner"), get(&server, "blocker")), (404, 404));

    let uid = map(&server, "owner", Value::map());
    map(&server, "child", owned_by("owner", &uid));
    admin(
        &server,
        "DELETE",
        &format!("{MAPS}/owner?propagationPolicy=Orphan"),
        None,
    );
    server.housekeeping(now());
    assert_eq!(get(&server, "owner"), 404);
    let child = admin(&server, "GET", &format!("{MAPS}/child"), None);
    assert_eq!(child.at(&["metadata", "ownerReferences"]), None);
}

#[test]
fn a_deleted_namespace_takes_its_contents_and_says_what_holds_it() {
    let server = still_server();
    let namespace =
        value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}});
    admin(&server, "POST", "/api/v1/namespaces", Some(namespace));
    server.housekeeping(now());
    let maps = "/api/v1/namespaces/doomed/configmaps";
    assert_eq!(status(&server, &format!("{maps}/kube-root-ca.crt")), 200);
    assert_eq!(
        status(&server, "/api/v1/namespaces/doomed/serviceaccounts/default"),
        200
    );
    let held = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/f"]}});
    admin(&server, "POST", maps, Some(held.clone()));
    admin(&server, "DELETE", "/api/v1/namespaces/doomed", None);
    server.housekeeping(now());
    let (refused, answer) = send(&server, &Identity::admin(), "POST", maps, Some(held));
    assert_eq!(
        (refused, answer.str_at(&["reason"])),
        (403, Some("Forbidden"))
    );
    let doomed = admin(&server, "GET", "/api/v1/namespaces/doomed", None);
    let conditions = doomed
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap();
    assert!(conditions.iter().any(|it| it.str_at(&["message"])
        == Some("Some content in the namespace has finalizers remaining: example.com/f in 1 resource instances")));
    admin(
        &server,
        "PATCH",
        &format!("{maps}/held"),
        Some(value!({"metadata": {"finalizers": null}})),
    );
    server.housekeeping(now());
    assert_eq!(status(&server, "/api/v1/namespaces/doomed"), 404);
    assert_eq!(server.housekeeping(now()), 0);
}

#[test]
fn default_objects_come_back() {
    let server = still_server();
    for target in [
        "/api/v1/namespaces/default/serviceaccounts/default",
        "/api/v1/namespaces/default/configmaps/kube-root-ca.crt",
        "/api/v1/namespaces/default/services/kubernetes",
    ] {
        admin(&server, "DELETE", target, None);
        server.housekeeping(now());
        assert_eq!(status(&server, target), 200, "{target}");
    }
}

#[test]
fn events_are_forgotten_after_an_hour() {
    let server = still_server();
    let event = value!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}, "reason": "Why", "type": "Normal"
    });
    admin(
        &server,
        "POST",
        "/api/v1/namespaces/default/events",
        Some(event),
    );
    let target = "/api/v1/namespaces/default/events/e";
    server.housekeeping(now() + SignedDuration::from_secs(3599));
    assert_eq!(status(&server, target), 200);
    server.housekeeping(now() + SignedDuration::from_secs(3600));
    assert_eq!(status(&server, target), 404);
}

#[test]
fn roles_gather_the_rules_of_those_that_they_choose() {
    let server = still_server();
    let role = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "more", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}]
    });
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    admin(&server, "POST", roles, Some(role));
    server.housekeeping(now());
    for name in ["view", "edit", "admin"] {
        let gathered = admin(&server, "GET", &format!("{roles}/{name}"), None);
        let rules = gathered.get("rules").and_then(Value::as_list).unwrap();
        assert!(
            rules
                .iter()
                .any(|rule| rule.at(&["apiGroups"]) == Some(&value!(["example.com"]))),
            "{name}"
        );
    }
    assert_eq!(server.housekeeping(now()), 0);
}
