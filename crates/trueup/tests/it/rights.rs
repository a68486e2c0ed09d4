//! Controllers with no more than the rights of an installation without
//! cluster-admin: enough for tenants who bring accounts, and nothing that is
//! not used.

use crate::world::{CREDENTIALS, PRIVATE_REPOSITORY, World, in_a_world, object, until, with};
use std::collections::BTreeSet;
use trueup_object::{ManifestLimits, ObjectRef, Value, read_manifests, value};

/// Namespaced kinds that the tenant's manifests hold.
const TENANT_KINDS: [&str; 3] = ["configmaps", "deployments", "services"];

/// What is read anew only when somebody else has written at the same moment,
/// which no test can time.
const AFTER_CONFLICTS: [(&str, &str, &str); 2] = [
    ("kustomize.toolkit.fluxcd.io", "kustomizations", "get"),
    ("source.toolkit.fluxcd.io", "gitrepositories", "get"),
];

/// A right: group, resource, verb.
pub type Right = (String, String, String);

fn texts(rule: &Value, key: &str) -> Vec<String> {
    let list = rule.get(key).and_then(Value::as_list).unwrap_or_default();
    list.iter()
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// What a role allows.
pub fn rights_of(role: &Value) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for rule in role.get("rules").and_then(Value::as_list).unwrap() {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                for verb in texts(rule, "verbs") {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

/// The account, its roles and its bindings as `trueup install` makes them with
/// these flags.
pub async fn exported(world: &World, flags: &[&str]) -> Vec<Value> {
    let export = ["install", "--export", "--no-cluster-admin", "--namespace"];
    let arguments = [export.as_slice(), &[world.namespace.as_str()], flags].concat();
    let out = world.trueup_alone(&arguments).await.out;
    let limits = ManifestLimits::default();
    let manifests = read_manifests("export.yaml", out.as_bytes(), &limits).unwrap();
    let values = manifests.into_iter().map(|it| it.value);
    values
        .filter(|it| {
            let name = it.str_at(&["metadata", "name"]).unwrap_or_default();
            let words = ["controller", "leader-election", "canaries"];
            let is_ours = words.iter().any(|word| name.contains(word));
            match it.str_at(&["kind"]).unwrap_or_default() {
                "ServiceAccount" => true,
                kind => kind.contains("Role") && is_ours,
            }
        })
        .collect()
}

impl World {
    /// What the controllers asked for as themselves, and whether they might.
    pub fn asked(&self, is_allowed: bool) -> BTreeSet<Right> {
        let account = format!("system:serviceaccount:{}:trueup", self.namespace);
        let asked = self.audit().asked().into_iter();
        asked
            .filter(|it| it.user == account && it.is_allowed == is_allowed)
            .map(|it| (it.group, it.resource, it.verb))
            .collect()
    }

    /// An account that may do in the namespace of the test what the guide for
    /// tenants says that it needs.
    async fn tenant(&self, namespace: &str) {
        let here = self.namespace.as_str();
        let mut account = object("v1", "ServiceAccount", "tenant");
        account.set_at(&["metadata", "namespace"], namespace.into());
        self.apply(&account).await;
        let name = format!("tenant-of-{namespace}");
        let mut role = object("rbac.authorization.k8s.io/v1", "Role", &name);
        let kinds: Value = TENANT_KINDS.iter().map(|it| Value::from(*it)).collect();
        role.set_at(
            &["rules"],
            value!([{
                "apiGroups": ["", "apps"], "resources": kinds,
                "verbs": ["get", "list", "watch", "create", "patch", "delete"],
            }]),
        );
        self.apply(&role).await;
        let mut binding = object("rbac.authorization.k8s.io/v1", "RoleBinding", &name);
        binding.set_at(
            &["roleRef"],
            value!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": (name.clone())}),
        );
        binding.set_at(
            &["subjects"],
            value!([{"kind": "ServiceAccount", "name": "tenant", "namespace": namespace}]),
        );
        binding.set_at(&["metadata", "namespace"], here.into());
        self.apply(&binding).await;
    }

    /// A source that asks for a login, which comes later.
    async fn follow_private(&self) {
        self.follow_fleet().await;
        let url = self.git.url(PRIVATE_REPOSITORY);
        let patch = format!(r#"{{"spec":{{"url":"{url}","secretRef":{{"name":"login"}}}}}}"#);
        let patch = ["--type=merge", "-p", &patch];
        let arguments = [["patch", "gitrepository", "fleet"].as_slice(), &patch].concat();
        self.kubectl(&arguments).await;
        let source = self.repository_reference();
        self.becomes(&source, |it| {
            let ready = crate::world::condition(it, "Ready");
            let message = ready.and_then(|it| it.str_at(&["message"]));
            message.is_some_and(|it| it.contains("login"))
        })
        .await;
        let mut secret = object("v1", "Secret", "login");
        let (username, password) = CREDENTIALS;
        secret.set_at(
            &["stringData"],
            value!({"username": username, "password": password}),
        );
        self.apply(&secret).await;
    }

    /// A ConfigMap that leads to this very cluster by a token of the tenant.
    async fn way_round(&self, namespace: &str) {
        let mut map = with(
            object("v1", "ConfigMap", "round"),
            &["metadata", "namespace"],
            namespace,
        );
        let (address, authority, audience) = self.address_of_cluster().await;
        map.set_at(
            &["data"],
            value!({
                "provider": "generic", "address": address, "ca.crt": authority,
                "audiences": audience, "serviceAccountName": "tenant",
            }),
        );
        self.apply(&map).await;
    }

    /// `api` by the way round, with a variable that is looked up.
    async fn deploy_round(&self, namespace: &str) -> ObjectRef {
        self.way_round(namespace).await;
        let mut colours = object("v1", "ConfigMap", "colours");
        colours.set_at(&["data"], value!({"colour": "blue"}));
        colours.set_at(&["metadata", "namespace"], namespace.into());
        self.apply(&colours).await;
        let mut round = self.kustomization("api");
        round.set_at(&["metadata", "namespace"], namespace.into());
        for (key, value) in [
            ("kubeConfig", value!({"configMapRef": {"name": "round"}})),
            (
                "postBuild",
                value!({"substituteFrom": [{"kind": "ConfigMap", "name": "colours"}]}),
            ),
        ] {
            round.set_at(&["spec", key], value);
        }
        let home = self.namespace.as_str();
        round.set_at(&["spec", "sourceRef", "namespace"], home.into());
        self.apply(&round).await;
        let reference = ObjectRef::of(&round).unwrap();
        self.is_ready(&reference).await;
        reference
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_cluster_admin_the_rights_suffice_for_tenants_and_hold_nothing_unused() {
    in_a_world("rights", async |world| {
        world.kill_controllers();
        let without_canaries = ["--canaries=false"];
        let manifests = exported(world, &without_canaries).await;
        for manifest in &manifests {
            world.apply(manifest).await;
        }
        let process = world.spawn_installed(&without_canaries).await;
        let here = world.namespace.clone();
        world.tenant(&here).await;
        world.follow_private().await;
        serves_a_tenant(world).await;
        let api = world.reference("v1", "ConfigMap", "api");
        world.deploy_round(&here).await;
        world.live(&api).await;
        let delete = ["delete", "kustomization", "api", "--silent"];
        world.trueup(&delete).await;
        world.is_gone(&api).await;
        lets_go_without_the_account(world).await;
        if world.is_shared() {
            println!("rights: the requests of an outside cluster can't be told apart");
        } else {
            lets_go_with_its_namespace(world).await;
            uses_all_and_lacks_none(world, &manifests);
        }
        drop(process);
        world.take_down(&manifests).await;
    })
    .await;
}

/// Applied, kept right at once, and told of, as the account.
async fn serves_a_tenant(world: &World) {
    let account = &["spec", "serviceAccountName"];
    let web = with(world.kustomization("web"), account, "tenant");
    world.apply(&web).await;
    let reference = world.kustomization_reference("web");
    world.is_ready(&reference).await;
    world
        .event(&reference, "ReconciliationSucceeded", &["Applied revision"])
        .await;
    // The second time is told by counting the event up.
    for times in [1, 2] {
        world
            .kubectl(&["scale", "deployment/web", "--replicas=1"])
            .await;
        until(async || {
            let events = world.events(&reference).await;
            let is_told = |it: &Value| {
                it.str_at(&["reason"]) == Some("DriftCorrected")
                    && it.i64_at(&["count"]) == Some(times)
            };
            let told = events.iter().any(is_told);
            told.then_some(()).ok_or(format!("{events:?}"))
        })
        .await;
        world.has_replicas("web", 2).await;
    }
    world.kubectl(&["delete", "service", "web"]).await;
    let service = world.reference("v1", "Service", "web");
    world.becomes(&service, |_| true).await;
    let live = world.live(&reference).await;
    assert_eq!(crate::world::condition(&live, "Watching"), None);
}

async fn lets_go_without_the_account(world: &World) {
    world.kubectl(&["delete", "serviceaccount", "tenant"]).await;
    let delete = ["delete", "kustomization", "web", "--silent"];
    world.trueup(&delete).await;
    let reference = world.kustomization_reference("web");
    world.is_gone(&reference).await;
    world
        .event(&reference, "PruneFailed", &["unable to prune objects"])
        .await;
    world
        .live(&world.reference("apps/v1", "Deployment", "web"))
        .await;
}

/// A namespace that ends as a whole takes along a Kustomization whose way to
/// its objects is gone.
async fn lets_go_with_its_namespace(world: &World) {
    let other = format!("{}-other", world.namespace);
    world.apply(&object("v1", "Namespace", &other)).await;
    world.tenant(&other).await;
    let reference = world.deploy_round(&other).await;
    world
        .kubectl(&["delete", "configmap", "round", "-n", &other])
        .await;
    let delete = ["delete", "namespace", &other, "--wait=false"];
    world.kubectl(&delete).await;
    world.is_gone(&reference).await;
}

/// Whatever the roles grant was asked for. What was denied are the watches
/// for all tenants at once, in whose place each account watches for itself.
fn uses_all_and_lacks_none(world: &World, manifests: &[Value]) {
    let roles = manifests.iter().filter(|it| it.get("rules").is_some());
    let granted: BTreeSet<Right> = roles.flat_map(rights_of).collect();
    let conflicts = AFTER_CONFLICTS.map(|(group, resource, verb)| {
        let [group, resource, verb] = [group, resource, verb].map(str::to_owned);
        (group, resource, verb)
    });
    let used: BTreeSet<Right> = world.asked(true).into_iter().chain(conflicts).collect();
    let unused: Vec<&Right> = granted.difference(&used).collect();
    assert_eq!(unused, [] as [&Right; 0], "rights that are not used");
    let is_shared_watch = |(_, resource, verb): &Right| {
        TENANT_KINDS.contains(&resource.as_str()) && ["list", "watch"].contains(&verb.as_str())
    };
    // The server looks for the narrower rights to impersonate first.
    let is_narrower = |(_, _, verb): &Right| verb.starts_with("impersonate-on:");
    let denied = world.asked(false);
    let lacking: Vec<&Right> = denied
        .iter()
        .filter(|it| !is_shared_watch(it) && !is_narrower(it))
        .collect();
    assert_eq!(lacking, [] as [&Right; 0], "rights that are missing");
}
