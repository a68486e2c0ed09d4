//! What a cluster serves, kept and renewed.

use crate::script::{DISCOVERY_GROUPS, Reply, Script};
use std::time::Duration;
use trueup_cluster::{ErrorClass, Placement, Verb};
use trueup_object::GroupVersionKind;
use trueup_testkit::virtual_time;

fn deployment() -> GroupVersionKind {
    GroupVersionKind::new("apps/v1", "Deployment")
}

fn widget() -> GroupVersionKind {
    GroupVersionKind::new("example.com/v1", "Widget")
}

fn with_widget() -> String {
    DISCOVERY_GROUPS.replacen(
        "\"items\":[",
        r#""items":[{"metadata":{"name":"example.com"},"versions":[{"version":"v1","resources":[
        {"resource":"widgets","responseKind":{"group":"example.com","version":"v1","kind":"Widget"},"scope":"Cluster","verbs":["get"]}]}]},"#,
        1,
    )
}

#[test]
fn aggregated_discovery_costs_two_requests_for_all_kinds() {
    virtual_time(async {
        let script = Script::new();
        let session = script.cluster().session();
        let row = session.resource_of(&deployment()).await.unwrap().unwrap();
        assert_eq!(
            (row.plural.as_str(), row.placement),
            ("deployments", Placement::Namespaced)
        );
        assert!(
            row.has_subresource("status") && row.has_subresource("scale") && row.allows("patch")
        );
        assert_eq!(row.full_name(), "deployments.apps");
        session
            .resource_of(&GroupVersionKind::new("v1", "Namespace"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(session.cluster().counters().of_verb(Verb::Discover), 2);
    });
}

#[test]
fn many_at_once_read_it_once() {
    virtual_time(async {
        let script = Script::new();
        let session = script.cluster().session();
        let kind = deployment();
        let rows = futures::future::join_all((0..20).map(|_| session.resource_of(&kind))).await;
        assert!(rows.into_iter().all(|row| row.unwrap().is_some()));
        assert_eq!(session.cluster().counters().of_verb(Verb::Discover), 2);
    });
}

#[test]
fn servers_of_old_are_read_group_by_group() {
    virtual_time(async {
        let script = Script::default();
        script.on("GET /api", r#"{"kind":"APIVersions","versions":["v1"]}"#);
        script.on(
            "GET /apis",
            r#"{"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}},
            {"name":"broken","versions":[{"groupVersion":"broken/v1","version":"v1"}]}]}"#,
        );
        script.on(
            "GET /api/v1",
            r#"{"kind":"APIResourceList","resources":[{"name":"namespaces","singularName":"namespace","namespaced":false,"kind":"Namespace","verbs":["get"]}]}"#,
        );
        script.on(
            "GET /apis/apps/v1",
            r#"{"kind":"APIResourceList","resources":[{"name":"deployments","singularName":"deployment","namespaced":true,"kind":"Deployment","verbs":["get"]},
            {"name":"deployments/scale","singularName":"","namespaced":true,"group":"autoscaling","version":"v1","kind":"Scale","verbs":["get"]}]}"#,
        );
        script.reply("GET /apis/broken/v1", Reply::Json(503, String::new()));
        let session = script.cluster().session();
        let row = session.resource_of(&deployment()).await.unwrap().unwrap();
        assert!(row.is_namespaced() && row.has_subresource("scale"));
        let namespace = session
            .resource_of(&GroupVersionKind::new("v1", "Namespace"))
            .await
            .unwrap()
            .unwrap();
        assert!(!namespace.is_namespaced());
    });
}

#[test]
fn a_missing_kind_is_looked_for_anew_but_not_too_often() {
    virtual_time(async {
        let script = Script::new();
        let session = script.cluster().session();
        for _ in 0..50 {
            let error = session.resource(&widget()).await.unwrap_err();
            assert_eq!(error.class(), ErrorClass::KindMissing);
            assert_eq!(
                error.message(),
                "no matches for kind \"Widget\" in version \"example.com/v1\""
            );
        }
        // The first reading and three more, two requests each.
        assert_eq!(session.cluster().counters().of_verb(Verb::Discover), 8);
        script.instead("GET /apis", &with_widget());
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(session.resource_of(&widget()).await.unwrap().is_some());
    });
}

#[test]
fn invalidation_makes_the_next_question_read_anew_and_wakes_who_waits() {
    virtual_time(async {
        let script = Script::new();
        let cluster = script.cluster();
        let session = cluster.session();
        session.resource_of(&deployment()).await.unwrap();
        let mut changes = cluster.discovery_changes();
        script.instead("GET /apis", &with_widget());
        cluster.invalidate_discovery();
        changes.changed().await;
        assert!(session.resource_of(&widget()).await.unwrap().is_some());
        assert_eq!(cluster.counters().of_verb(Verb::Discover), 4);
    });
}
