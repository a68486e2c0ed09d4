//! Tenants: what is done for them is done with their rights, and they hear
//! of nothing else.

use super::elsewhere_world::{ALL, account, grant};
use super::world::{World, condition, map};
use trueup_controller::CrossNamespace;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

async fn world_with_folder(content: &str) -> (World, String) {
    let world = World::new(5).await;
    let revision = world.commit("first", &[("apps/a.yaml", content)]);
    world.repository().await;
    (world, revision)
}

fn as_account(name: &str) -> Value {
    value!({"serviceAccountName": name})
}

#[test]
fn a_tenant_with_a_role_is_served_within_it() {
    virtual_time(async {
        let (world, revision) = world_with_folder(&map("a", &[("k", "v")])).await;
        account(&world.admin, "tenant").await;
        grant(&world.admin, "tenant", &ALL).await;
        world
            .kustomization("apps", "./apps", as_account("tenant"))
            .await;
        world.applied("apps", &revision).await;
        // Drift is seen by the shared watch and corrected as the account.
        let change = value!({"data": {"k": "other"}});
        world.patch("v1", "ConfigMap", "a", "eve", change).await;
        world
            .until("the drift is corrected", async || {
                let found = world.config_map("a").await.unwrap();
                found.str_at(&["data", "k"]) == Some("v")
            })
            .await;
        let second = world.push("second", &[("apps/b.yaml", &map("b", &[]))]);
        world.applied("apps", &second).await;
        assert!(world.config_map("a").await.is_none(), "pruned");
    });
}

#[test]
fn a_tenant_without_rights_writes_nothing_and_is_told_which_it_lacks() {
    virtual_time(async {
        let (world, revision) = world_with_folder(&map("a", &[])).await;
        account(&world.admin, "tenant").await;
        world
            .kustomization("apps", "./apps", as_account("tenant"))
            .await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        for words in [
            "ConfigMap/apps/a dry-run failed (Forbidden)",
            "User \"system:serviceaccount:fleet:tenant\" cannot patch resource \"configmaps\"",
        ] {
            assert!(message.contains(words), "{words:?} in {message:?}");
        }
        assert!(!message.contains("does not exist"), "{message}");
        assert!(world.config_map("a").await.is_none());
        grant(&world.admin, "tenant", &ALL).await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn what_a_tenant_has_no_right_to_is_forgotten_once_it_leaves_git() {
    virtual_time(async {
        let (world, first) = world_with_folder(&map("a", &[])).await;
        account(&world.admin, "tenant").await;
        grant(&world.admin, "tenant", &ALL).await;
        world
            .kustomization("apps", "./apps", as_account("tenant"))
            .await;
        world.applied("apps", &first).await;
        let (a, forbidden) = (map("a", &[]), map("b", &[]));
        let forbidden = forbidden.replace("namespace: apps", "namespace: fleet");
        let files = [("apps/a.yaml", a.as_str()), ("apps/b.yaml", &forbidden)];
        world.push("too much", &files);
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("(Forbidden)"), "{message}");
        // It may not even be looked for.
        let third = world.push("enough", &files[..1]);
        world.applied("apps", &third).await;
    });
}

#[test]
fn a_tenant_may_not_give_itself_rights() {
    virtual_time(async {
        let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
            metadata: {name: up}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n\
            subjects: [{kind: ServiceAccount, name: tenant, namespace: fleet}]\n";
        let (world, _) = world_with_folder(binding).await;
        account(&world.admin, "tenant").await;
        grant(&world.admin, "tenant", &ALL).await;
        world
            .kustomization("apps", "./apps", as_account("tenant"))
            .await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("clusterrolebindings"), "{message}");
        let found = world
            .get("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "up")
            .await;
        assert!(found.is_none());
    });
}

#[test]
fn who_names_no_account_acts_as_the_default_one() {
    virtual_time(async {
        let world = World::with(6, |options| {
            options.default_service_account = Some("weak".into());
        })
        .await;
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        account(&world.admin, "weak").await;
        world.kustomization("apps", "./apps", Value::map()).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("system:serviceaccount:fleet:weak"),
            "{message}"
        );
        assert!(world.config_map("a").await.is_none());
    });
}

#[test]
fn an_account_that_does_not_exist_is_named() {
    virtual_time(async {
        let (world, _) = world_with_folder(&map("a", &[])).await;
        world
            .kustomization("apps", "./apps", as_account("ghost"))
            .await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        let words = "The service account 'fleet/ghost' does not exist";
        assert!(message.contains(words), "{message}");
    });
}

#[test]
fn objects_of_an_account_that_is_gone_are_left_and_named() {
    virtual_time(async {
        let (world, revision) = world_with_folder(&map("a", &[])).await;
        account(&world.admin, "tenant").await;
        grant(&world.admin, "tenant", &ALL).await;
        world
            .kustomization("apps", "./apps", as_account("tenant"))
            .await;
        world.applied("apps", &revision).await;
        let gone = trueup_object::ObjectRef {
            namespace: "fleet".into(),
            ..super::world::reference("v1", "ServiceAccount", "tenant")
        };
        world
            .admin
            .delete(&gone, &Default::default())
            .await
            .unwrap();
        world.delete_kustomization("apps").await;
        assert!(world.config_map("a").await.is_some(), "left in the cluster");
        assert!(world.told("unable to prune objects: \nConfigMap/apps/a"));
        assert!(world.told("the service account 'fleet/tenant' does not exist"));
    });
}

#[test]
fn references_to_other_namespaces_are_denied_where_they_are_forbidden() {
    virtual_time(async {
        let world = World::with(7, |options| {
            options.cross_namespace = CrossNamespace::Refused;
        })
        .await;
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        world.kustomization("good", "./apps", Value::map()).await;
        let source =
            value!({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "apps"}});
        world.kustomization("source", "./apps", source).await;
        let dependency = value!({"dependsOn": [{"name": "good", "namespace": "apps"}]});
        world
            .kustomization("dependency", "./apps", dependency)
            .await;
        world.applied("good", &revision).await;
        for (name, denied) in [
            ("source", "'GitRepository/apps/fleet'"),
            ("dependency", "apps/good"),
        ] {
            let message = world.fails(name, "AccessDenied").await;
            assert!(message.contains(denied), "{message}");
            assert!(message.contains("cross-namespace references have been blocked"));
            let status = world.kustomization_status(name).await;
            let stalled = condition(&status, "Stalled").unwrap();
            assert_eq!(
                (stalled.0.as_str(), stalled.1.as_str()),
                ("True", "AccessDenied")
            );
        }
    });
}

#[test]
fn a_tenant_hears_nothing_of_what_it_may_not_read() {
    virtual_time(async {
        let (world, _) = world_with_folder(&map("a", &[])).await;
        let content = map("private", &[("password", "s3cret")]);
        let theirs = map("private", &[("password", "mine")]);
        let files = [("own/p.yaml", content.as_str()), ("theirs/p.yaml", &theirs)];
        let revision = world.commit("more", &files);
        world.kustomization("own", "./own", Value::map()).await;
        world.applied("own", &revision).await;
        // The account may do nothing, and the object is another's.
        account(&world.admin, "tenant").await;
        world
            .kustomization("theirs", "./theirs", as_account("tenant"))
            .await;
        let message = world.fails("theirs", "ReconciliationFailed").await;
        assert!(message.contains("(Forbidden)"), "{message}");
        for secret in ["s3cret", "own"] {
            assert!(!message.contains(secret), "{message}");
        }
        let told: Vec<_> = world
            .lines()
            .into_iter()
            .filter(|line| line.starts_with("Kustomization/fleet/theirs"))
            .collect();
        assert!(!told.iter().any(|line| line.contains("s3cret")), "{told:?}");
        let private = world.config_map("private").await.unwrap();
        assert_eq!(private.str_at(&["data", "password"]), Some("s3cret"));
    });
}

#[test]
fn health_of_what_a_tenant_may_not_read_is_not_told() {
    virtual_time(async {
        let (world, _) = world_with_folder(&map("a", &[])).await;
        account(&world.admin, "tenant").await;
        grant(&world.admin, "tenant", &ALL).await;
        let waits = value!({
            "serviceAccountName": "tenant", "timeout": "1m",
            "healthChecks": [{"apiVersion": "v1", "kind": "Secret", "name": "hidden", "namespace": "apps"}],
        });
        world.kustomization("apps", "./apps", waits).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("cannot get resource \"secrets\""),
            "{message}"
        );
    });
}

#[test]
fn a_namespace_that_is_ending_takes_nothing_in() {
    virtual_time(async {
        let (world, _) = world_with_folder(&map("a", &[])).await;
        let held = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "held", "namespace": "apps", "finalizers": ["example.com/hold"]},
        });
        world.apply(&held).await;
        world.delete("v1", "Namespace", "apps").await;
        world.kustomization("apps", "./apps", Value::map()).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("ConfigMap/apps/a"), "{message}");
        assert!(message.contains("being terminated"), "{message}");
    });
}

#[test]
fn a_quota_that_is_used_up_is_named_at_the_object() {
    virtual_time(async {
        let (world, _) = world_with_folder(&map("a", &[])).await;
        let quota = value!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "none", "namespace": "apps"},
            "spec": {"hard": {"count/configmaps": "0"}},
        });
        world.apply(&quota).await;
        world.rest().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("ConfigMap/apps/a"), "{message}");
        assert!(message.contains("exceeded quota: none"), "{message}");
    });
}
