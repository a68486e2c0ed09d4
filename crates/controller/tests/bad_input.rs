//! Each bad input is said at its own object, changes nothing else, and heals
//! when its cause goes.

use super::world::{URL, World, condition, map};
use trueup_artifact::{MemoryTree, TreePath};
use trueup_object::{Value, value};
use trueup_testkit::{Denial, virtual_time};

/// A world whose Kustomization `good` is fine, and stays so.
pub async fn with_a_good_neighbour() -> (World, String) {
    let world = World::new(21).await;
    let revision = world.commit(
        "first",
        &[
            ("good/g.yaml", &map("g", &[])),
            ("apps/a.yaml", &map("a", &[])),
        ],
    );
    world.repository().await;
    world.kustomization("good", "./good", Value::map()).await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world.applied("good", &revision).await;
    world.applied("apps", &revision).await;
    (world, revision)
}

/// Pushes a bad file beside a good one: the message names what is expected,
/// nothing of the folder is applied, the neighbour goes on, and the next
/// commit heals.
fn a_bad_file(content: &'static str, reason: &'static str, words: &'static [&'static str]) {
    virtual_time(async move {
        let (world, _) = with_a_good_neighbour().await;
        let (good, other) = (map("g", &[("still", "well")]), map("b", &[]));
        let files = [
            ("good/g.yaml", good.as_str()),
            ("apps/b.yaml", &other),
            ("apps/bad.yaml", content),
        ];
        let bad = world.push("bad", &files);
        let message = world.fails("apps", reason).await;
        for word in words {
            assert!(message.contains(word), "{word:?} in {message:?}");
        }
        world.applied("good", &bad).await;
        assert!(
            world.config_map("b").await.is_none(),
            "nothing of the stage is written"
        );
        assert!(world.config_map("a").await.is_some(), "nothing is pruned");
        assert!(
            world
                .lines()
                .iter()
                .any(|line| line.starts_with("Kustomization/fleet/apps") && line.contains(reason))
        );
        let healed = world.push("good again", &files[..2]);
        world.applied("apps", &healed).await;
        assert!(world.config_map("b").await.is_some());
    });
}

#[test]
fn broken_yaml_is_named_with_file_and_line() {
    a_bad_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\n",
        "BuildFailed",
        &["apps/bad.yaml"],
    );
}

#[test]
fn an_object_twice_in_one_build_is_refused() {
    a_bad_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: apps}\n",
        "BuildFailed",
        &[
            "ConfigMap.v1.[noGrp]/b.apps",
            "already registered",
            "apps/b.yaml",
            "apps/bad.yaml",
        ],
    );
}

#[test]
fn an_object_without_a_name_is_refused() {
    a_bad_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: apps}\n",
        "BuildFailed",
        &["apps/bad.yaml", "name"],
    );
}

#[test]
fn an_unknown_kind_is_refused_by_name() {
    a_bad_file(
        "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x, namespace: apps}\n",
        "ReconciliationFailed",
        &["Gadget/apps/x", "no matches for kind \"Gadget\""],
    );
}

#[test]
fn an_unknown_kind_is_tried_again_as_soon_as_it_is_known() {
    virtual_time(async {
        let world = World::new(23).await;
        let gadget =
            "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x, namespace: apps}\n";
        let revision = world.commit("first", &[("apps/x.yaml", gadget)]);
        world.repository().await;
        let slow = value!({"retryInterval": "1h"});
        world.kustomization("apps", "./apps", slow).await;
        world.fails("apps", "ReconciliationFailed").await;
        world.rest().await;
        world.apply(&gadgets()).await;
        let began = tokio::time::Instant::now();
        world.applied("apps", &revision).await;
        assert!(
            began.elapsed() < std::time::Duration::from_secs(10),
            "woken by the definition"
        );
    });
}

/// The definition of `Gadget`.
fn gadgets() -> Value {
    value!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
}

#[test]
fn a_file_over_the_limit_is_named() {
    // One byte more than a file may have.
    let text: &'static str = "#".repeat((16 << 20) + 1).leak();
    a_bad_file(text, "BuildFailed", &["bad.yaml"]);
}

#[test]
fn a_field_that_the_api_refuses_is_named() {
    a_bad_file(
        "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: apps}\nspec: {ports: [{port: 99999}]}\n",
        "ReconciliationFailed",
        &[
            "Service/apps/x",
            "dry-run failed (Invalid)",
            "spec.ports[0].port",
        ],
    );
}

#[test]
fn a_namespaced_object_without_a_namespace_is_refused() {
    a_bad_file(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nowhere}\n",
        "ReconciliationFailed",
        &["ConfigMap/nowhere", "namespace not specified"],
    );
}

#[test]
fn a_field_of_kustomize_that_is_not_served_is_refused_by_name() {
    virtual_time(async {
        let (world, _) = with_a_good_neighbour().await;
        let (g, a) = (map("g", &[]), map("a", &[]));
        let root = "resources: [a.yaml]\nhelmCharts: [{name: web}]\n";
        world.push(
            "charts",
            &[
                ("good/g.yaml", &g),
                ("apps/a.yaml", &a),
                ("apps/kustomization.yaml", root),
            ],
        );
        let message = world.fails("apps", "BuildFailed").await;
        assert!(
            message.contains("helmCharts") && message.contains("apps/kustomization.yaml"),
            "{message}"
        );
    });
}

#[test]
fn a_missing_path_is_named_and_heals() {
    virtual_time(async {
        let (world, revision) = with_a_good_neighbour().await;
        world
            .patch_kustomization("apps", value!({"spec": {"path": "./nowhere"}}))
            .await;
        let message = world.fails("apps", "ArtifactFailed").await;
        assert!(message.contains("path not found: nowhere"), "{message}");
        assert!(world.config_map("a").await.is_some());
        world
            .patch_kustomization("apps", value!({"spec": {"path": "./apps"}}))
            .await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn an_unserved_field_is_refused_and_nothing_is_done_until_it_goes() {
    virtual_time(async {
        let (world, revision) = with_a_good_neighbour().await;
        world
            .patch_kustomization(
                "apps",
                value!({"spec": {"decryption": {"provider": "sops"}}}),
            )
            .await;
        let message = world.fails("apps", "FieldNotServed").await;
        assert!(message.contains("spec.decryption"), "{message}");
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "Stalled").unwrap().0, "True");
        world
            .patch_kustomization("apps", value!({"spec": {"decryption": null}}))
            .await;
        world.applied("apps", &revision).await;
        assert_eq!(
            condition(&world.kustomization_status("apps").await, "Stalled"),
            None
        );
    });
}

#[test]
fn an_immutable_field_is_explained_and_forced_only_where_allowed() {
    virtual_time(async {
        let (world, _) = with_a_good_neighbour().await;
        let map = |value: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: fixed, namespace: apps}}\nimmutable: true\ndata: {{key: {value}}}\n"
            )
        };
        let (one, two, g) = (map("one"), map("two"), super::world::map("g", &[]));
        let first = world.push("one", &[("good/g.yaml", &g), ("apps/f.yaml", &one)]);
        world.applied("apps", &first).await;
        let uid = world
            .config_map("fixed")
            .await
            .unwrap()
            .str_at(&["metadata", "uid"])
            .unwrap()
            .to_owned();
        let second = world.push("two", &[("good/g.yaml", &g), ("apps/f.yaml", &two)]);
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("immutable") && message.contains("spec.force"),
            "{message}"
        );
        world
            .patch_kustomization("apps", value!({"spec": {"force": true}}))
            .await;
        world.applied("apps", &second).await;
        let fixed = world.config_map("fixed").await.unwrap();
        assert_eq!(fixed.str_at(&["data", "key"]), Some("two"));
        assert_ne!(fixed.str_at(&["metadata", "uid"]), Some(uid.as_str()));
        assert!(
            world.told("ConfigMap/apps/fixed recreated")
                || world.told("ConfigMap/apps/fixed deleted"),
            "{:#?}",
            world.lines()
        );
    });
}

#[test]
fn a_kustomization_does_not_prune_the_namespace_that_it_lives_in() {
    virtual_time(async {
        let (world, _) = with_a_good_neighbour().await;
        let (g, a) = (map("g", &[]), map("a", &[]));
        let own = "apiVersion: v1\nkind: Namespace\nmetadata: {name: fleet}\n";
        let files = [
            ("good/g.yaml", g.as_str()),
            ("apps/a.yaml", &a),
            ("apps/n.yaml", own),
        ];
        let with = world.push("own namespace", &files);
        world.applied("apps", &with).await;
        world.push("without", &files[..2]);
        let message = world.fails("apps", "PruneFailed").await;
        assert!(message.contains("Namespace/fleet"), "{message}");
        let again = world.push("with", &files);
        world.applied("apps", &again).await;
    });
}

#[test]
fn a_link_out_of_the_tree_is_refused() {
    virtual_time(async {
        let (world, _) = with_a_good_neighbour().await;
        let mut tree: MemoryTree = super::world::tree(&[
            ("good/g.yaml", &map("g", &[])),
            ("apps/a.yaml", &map("a", &[])),
        ]);
        tree.add_symlink(
            &TreePath::parse("apps/out.yaml").unwrap(),
            "../../etc/passwd",
        )
        .unwrap();
        world
            .remote
            .commit(URL, "main", tree, "link", world.clock.now());
        world.controller.notify_push(URL);
        let message = world.fails("apps", "BuildFailed").await;
        assert!(message.contains("apps/out.yaml"), "{message}");
    });
}

/// A webhook that has its say about every ConfigMap: the message names the
/// object and the webhook, a neighbour without ConfigMaps goes on, nothing is
/// pruned, and all heals when it is gone.
fn a_webhook(code: u16, reason: &'static str, says: &'static str) {
    virtual_time(async move {
        let world = World::new(24).await;
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: g, namespace: apps}\nspec: {ports: [{port: 80}]}\n";
        let a = map("a", &[]);
        let files = [("good/g.yaml", service), ("apps/a.yaml", a.as_str())];
        let first = world.commit("first", &files);
        world.repository().await;
        for name in ["good", "apps"] {
            world
                .kustomization(name, &format!("./{name}"), Value::map())
                .await;
            world.applied(name, &first).await;
        }
        world.faults.deny(Denial {
            path: "/configmaps/".into(),
            code,
            reason,
            message: says.into(),
        });
        let changed = map("a", &[("new", "x")]);
        let other = service.replace("80", "81");
        let files = [("good/g.yaml", other.as_str()), ("apps/a.yaml", &changed)];
        let second = world.push("second", &files);
        let message = world.fails("apps", "ReconciliationFailed").await;
        for words in ["ConfigMap/apps/a", says] {
            assert!(message.contains(words), "{words:?} in {message:?}");
        }
        world.applied("good", &second).await;
        assert!(world.config_map("a").await.is_some(), "nothing is pruned");
        world.faults.calm();
        world.applied("apps", &second).await;
    });
}

#[test]
fn a_webhook_that_refuses_is_named_with_the_object() {
    a_webhook(
        403,
        "Forbidden",
        "admission webhook 'maps.example.com' denied the request: no maps on Sundays",
    );
}

#[test]
fn a_webhook_that_can_not_be_reached_is_named_with_the_object() {
    a_webhook(
        500,
        "InternalError",
        "Internal error occurred: failed calling webhook 'maps.example.com': connection refused",
    );
}

/// Ten thousand objects: the status that lists them is well below what an API
/// takes, it is written whole, and shrinks as they go.
#[test]
fn an_inventory_of_ten_thousand_objects_fits_into_the_status() {
    const COUNT: usize = 10_000;
    const API_LIMIT_BYTES: usize = 1_572_864;
    virtual_time(async {
        let world = World::new(25).await;
        let all = |count: usize| -> String {
            let one = |index| map(&format!("settings-of-service-{index:05}"), &[]);
            (0..count).map(one).collect::<Vec<_>>().join("---\n")
        };
        let first = world.commit("first", &[("apps/all.yaml", &all(COUNT))]);
        world.repository().await;
        let spec = value!({"timeout": "1h"});
        world.kustomization("apps", "./apps", spec).await;
        world.applied("apps", &first).await;
        let entries = |status: &Value| {
            let entries = status
                .at(&["inventory", "entries"])
                .and_then(Value::as_list);
            entries.map_or(0, <[Value]>::len)
        };
        let status = world.kustomization_status("apps").await;
        assert_eq!(entries(&status), COUNT);
        let bytes = trueup_object::to_json(&status).len();
        assert!(bytes < API_LIMIT_BYTES, "{bytes} bytes of status");
        let second = world.push("fewer", &[("apps/all.yaml", &all(10))]);
        world.applied("apps", &second).await;
        assert_eq!(entries(&world.kustomization_status("apps").await), 10);
        assert!(
            world
                .config_map("settings-of-service-09999")
                .await
                .is_none()
        );
    });
}
