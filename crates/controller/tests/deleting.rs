//! Deletions in the moment in which somebody else does something.

use super::elsewhere::{Both, SERVER, at_production, both};
use super::elsewhere_world::{ALL, Elsewhere, account, grant, kubeconfig, secret};
use super::world::{World, condition, map, reference};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;
use std::time::Duration;
use trueup_apiserver::core::Identity;
use trueup_cluster::{ApplyOptions, Patch, Session, WriteOptions};
use trueup_kinds::object_id;
use trueup_object::{Value, value};
use trueup_testkit::{Interjection, virtual_time};

const MAP: &str = "/configmaps/a";

/// What somebody does about the ConfigMap `a`.
type Act = fn(Session) -> BoxFuture<'static, ()>;

/// A Kustomization whose ConfigMap `a` leaves the source; somebody acts after
/// it was decided to delete it, and before it is deleted.
async fn pruned_meanwhile(seed: u64, act: Act) -> (World, String) {
    let world = World::new(seed).await;
    let (a, b) = (map("a", &[]), map("b", &[]));
    let files = [("apps/b.yaml", b.as_str()), ("apps/a.yaml", &a)];
    let revision = world.commit("both", &files);
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world.applied("apps", &revision).await;
    world.faults.interject(Interjection {
        method: Method::DELETE,
        path: MAP.to_owned(),
        act: act(world.admin.clone()),
    });
    let revision = world.push("one", &files[..1]);
    (world, revision)
}

async fn patch(session: Session, patch: Value) {
    let (a, options) = (reference("v1", "ConfigMap", "a"), WriteOptions::new("eve"));
    session
        .patch(&a, &Patch::Merge(patch), &options)
        .await
        .unwrap();
}

async fn mark(session: Session, place: &str, key: &str, text: &str) {
    let mut change = Value::map();
    change.set_at(&["metadata", place, key], text.into());
    patch(session, change).await;
}

/// How often the ConfigMap was asked to be deleted.
fn deletions(world: &World) -> usize {
    let writes = world.faults.writes();
    let meant = writes
        .iter()
        .filter(|write| write.method == Method::DELETE && write.path.ends_with(MAP));
    meant.count()
}

/// Whether the ConfigMap stands in the inventory.
async fn is_listed(world: &World) -> bool {
    let status = world.kustomization_status("apps").await;
    let entries = status
        .at(&["inventory", "entries"])
        .and_then(Value::as_list);
    let id = object_id(&reference("v1", "ConfigMap", "a"));
    entries
        .unwrap_or_default()
        .iter()
        .any(|entry| entry.str_at(&["id"]) == Some(id.as_str()))
}

#[test]
fn what_is_marked_or_taken_over_in_the_last_moment_is_left_alone() {
    let acts: [Act; 4] = [
        |it| {
            mark(
                it,
                "annotations",
                "kustomize.toolkit.fluxcd.io/prune",
                "disabled",
            )
            .boxed()
        },
        |it| {
            mark(
                it,
                "labels",
                "kustomize.toolkit.fluxcd.io/reconcile",
                "disabled",
            )
            .boxed()
        },
        |it| {
            mark(
                it,
                "annotations",
                "kustomize.toolkit.fluxcd.io/ssa",
                "Ignore",
            )
            .boxed()
        },
        |it| mark(it, "labels", "kustomize.toolkit.fluxcd.io/name", "other").boxed(),
    ];
    for (seed, act) in (131..).zip(acts) {
        virtual_time(async move {
            let (world, revision) = pruned_meanwhile(seed, act).await;
            world.applied("apps", &revision).await;
            world.rest().await;
            assert!(world.config_map("a").await.is_some(), "{seed}");
            assert!(!is_listed(&world).await, "{seed}");
            assert_eq!(deletions(&world), 1, "{seed}");
        });
    }
}

#[test]
fn another_object_of_the_same_name_is_not_deleted_though_it_has_our_labels() {
    virtual_time(async {
        let (world, revision) = pruned_meanwhile(136, |session| {
            let again = async move {
                let a = reference("v1", "ConfigMap", "a");
                session.delete(&a, &Default::default()).await.unwrap();
                let again = value!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "a", "namespace": "apps", "labels": {
                        "kustomize.toolkit.fluxcd.io/name": "apps",
                        "kustomize.toolkit.fluxcd.io/namespace": "fleet",
                    }},
                });
                let options = WriteOptions::new("eve");
                session.create(&again, &options).await.unwrap();
            };
            again.boxed()
        })
        .await;
        world.applied("apps", &revision).await;
        world.rest().await;
        assert!(world.config_map("a").await.is_some());
        assert_eq!(deletions(&world), 1, "it is asked for once");
    });
}

#[test]
fn who_wants_to_be_asked_in_the_last_moment_is_asked() {
    virtual_time(async {
        let act: Act = |it| mark(it, "annotations", "trueup.dev/prune", "confirm").boxed();
        let (world, revision) = pruned_meanwhile(137, act).await;
        world
            .until("the deletion is held", async || {
                let status = world.kustomization_status("apps").await;
                condition(&status, "DeletionsHeld").is_some_and(|it| it.2.contains(&revision))
            })
            .await;
        assert!(world.config_map("a").await.is_some());
        assert!(is_listed(&world).await);
    });
}

#[test]
fn what_has_only_changed_in_the_last_moment_is_deleted_all_the_same() {
    virtual_time(async {
        let act: Act = |it| patch(it, value!({"data": {"more": "x"}})).boxed();
        let (world, revision) = pruned_meanwhile(138, act).await;
        world.applied("apps", &revision).await;
        world.rest().await;
        assert!(world.config_map("a").await.is_none());
        assert_eq!(deletions(&world), 2);
    });
}

/// Lets a user of another cluster impersonate service accounts, and do
/// nothing else.
async fn may_impersonate(elsewhere: &Elsewhere, name: &str) {
    let identity = Identity {
        user: format!("system:serviceaccount:fleet:{name}").into(),
        groups: vec!["system:authenticated".into()],
        ..Identity::admin()
    };
    elsewhere.trust(name, identity);
    let role = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}],
    });
    let binding = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "fleet"}],
    });
    for object in [role, binding] {
        let options = ApplyOptions::new("person");
        elsewhere.admin.apply(&object, &options).await.unwrap();
    }
}

#[test]
fn the_end_of_objects_is_seen_by_the_account_where_the_controllers_may_not_watch() {
    virtual_time(async {
        let Both {
            world,
            elsewhere,
            revision,
            ..
        } = both().await;
        may_impersonate(&elsewhere, "stranger").await;
        account(&elsewhere.admin, "tenant").await;
        grant(&elsewhere.admin, "tenant", &ALL).await;
        secret(&world, "production", &kubeconfig(SERVER, "token: stranger")).await;
        let mut spec = at_production();
        spec.set_at(&["serviceAccountName"], "tenant".into());
        spec.set_at(&["deletionPolicy"], "WaitForTermination".into());
        spec.set_at(&["timeout"], "10m".into());
        world.kustomization("apps", "./apps", spec).await;
        world.applied("apps", &revision).await;
        let held = value!({"metadata": {"finalizers": ["example.com/slow"]}});
        patch(elsewhere.admin.clone(), held).await;
        let (api, kind) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
        world.delete(api, kind, "apps").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(world.get(api, kind, "apps").await.is_some());
        let began = tokio::time::Instant::now();
        patch(
            elsewhere.admin.clone(),
            value!({"metadata": {"finalizers": []}}),
        )
        .await;
        world
            .until("the Kustomization is gone", async || {
                world.get(api, kind, "apps").await.is_none()
            })
            .await;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "woken by the end of the object"
        );
    });
}
