//! What a tenant, or whoever writes to a tenant's repository, might try.

use super::elsewhere_world::{ALL, account, grant};
use super::world::{NAMESPACE, URL, World, condition, map, reference};
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use trueup_artifact::{Checksum, Entry, FileTree, TreeError, TreePath};
use trueup_cluster::{ApplyOptions, WriteOptions};
use trueup_controller::CrossNamespace;
use trueup_object::{Value, value};
use trueup_source::memory::MemoryStore;
use trueup_source::{
    ArtifactOwner, ArtifactRecord, ArtifactStorage, ForeignArchive, Publication, StoreError,
};
use trueup_testkit::virtual_time;

/// A tenant that may do everything with ConfigMaps in `apps`, and nothing else.
async fn tenant(world: &World) {
    account(&world.admin, "tenant").await;
    grant(&world.admin, "tenant", &ALL).await;
}

fn as_tenant() -> Value {
    value!({"serviceAccountName": "tenant"})
}

const BINDING: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
    metadata: {name: up}\n\
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n\
    subjects: [{kind: ServiceAccount, name: tenant, namespace: fleet}]\n";

async fn is_bound(world: &World) -> bool {
    let api = "rbac.authorization.k8s.io/v1";
    world.get(api, "ClusterRoleBinding", "up").await.is_some()
}

/// Adds entries to the inventory, as whoever may write the status can.
async fn forge_inventory(world: &World, name: &str, ids: &[&str]) {
    let wanted = reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name);
    let status = world.kustomization_status(name).await;
    let entries = status
        .at(&["inventory", "entries"])
        .and_then(Value::as_list);
    let forged = ids.iter().map(|id| value!({"id": (*id), "v": "v1"}));
    let entries: Value = entries
        .unwrap_or_default()
        .iter()
        .cloned()
        .chain(forged)
        .collect();
    let status = value!({"inventory": {"entries": entries}});
    let written = world
        .admin
        .patch_status(&wanted, &status, None, "eve")
        .await;
    written.unwrap();
}

#[test]
fn an_inventory_that_names_what_is_not_ours_deletes_none_of_it() {
    virtual_time(async {
        let world = World::new(81).await;
        let files = [
            ("own/o.yaml", map("o", &[])),
            ("theirs/t.yaml", map("t", &[])),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let revision = world.commit("first", &files);
        world.repository().await;
        world.kustomization("own", "./own", Value::map()).await;
        world
            .kustomization("theirs", "./theirs", Value::map())
            .await;
        world.applied("own", &revision).await;
        world.applied("theirs", &revision).await;
        let unmanaged = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "unmanaged", "namespace": "apps"},
        });
        world.apply(&unmanaged).await;
        // As one of the same name in another namespace would have labelled it.
        let namesake = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "namesake", "namespace": "apps", "labels": {
                "kustomize.toolkit.fluxcd.io/name": "own",
                "kustomize.toolkit.fluxcd.io/namespace": "elsewhere",
            }},
        });
        world.apply(&namesake).await;
        let forged = [
            "apps_t__ConfigMap",
            "apps_unmanaged__ConfigMap",
            "apps_namesake__ConfigMap",
            "_apps__Namespace",
            "fleet_theirs_kustomize.toolkit.fluxcd.io_Kustomization",
            "_kustomizations.kustomize.toolkit.fluxcd.io_apiextensions.k8s.io_CustomResourceDefinition",
            "../../x__ConfigMap",
            "",
        ];
        let is_unharmed = async || {
            for name in ["t", "unmanaged", "namesake"] {
                assert!(world.config_map(name).await.is_some(), "{name}");
            }
            let status = world.kustomization_status("theirs").await;
            assert_eq!(condition(&status, "Ready").unwrap().0, "True");
        };
        forge_inventory(&world, "own", &forged).await;
        let second = world.push("second", &[("own/n.yaml", &map("n", &[])), files[1]]);
        world.applied("own", &second).await;
        assert!(
            world.config_map("o").await.is_none(),
            "what is ours is pruned"
        );
        is_unharmed().await;
        forge_inventory(&world, "own", &forged).await;
        world.delete_kustomization("own").await;
        assert!(
            world.config_map("n").await.is_none(),
            "and deleted at the end"
        );
        is_unharmed().await;
    });
}

#[test]
fn an_inventory_with_forged_labels_deletes_no_more_than_the_account_may() {
    virtual_time(async {
        let world = World::new(82).await;
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        tenant(&world).await;
        world.kustomization("apps", "./apps", as_tenant()).await;
        world.applied("apps", &revision).await;
        // Somebody with more rights was talked into these labels.
        let labelled = value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "precious", "namespace": "apps", "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "fleet",
            }},
        });
        world.apply(&labelled).await;
        forge_inventory(&world, "apps", &["apps_precious__Secret"]).await;
        world.push("second", &[("apps/a.yaml", &map("a", &[("k", "v")]))]);
        let message = world.fails("apps", "PruneFailed").await;
        assert!(
            message.contains("cannot delete resource \"secrets\""),
            "{message}"
        );
        let precious = world.get("v1", "Secret", "precious").await;
        assert!(precious.is_some());
    });
}

#[test]
fn what_is_wrapped_in_lists_is_applied_with_the_account_s_rights_and_no_others() {
    virtual_time(async {
        let world = World::new(83).await;
        let inner = BINDING.replace('\n', "\n      ");
        let wrapped = format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n    - {inner}\n"
        );
        world.commit("first", &[("apps/list.yaml", &wrapped)]);
        world.repository().await;
        tenant(&world).await;
        world.kustomization("apps", "./apps", as_tenant()).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        let words = "cannot patch resource \"clusterrolebindings\"";
        assert!(message.contains(words), "{message}");
        assert!(!is_bound(&world).await);
    });
}

#[test]
fn a_patch_that_moves_an_object_moves_it_nowhere_the_account_may_not_write() {
    virtual_time(async {
        let world = World::new(84).await;
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        tenant(&world).await;
        let mut moved = as_tenant();
        moved.set_at(
            &["patches"],
            value!([{
                "patch": "- {op: replace, path: /metadata/namespace, value: default}",
                "target": {"kind": "ConfigMap"},
            }]),
        );
        world.kustomization("patched", "./apps", moved).await;
        let mut variable = as_tenant();
        variable.set_at(&["postBuild"], value!({"substitute": {"where": "default"}}));
        world.kustomization("substituted", "./vars", variable).await;
        let text = map("b", &[]).replace("namespace: apps", "namespace: ${where}");
        world.push(
            "vars",
            &[("apps/a.yaml", &map("a", &[])), ("vars/b.yaml", &text)],
        );
        for name in ["patched", "substituted"] {
            let message = world.fails(name, "ReconciliationFailed").await;
            assert!(
                message.contains("in the namespace \"default\""),
                "{message}"
            );
        }
    });
}

#[test]
fn a_name_of_an_account_is_that_of_one_in_the_own_namespace_or_none() {
    virtual_time(async {
        let world = World::new(85).await;
        tenant(&world).await;
        let strong = value!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "strong"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "admin", "namespace": "kube-system"}],
        });
        let options = ApplyOptions::new("person");
        world.admin.apply(&strong, &options).await.unwrap();
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        let names = [
            ("other", "kube-system:admin"),
            ("path", "../kube-system/admin"),
            ("header", "tenant\r\nImpersonate-Group: system:masters"),
            ("group", "tenant,system:masters"),
            ("space", " "),
        ];
        for (kustomization, name) in names {
            let more = value!({"serviceAccountName": name});
            world.kustomization(kustomization, "./apps", more).await;
        }
        for (kustomization, name) in names {
            let message = world.fails(kustomization, "ReconciliationFailed").await;
            assert!(world.config_map("a").await.is_none(), "{name:?}: {message}");
        }
    });
}

#[test]
fn whether_something_is_there_is_not_told_to_who_may_not_ask() {
    virtual_time(async {
        let world = World::with(86, |options| {
            options.cross_namespace = CrossNamespace::Refused;
        })
        .await;
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        tenant(&world).await;
        let mut told = Vec::new();
        let there = value!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "present", "namespace": "apps"},
            "spec": {"url": URL, "interval": "1h"},
        });
        world.apply(&there).await;
        for name in ["present", "absent"] {
            let source =
                value!({"sourceRef": {"kind": "GitRepository", "name": name, "namespace": "apps"}});
            world.kustomization(name, "./apps", source).await;
            let message = world.fails(name, "AccessDenied").await;
            told.push(message.replace(name, "NAME"));
        }
        let secret = value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "present", "namespace": "apps"},
        });
        world.apply(&secret).await;
        for name in ["present", "absent"] {
            let mut checked = as_tenant();
            checked.set_at(
                &["healthChecks"],
                value!([{"apiVersion": "v1", "kind": "Secret", "name": name, "namespace": "apps"}]),
            );
            let kustomization = format!("health-{name}");
            world.kustomization(&kustomization, "./apps", checked).await;
            let message = world.fails(&kustomization, "ReconciliationFailed").await;
            assert!(
                message.contains("(Forbidden)") || message.contains("cannot get"),
                "{message}"
            );
            told.push(message.replace(name, "NAME"));
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[2], told[3]);
    });
}

#[test]
fn a_name_that_is_too_long_for_a_label_is_told_and_stops_nobody_else() {
    virtual_time(async {
        let world = World::new(87).await;
        let revision = world.commit(
            "first",
            &[
                ("apps/a.yaml", &map("a", &[])),
                ("b/b.yaml", &map("b", &[])),
            ],
        );
        world.repository().await;
        let long = "x".repeat(200);
        world.kustomization(&long, "./b", Value::map()).await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        let message = world.fails(&long, "ReconciliationFailed").await;
        assert!(message.contains("63"), "{message}");
        assert!(world.config_map("b").await.is_none());
    });
}

#[test]
fn durations_out_of_range_are_refused_at_the_object() {
    virtual_time(async {
        let world = World::new(88).await;
        for interval in ["1", "9e99h", "-1m", "", "1h-", "٣m", "1d"] {
            let object = value!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": "odd", "namespace": NAMESPACE},
                "spec": {"interval": interval, "prune": true,
                    "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
            });
            let refused = world.admin.create(&object, &WriteOptions::new("eve")).await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("spec.interval"), "{interval:?}: {error}");
        }
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        for (name, interval) in [("never", "99999999999999999999h"), ("always", "0s")] {
            let more =
                value!({"interval": interval, "timeout": interval, "retryInterval": interval});
            world.kustomization(name, "./apps", more).await;
            world.applied(name, &revision).await;
        }
        let before = world.runs("always");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let more = world.runs("always") - before;
        assert!((30..=70).contains(&more), "{more} times in a minute");
    });
}

/// Files of which one makes whoever reads it panic.
#[derive(Debug)]
struct TrappedTree(Arc<dyn FileTree>);

impl FileTree for TrappedTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.0.entry(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.0.list(path)
    }

    fn read(&self, path: &TreePath) -> Result<bytes::Bytes, TreeError> {
        assert_ne!(path.name(), Some("trap.yaml"), "the trap");
        self.0.read(path)
    }
}

#[derive(Debug)]
struct TrappedStorage(MemoryStore);

impl ArtifactStorage for TrappedStorage {
    fn publish<'a>(
        &'a self,
        publication: Publication,
    ) -> BoxFuture<'a, Result<ArtifactRecord, StoreError>> {
        self.0.publish(publication)
    }

    fn open<'a>(
        &'a self,
        record: &'a ArtifactRecord,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        Box::pin(async move {
            let tree = self.0.open(record).await?;
            Ok(Arc::new(TrappedTree(tree)) as Arc<dyn FileTree>)
        })
    }

    fn holds<'a>(&'a self, record: &'a ArtifactRecord) -> BoxFuture<'a, bool> {
        self.0.holds(record)
    }

    fn collect_garbage<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        current: &'a ArtifactRecord,
        now: jiff::Timestamp,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.0.collect_garbage(owner, current, now)
    }

    fn keep<'a>(
        &'a self,
        archive: ForeignArchive,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        self.0.keep(archive)
    }

    fn kept<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        digest: &'a Checksum,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn FileTree>>, StoreError>> {
        self.0.kept(owner, digest)
    }

    fn remove<'a>(&'a self, owner: &'a ArtifactOwner) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.remove(owner)
    }

    fn retain<'a>(
        &'a self,
        kind: &'a str,
        owners: &'a BTreeSet<ArtifactOwner>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.retain(kind, owners)
    }
}

#[test]
fn a_build_that_panics_is_told_at_its_object_and_the_others_go_on() {
    virtual_time(async {
        let store = MemoryStore::new();
        let world = World::with(89, move |options| {
            options.storage = Arc::new(TrappedStorage(store.clone()));
        })
        .await;
        let (trap, good) = (map("trap", &[]), map("good", &[]));
        let files = [("trap/trap.yaml", trap.as_str()), ("good/g.yaml", &good)];
        world.commit("first", &files);
        world.repository().await;
        world.kustomization("trap", "./trap", Value::map()).await;
        world
            .until("the panic is told", async || {
                world.told("panicked and was contained")
            })
            .await;
        world.kustomization("good", "./good", Value::map()).await;
        let changed = map("good", &[("k", "v")]);
        let second = world.push("second", &[files[0], ("good/g.yaml", &changed)]);
        world.applied("good", &second).await;
        let third = world.push(
            "third",
            &[("trap/fixed.yaml", &trap), ("good/g.yaml", &changed)],
        );
        world.applied("trap", &third).await;
    });
}
