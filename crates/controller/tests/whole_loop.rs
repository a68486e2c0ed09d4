//! From a push to the cluster, and back.

use super::world::{World, condition, map};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::{Fault, virtual_time};

/// A world with one Kustomization `apps` of the folder `apps`.
async fn simple() -> World {
    let world = World::new(1).await;
    world.commit(
        "first",
        &[
            ("apps/a.yaml", &map("a", &[("key", "one")])),
            ("other/x.yaml", &map("x", &[])),
        ],
    );
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world
        .until("a is there", async || world.config_map("a").await.is_some())
        .await;
    world.rest().await;
    world
}

#[test]
fn a_push_reaches_the_cluster_and_is_told() {
    virtual_time(async {
        let world = simple().await;
        let revision = world.push(
            "second",
            &[
                ("apps/a.yaml", &map("a", &[("key", "two")])),
                ("apps/b.yaml", &map("b", &[])),
            ],
        );
        world.applied("apps", &revision).await;
        assert_eq!(
            world
                .config_map("a")
                .await
                .unwrap()
                .str_at(&["data", "key"]),
            Some("two")
        );
        assert!(world.config_map("b").await.is_some());
        let status = world.kustomization_status("apps").await;
        let ready = condition(&status, "Ready").unwrap();
        assert_eq!(
            (ready.1.as_str(), ready.2),
            (
                "ReconciliationSucceeded",
                format!("Applied revision: {revision}")
            )
        );
        let ids: Vec<_> = status
            .at(&["inventory", "entries"])
            .unwrap()
            .as_list()
            .unwrap()
            .iter()
            .map(|it| it.str_at(&["id"]).unwrap())
            .collect();
        assert_eq!(ids, ["apps_a__ConfigMap", "apps_b__ConfigMap"]);
        assert_eq!(condition(&status, "Reconciling"), None);
        for text in [
            "stored artifact for commit 'second'",
            "ConfigMap/apps/b created",
            "ConfigMap/apps/a configured (.data.key \"one\" → \"two\")",
        ] {
            assert!(world.told(text), "{text} in {:#?}", world.lines());
        }
        let source = world.repository_status().await;
        assert_eq!(
            source.str_at(&["artifact", "revision"]),
            Some(revision.as_str())
        );
        assert_eq!(condition(&source, "ArtifactInStorage").unwrap().0, "True");
    });
}

#[test]
fn what_leaves_the_source_leaves_the_cluster_and_a_revert_brings_it_back() {
    virtual_time(async {
        let world = simple().await;
        let files = [
            ("apps/a.yaml", map("a", &[])),
            ("apps/b.yaml", map("b", &[])),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let with_b = world.push("with b", &files);
        world.applied("apps", &with_b).await;
        let without = world.push("without b", &files[..1]);
        world.applied("apps", &without).await;
        assert!(world.config_map("b").await.is_none());
        assert!(world.config_map("a").await.is_some());
        let status = world.kustomization_status("apps").await;
        assert_eq!(
            status
                .at(&["inventory", "entries"])
                .unwrap()
                .as_list()
                .unwrap()
                .len(),
            1
        );
        let again = world.push("revert", &files);
        world.applied("apps", &again).await;
        assert!(world.config_map("b").await.is_some());
    });
}

#[test]
fn a_commit_elsewhere_costs_one_patch_of_the_status() {
    virtual_time(async {
        let world = simple().await;
        let before = world.faults.writes().len();
        let a = map("a", &[("key", "one")]);
        let revision = world.push(
            "elsewhere",
            &[
                ("apps/a.yaml", &a),
                ("other/x.yaml", &map("x", &[("new", "x")])),
            ],
        );
        world.applied("apps", &revision).await;
        world.rest().await;
        let writes = world.faults.writes()[before..].to_vec();
        let paths: Vec<&str> = writes
            .iter()
            .map(|it| it.path.as_str())
            .filter(|path| !path.contains("/events"))
            .collect();
        assert_eq!(
            paths,
            [
                "/apis/source.toolkit.fluxcd.io/v1/namespaces/fleet/gitrepositories/fleet/status",
                "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/fleet/kustomizations/apps/status",
            ]
        );
    });
}

#[test]
fn an_interval_that_finds_nothing_asks_for_nothing_and_writes_nothing() {
    virtual_time(async {
        let world = simple().await;
        world
            .patch_kustomization("apps", value!({"spec": {"interval": "1m"}}))
            .await;
        world.rest().await;
        let (before, writes) = (world.faults.request_count(), world.faults.write_count());
        let version = world
            .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
            .await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(world.faults.write_count(), writes);
        let watches = 12;
        assert!(
            world.faults.request_count() - before <= watches,
            "{} requests",
            world.faults.request_count() - before
        );
        assert_eq!(
            world
                .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
                .await,
            version
        );
    });
}

#[test]
fn a_suspended_kustomization_is_left_alone_and_resumed() {
    virtual_time(async {
        let world = simple().await;
        world
            .patch_kustomization("apps", value!({"spec": {"suspend": true}}))
            .await;
        world.rest().await;
        let status = world.kustomization_status("apps").await;
        let revision = world.push("second", &[("apps/a.yaml", &map("a", &[("key", "two")]))]);
        world.rest().await;
        assert_eq!(world.kustomization_status("apps").await, status);
        assert_eq!(
            world
                .config_map("a")
                .await
                .unwrap()
                .str_at(&["data", "key"]),
            Some("one")
        );
        world
            .patch_kustomization("apps", value!({"spec": {"suspend": false}}))
            .await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn a_person_s_request_is_handled_and_acknowledged() {
    virtual_time(async {
        let world = simple().await;
        let request =
            value!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "just now"}}});
        let revision = world.commit("not told", &[("apps/a.yaml", &map("a", &[("key", "two")]))]);
        world
            .patch(
                "source.toolkit.fluxcd.io/v1",
                "GitRepository",
                "fleet",
                "flux",
                request.clone(),
            )
            .await;
        world.applied("apps", &revision).await;
        world.patch_kustomization("apps", request).await;
        world
            .until("both acknowledged", async || {
                let handled =
                    |status: &Value| status.str_at(&["lastHandledReconcileAt"]) == Some("just now");
                handled(&world.kustomization_status("apps").await)
                    && handled(&world.repository_status().await)
            })
            .await;
    });
}

#[test]
fn dependents_wait_for_what_they_depend_on_and_follow_at_once() {
    virtual_time(async {
        let world = World::new(2).await;
        let files = [
            ("base/a.yaml", map("a", &[])),
            ("top/b.yaml", map("b", &[])),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let revision = world.commit("first", &files);
        world.repository().await;
        world
            .kustomization("top", "./top", value!({"dependsOn": [{"name": "base"}]}))
            .await;
        let message = world.fails("top", "DependencyNotReady").await;
        assert!(message.contains("'fleet/base' not found"), "{message}");
        assert!(world.config_map("b").await.is_none());
        world.kustomization("base", "./base", Value::map()).await;
        let began = tokio::time::Instant::now();
        world.applied("top", &revision).await;
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "woken, not polled: {:?}",
            began.elapsed()
        );
        assert!(world.config_map("b").await.is_some());
    });
}

#[test]
fn a_circle_is_named_and_heals() {
    virtual_time(async {
        let world = World::new(3).await;
        let revision = world.commit(
            "first",
            &[("a/a.yaml", &map("a", &[])), ("b/b.yaml", &map("b", &[]))],
        );
        world.repository().await;
        world
            .kustomization("a", "./a", value!({"dependsOn": [{"name": "b"}]}))
            .await;
        world
            .kustomization("b", "./b", value!({"dependsOn": [{"name": "a"}]}))
            .await;
        let message = world.fails("a", "DependencyCycle").await;
        assert!(
            message
                .contains("Kustomization/fleet/a → Kustomization/fleet/b → Kustomization/fleet/a"),
            "{message}"
        );
        world
            .patch_kustomization("b", value!({"spec": {"dependsOn": null}}))
            .await;
        world.applied("a", &revision).await;
    });
}

#[test]
fn health_is_waited_for_without_a_worker_until_it_comes_or_time_is_up() {
    virtual_time(async {
        let world = World::new(4).await;
        let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";
        let revision = world.commit("first", &[("apps/web.yaml", deployment)]);
        world.repository().await;
        world
            .kustomization("apps", "./apps", value!({"wait": true, "timeout": "1m"}))
            .await;
        world
            .until("waiting", async || {
                condition(&world.kustomization_status("apps").await, "Healthy")
                    .is_some_and(|it| it.0 == "Unknown")
            })
            .await;
        world
            .until("quiet while waiting", async || {
                world.controller.load().borrow().is_quiet()
            })
            .await;
        let message = world.fails("apps", "HealthCheckFailed").await;
        assert!(
            message.contains("Deployment/apps/web status: 'InProgress'"),
            "{message}"
        );
        let generation = world
            .get("apps/v1", "Deployment", "web")
            .await
            .unwrap()
            .i64_at(&["metadata", "generation"])
            .unwrap();
        let status = value!({"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]});
        let web = super::world::reference("apps/v1", "Deployment", "web");
        world
            .admin
            .patch_status(&web, &status, None, "node")
            .await
            .unwrap();
        world.applied("apps", &revision).await;
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "Healthy").unwrap().0, "True");
    });
}

#[test]
fn a_run_ends_at_its_timeout_and_is_tried_again() {
    virtual_time(async {
        let world = simple().await;
        let spec = value!({"spec": {"timeout": "30s"}});
        world.patch_kustomization("apps", spec).await;
        world.rest().await;
        world.faults.fail_next_write(Fault::Silence);
        world.delete("v1", "ConfigMap", "a").await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("timeout of 30s: context deadline exceeded"),
            "{message}"
        );
        world
            .until("a is back", async || world.config_map("a").await.is_some())
            .await;
    });
}

#[test]
fn everything_goes_into_the_target_namespace() {
    virtual_time(async {
        let world = World::new(5).await;
        let elsewhere = map("a", &[]).replace("namespace: apps", "namespace: elsewhere");
        let revision = world.commit("first", &[("apps/a.yaml", &elsewhere)]);
        world.repository().await;
        world
            .kustomization("apps", "./apps", value!({"targetNamespace": "apps"}))
            .await;
        world.applied("apps", &revision).await;
        assert!(world.config_map("a").await.is_some());
        let status = world.kustomization_status("apps").await;
        let ids = status
            .at(&["inventory", "entries"])
            .unwrap()
            .as_list()
            .unwrap();
        assert_eq!(ids[0].str_at(&["id"]), Some("apps_a__ConfigMap"));
    });
}

#[test]
fn a_deleted_kustomization_takes_its_objects_along() {
    virtual_time(async {
        let world = simple().await;
        world.delete_kustomization("apps").await;
        assert!(world.config_map("a").await.is_none());
        world
            .delete("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet")
            .await;
        world
            .until("artifacts removed", async || world.store.paths().is_empty())
            .await;
    });
}

#[test]
fn a_restart_checks_each_object_once_and_writes_nothing() {
    virtual_time(async {
        let mut world = simple().await;
        let before = world.faults.writes().len();
        world.restart().await;
        world.rest().await;
        let writes = world.faults.writes()[before..].to_vec();
        let (dry, kept): (Vec<_>, Vec<_>) = writes.iter().partition(|it| it.is_dry_run());
        assert_eq!(dry.len(), 1, "{dry:#?}");
        assert_eq!(kept.len(), 0, "{kept:#?}");
    });
}

#[test]
fn definitions_come_before_what_they_define() {
    virtual_time(async {
        let world = World::new(5).await;
        let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets, singular: widget}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}\n";
        let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: made}\nspec: {size: 3}\n";
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: made}\n";
        let files = [
            ("apps/1.yaml", widget),
            ("apps/2.yaml", definition),
            ("apps/3.yaml", namespace),
        ];
        let revision = world.commit("all at once", &files);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        let gone = world.push("nothing", &[("apps/readme.txt", "x")]);
        world.applied("apps", &gone).await;
        world
            .until("pruned", async || {
                world
                    .get(
                        "apiextensions.k8s.io/v1",
                        "CustomResourceDefinition",
                        "widgets.example.com",
                    )
                    .await
                    .is_none()
                    && world.get("v1", "Namespace", "made").await.is_none()
            })
            .await;
    });
}

#[test]
fn only_the_holder_of_the_leases_acts_and_gives_them_up_at_its_end() {
    virtual_time(async {
        let world = World::new(6).await;
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        let first = world.elect("first");
        world
            .until("the first leads", async || world.holds_lease("first").await)
            .await;
        world.controller.kill();
        let second = world.elect("second");
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        assert!(world.holds_lease("first").await);
        first.shutdown().await;
        let began = tokio::time::Instant::now();
        world
            .until("the second leads", async || {
                world.holds_lease("second").await
            })
            .await;
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{:?}",
            began.elapsed()
        );
        let next = world.commit("second", &[("apps/a.yaml", &map("a", &[("key", "new")]))]);
        second.notify_push(super::world::URL);
        world.applied("apps", &next).await;
    });
}
