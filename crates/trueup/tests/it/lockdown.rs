//! The flags that the guide to security tells to set, on a process as it is
//! installed without cluster-admin.

use crate::rights::exported;
use crate::world::{World, in_a_world, object, with};
use trueup_object::{Value, to_json, value};

const FLAGS: [&str; 3] = [
    "--default-service-account=default",
    "--no-cross-namespace-refs",
    "--no-remote-bases",
];
/// Has a source looked at.
const ASKED: &str = "reconcile.fluxcd.io/requestedAt=now";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_locked_down_keeps_its_tenants_to_their_own() {
    in_a_world("lockdown", async |world| {
        world.kill_controllers();
        let manifests = exported(world, &[]).await;
        for manifest in &manifests {
            world.apply(manifest).await;
        }
        world
            .apply(&object("v1", "ServiceAccount", "default"))
            .await;
        let process = world.spawn_installed(&FLAGS).await;
        world.follow_fleet().await;
        who_names_no_account_is_the_one_of_the_namespace(world).await;
        no_other_namespace_is_named(world).await;
        nothing_is_fetched_but_the_source(world).await;
        no_kubeconfig_runs_a_program_or_trusts_anybody(world).await;
        drop(process);
        world.take_down(&manifests).await;
    })
    .await;
}

async fn who_names_no_account_is_the_one_of_the_namespace(world: &World) {
    world.apply(&world.kustomization("api")).await;
    let account = format!("system:serviceaccount:{}:default", world.namespace);
    let api = world.kustomization_reference("api");
    world
        .fails(&api, "ReconciliationFailed", &["cannot", &account])
        .await;
}

async fn no_other_namespace_is_named(world: &World) {
    let source = ["spec", "sourceRef", "namespace"];
    let across = with(with_name(world, "across"), &source, "default");
    world.apply(&across).await;
    let across = world.kustomization_reference("across");
    world
        .fails(&across, "AccessDenied", &["default/fleet"])
        .await;
    let alert = value!({"name": "a", "providerRef": {"name": "team", "namespace": "default"}});
    let mut canary = object("flagger.app/v1beta1", "Canary", "shop");
    canary.set_at(
        &["spec"],
        value!({
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 1, "iterations": 1, "alerts": [alert]},
        }),
    );
    world.apply(&canary).await;
    let shop = world.reference("flagger.app/v1beta1", "Canary", "shop");
    let words = "spec.analysis.alerts[0].providerRef.namespace";
    world
        .becomes(&shop, |it| {
            let status = it.get("status").map(to_json).unwrap_or_default();
            String::from_utf8_lossy(&status).contains(words)
        })
        .await;
}

async fn nothing_is_fetched_but_the_source(world: &World) {
    let root = "resources: [https://127.0.0.1:9/fleet.git//api]\n";
    world.fleet.write("remote/kustomization.yaml", root);
    world.fleet.push("A root from elsewhere").await;
    world
        .kubectl(&["annotate", "gitrepository", "fleet", ASKED])
        .await;
    world.apply(&world.kustomization("remote")).await;
    let remote = world.kustomization_reference("remote");
    world
        .fails(&remote, "BuildFailed", &["--no-remote-bases"])
        .await;
}

async fn no_kubeconfig_runs_a_program_or_trusts_anybody(world: &World) {
    for (name, cluster, user, field) in [
        (
            "program",
            value!({"server": "https://127.0.0.1:9"}),
            value!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}),
            "users[u].user.exec",
        ),
        (
            "trusting",
            value!({"server": "https://127.0.0.1:9", "insecure-skip-tls-verify": true}),
            value!({"token": "t"}),
            "clusters[c].cluster.insecure-skip-tls-verify",
        ),
    ] {
        let kubeconfig = value!({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        });
        let text = String::from_utf8(to_json(&kubeconfig)).unwrap();
        let data = value!({"value": text});
        world
            .apply(&with(object("v1", "Secret", name), &["stringData"], data))
            .await;
        let led = value!({"secretRef": {"name": name}});
        let led = with(with_name(world, name), &["spec", "kubeConfig"], led);
        world.apply(&led).await;
        let led = world.kustomization_reference(name);
        world.fails(&led, "ReconciliationFailed", &[field]).await;
    }
}

/// A Kustomization for the folder `api` under another name.
fn with_name(world: &World, name: &str) -> Value {
    with(world.kustomization("api"), &["metadata", "name"], name)
}
