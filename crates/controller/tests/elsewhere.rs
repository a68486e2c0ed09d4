//! Kustomizations of other clusters.

use super::elsewhere_world::{
    ADMIN_TOKEN, ALL, Addresses, Elsewhere, Way, account, grant, kubeconfig, secret,
};
use super::world::{World, condition, map, reference};
use std::sync::Arc;
use std::time::Duration;
use trueup_apiserver::core::Identity;
use trueup_cluster::{ApplyOptions, DeleteOptions, Patch, WriteOptions};
use trueup_object::{ObjectRef, Value, value};
use trueup_testkit::virtual_time;

pub const SERVER: &str = "https://production.example:6443";

pub struct Both {
    pub world: World,
    pub elsewhere: Elsewhere,
    addresses: Addresses,
    pub revision: String,
}

/// A world, another cluster, a folder with a ConfigMap, and a kubeconfig.
pub async fn both() -> Both {
    let addresses = Addresses::default();
    let connector = Arc::new(addresses.clone());
    let world = World::with(11, move |options| {
        options.connector = connector.clone();
    })
    .await;
    let elsewhere = Elsewhere::new(world.clock, 12).await;
    addresses.add(SERVER, &elsewhere);
    let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[("k", "v")]))]);
    world.repository().await;
    secret(&world, "production", &admin_kubeconfig()).await;
    Both {
        world,
        elsewhere,
        addresses,
        revision,
    }
}

/// The same, and the folder is applied to the other cluster.
async fn applied() -> Both {
    let both = both().await;
    let Both {
        world, revision, ..
    } = &both;
    world.kustomization("apps", "./apps", at_production()).await;
    world.applied("apps", revision).await;
    both
}

fn admin_kubeconfig() -> String {
    kubeconfig(SERVER, &format!("token: {ADMIN_TOKEN}"))
}

pub fn at_production() -> Value {
    value!({"kubeConfig": {"secretRef": {"name": "production"}}})
}

async fn data_elsewhere(elsewhere: &Elsewhere, name: &str) -> Option<String> {
    let found = elsewhere.get(&reference("v1", "ConfigMap", name)).await?;
    Some(found.str_at(&["data", "k"]).unwrap_or_default().to_owned())
}

async fn edit_elsewhere(elsewhere: &Elsewhere, name: &str, text: &str) {
    let patch = Patch::Merge(value!({"data": {"k": text}}));
    elsewhere
        .admin
        .patch(
            &reference("v1", "ConfigMap", name),
            &patch,
            &WriteOptions::new("eve"),
        )
        .await
        .unwrap();
}

async fn corrected(both: &Both) {
    both.world
        .until("drift is corrected there", async || {
            data_elsewhere(&both.elsewhere, "a").await.as_deref() == Some("v")
        })
        .await;
}

#[test]
fn another_cluster_is_applied_to_kept_right_pruned_and_cleaned_up() {
    virtual_time(async {
        let both = applied().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        assert_eq!(data_elsewhere(elsewhere, "a").await.as_deref(), Some("v"));
        assert!(world.config_map("a").await.is_none(), "not in our own");
        edit_elsewhere(elsewhere, "a", "other").await;
        let began = tokio::time::Instant::now();
        corrected(&both).await;
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "by the watch, not by the interval of an hour"
        );
        let second = world.push("second", &[("apps/b.yaml", &map("b", &[("k", "w")]))]);
        world.applied("apps", &second).await;
        assert_eq!(data_elsewhere(elsewhere, "a").await, None, "pruned");
        assert_eq!(world.controller.other_clusters(), 1);
        world.delete_kustomization("apps").await;
        assert_eq!(data_elsewhere(elsewhere, "b").await, None, "deleted");
        world.rest().await;
        assert_eq!(
            world.controller.other_clusters(),
            0,
            "the session is dropped"
        );
        let before = elsewhere.faults.request_count();
        tokio::time::sleep(Duration::from_secs(1200)).await;
        assert_eq!(elsewhere.faults.request_count(), before, "no watch is left");
    });
}

#[test]
fn the_account_is_one_of_the_other_cluster() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        let mut asked = at_production();
        asked.set_at(&["serviceAccountName"], "tenant".into());
        world.kustomization("apps", "./apps", asked).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("system:serviceaccount:fleet:tenant")
                && message.contains("'fleet/tenant' does not exist"),
            "{message}"
        );
        assert_eq!(data_elsewhere(elsewhere, "a").await, None);
        account(&elsewhere.admin, "tenant").await;
        grant(&elsewhere.admin, "tenant", &ALL).await;
        world.applied("apps", &both.revision).await;
        assert_eq!(data_elsewhere(elsewhere, "a").await.as_deref(), Some("v"));
    });
}

#[test]
fn a_cluster_that_goes_away_is_named_and_is_made_right_when_it_is_back() {
    virtual_time(async {
        let both = applied().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        elsewhere.set(Way::Refused);
        edit_elsewhere(elsewhere, "a", "other").await;
        let files = [
            ("apps/a.yaml", map("a", &[("k", "v")])),
            ("apps/b.yaml", map("b", &[("k", "w")])),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let second = world.push("second", &files);
        let mut message = String::new();
        world
            .until("it says which cluster does not answer", async || {
                message = world.fails("apps", "ReconciliationFailed").await;
                message.contains("can't be reached")
            })
            .await;
        for words in [
            SERVER,
            "Secret 'fleet/production' (key 'value')",
            "connection refused",
        ] {
            assert!(message.contains(words), "{words:?} in {message:?}");
        }
        assert!(!message.contains(ADMIN_TOKEN));
        elsewhere.set(Way::Open);
        world.applied("apps", &second).await;
        corrected(&both).await;
        assert_eq!(data_elsewhere(elsewhere, "b").await.as_deref(), Some("w"));
    });
}

#[test]
fn the_key_that_was_read_is_named() {
    virtual_time(async {
        let both = both().await;
        let world = &both.world;
        both.elsewhere.set(Way::Refused);
        let data = super::elsewhere_world::encoded(&admin_kubeconfig());
        let secret = value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "other-key", "namespace": "fleet"},
            "data": {"value.yaml": data},
        });
        world.apply(&secret).await;
        let asked = value!({"kubeConfig": {"secretRef": {"name": "other-key"}}});
        world.kustomization("apps", "./apps", asked).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("(key 'value.yaml')"), "{message}");
    });
}

#[test]
fn clusters_that_never_answer_hold_nobody_up() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        elsewhere.set(Way::Silent);
        for index in 0..40 {
            let (name, server) = (format!("s{index}"), format!("https://s{index}.example"));
            both.addresses.add(&server, elsewhere);
            secret(world, &name, &kubeconfig(&server, "token: x")).await;
            let asked = value!({"kubeConfig": {"secretRef": {"name": (name.clone())}}});
            world.kustomization(&name, "./apps", asked).await;
        }
        let began = tokio::time::Instant::now();
        world.kustomization("good", "./apps", Value::map()).await;
        world.applied("good", &both.revision).await;
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            began.elapsed()
        );
        let message = world.fails("s39", "ReconciliationFailed").await;
        assert!(message.contains("no answer within 10 s"), "{message}");
    });
}

#[test]
fn another_kubeconfig_is_used_as_soon_as_it_is_there() {
    virtual_time(async {
        let both = both().await;
        let world = &both.world;
        secret(world, "production", &kubeconfig(SERVER, "token: wrong")).await;
        world.kustomization("apps", "./apps", at_production()).await;
        world.fails("apps", "ReconciliationFailed").await;
        secret(world, "production", &admin_kubeconfig()).await;
        world.applied("apps", &both.revision).await;
        // To a third cluster, and back to nothing at all.
        let third = Elsewhere::new(world.clock, 13).await;
        both.addresses.add("https://third.example", &third);
        let token = format!("token: {ADMIN_TOKEN}");
        secret(
            world,
            "production",
            &kubeconfig("https://third.example", &token),
        )
        .await;
        world
            .until("it is applied to the third cluster", async || {
                data_elsewhere(&third, "a").await.is_some()
            })
            .await;
        world.rest().await;
        assert_eq!(world.controller.other_clusters(), 1, "the old one is left");
    });
}

#[test]
fn a_kubeconfig_that_is_missing_is_named_and_heals_when_it_comes() {
    virtual_time(async {
        let both = both().await;
        let world = &both.world;
        let asked = value!({"kubeConfig": {"secretRef": {"name": "later"}}});
        world.kustomization("apps", "./apps", asked).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("'fleet/later'"), "{message}");
        secret(world, "later", &admin_kubeconfig()).await;
        world.applied("apps", &both.revision).await;
    });
}

#[test]
fn a_kubeconfig_that_names_a_program_or_a_file_is_refused() {
    virtual_time(async {
        let both = both().await;
        let world = &both.world;
        for (name, user, path) in [
            (
                "program",
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'touch /tmp/owned']}",
                "users[u].user.exec",
            ),
            (
                "file",
                "tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token",
                "users[u].user.tokenFile",
            ),
        ] {
            secret(world, name, &kubeconfig(SERVER, user)).await;
            let asked = value!({"kubeConfig": {"secretRef": {"name": name}}});
            world.kustomization(name, "./apps", asked).await;
            let message = world.fails(name, "ReconciliationFailed").await;
            assert!(message.contains(path), "{message}");
            assert!(message.contains(&format!("'fleet/{name}'")), "{message}");
            assert!(!message.contains("/var/run") && !message.contains("touch"));
        }
        assert_eq!(world.controller.other_clusters(), 0);
    });
}

#[test]
fn an_account_s_token_opens_a_cluster_that_trusts_it() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        let settings = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "trusted", "namespace": "fleet"},
            "data": {"provider": "generic", "address": SERVER, "serviceAccountName": "opener"},
        });
        world.apply(&settings).await;
        let asked = value!({"kubeConfig": {"configMapRef": {"name": "trusted"}}});
        world.kustomization("apps", "./apps", asked).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("'fleet/opener'"), "{message}");
        account(&world.admin, "opener").await;
        elsewhere.trust_any(Identity::admin());
        world.applied("apps", &both.revision).await;
        assert_eq!(data_elsewhere(elsewhere, "a").await.as_deref(), Some("v"));
    });
}

#[test]
fn where_watching_is_forbidden_objects_are_read_at_the_interval_and_the_status_says_so() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        let weak = Identity {
            user: "system:serviceaccount:fleet:weak".into(),
            groups: vec!["system:authenticated".into()],
            ..Identity::admin()
        };
        elsewhere.trust("weak", weak);
        grant(
            &elsewhere.admin,
            "weak",
            &["get", "patch", "create", "delete"],
        )
        .await;
        secret(world, "production", &kubeconfig(SERVER, "token: weak")).await;
        let mut asked = at_production();
        asked.set_at(&["interval"], "10m".into());
        world.kustomization("apps", "./apps", asked).await;
        world.applied("apps", &both.revision).await;
        let status = world.kustomization_status("apps").await;
        let (truth, reason, message) = condition(&status, "Watching").unwrap();
        assert_eq!((truth.as_str(), reason.as_str()), ("False", "WatchFailed"));
        assert!(
            message.contains("configmaps") && message.contains("10m"),
            "{message}"
        );
        edit_elsewhere(elsewhere, "a", "other").await;
        tokio::time::sleep(Duration::from_secs(900)).await;
        corrected(&both).await;
        let role = value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "watcher"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}],
        });
        let binding = value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "watcher"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "watcher"},
            "subjects": [{"kind": "ServiceAccount", "name": "weak", "namespace": "fleet"}],
        });
        for object in [role, binding] {
            let options = ApplyOptions::new("person");
            elsewhere.admin.apply(&object, &options).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(900)).await;
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "Watching"), None);
    });
}

#[test]
fn objects_elsewhere_that_carry_our_labels_wake_nobody_here() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        world.kustomization("apps", "./apps", at_production()).await;
        world.kustomization("home", "./apps", Value::map()).await;
        world.applied("apps", &both.revision).await;
        world.applied("home", &both.revision).await;
        world.rest().await;
        let before = world.runs("home");
        // A copy there of what belongs here.
        let forged = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "forged", "namespace": "apps", "labels": {
                "kustomize.toolkit.fluxcd.io/name": "home",
                "kustomize.toolkit.fluxcd.io/namespace": "fleet",
            }},
        });
        let options = ApplyOptions::new("eve");
        elsewhere.admin.apply(&forged, &options).await.unwrap();
        let reference = reference("v1", "ConfigMap", "forged");
        elsewhere
            .admin
            .delete(&reference, &DeleteOptions::default())
            .await
            .unwrap();
        world.rest().await;
        assert_eq!(world.runs("home"), before);
        assert!(!world.told("forged"));
    });
}

#[test]
fn a_kustomization_of_a_cluster_that_is_away_goes_when_that_is_back() {
    virtual_time(async {
        let both = applied().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        elsewhere.set(Way::Refused);
        let apps = ObjectRef {
            namespace: "fleet".into(),
            ..reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
        };
        world
            .admin
            .delete(&apps, &DeleteOptions::default())
            .await
            .unwrap();
        world
            .until("it says why it is still there", async || {
                world.told("can't be reached")
            })
            .await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        let told = world.lines();
        let told = told.iter().filter(|it| it.contains("can't be reached"));
        assert_eq!(told.count(), 1, "it says so once");
        assert!(
            world
                .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
                .await
                .is_some()
        );
        elsewhere.set(Way::Open);
        world
            .until("the Kustomization is gone", async || {
                world
                    .get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps")
                    .await
                    .is_none()
            })
            .await;
        assert_eq!(data_elsewhere(elsewhere, "a").await, None);
    });
}

#[test]
fn a_namespace_that_goes_with_its_kubeconfig_is_not_held_up() {
    virtual_time(async {
        let both = applied().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        let secret = ObjectRef {
            namespace: "fleet".into(),
            ..reference("v1", "Secret", "production")
        };
        let options = DeleteOptions::default();
        world.admin.delete(&secret, &options).await.unwrap();
        world.fails("apps", "ReconciliationFailed").await;
        world.delete("v1", "Namespace", "fleet").await;
        world
            .until("the namespace is gone", async || {
                world.get("v1", "Namespace", "fleet").await.is_none()
            })
            .await;
        assert_eq!(data_elsewhere(elsewhere, "a").await.as_deref(), Some("v"));
        assert!(world.told("unable to prune objects"));
    });
}
