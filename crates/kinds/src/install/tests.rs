use super::*;
use trueup_object::ObjectRef;

fn options() -> InstallOptions {
    InstallOptions::new("v0.1.0")
}

fn names(manifests: &InstallManifests) -> Vec<String> {
    manifests
        .iter()
        .map(|it| ObjectRef::of(it).unwrap().to_string())
        .collect()
}

fn find(manifests: &InstallManifests, name: &str) -> Value {
    let found = manifests
        .iter()
        .find(|it| ObjectRef::of(it).unwrap().to_string() == name);
    found.unwrap_or_else(|| panic!("{name} is missing")).clone()
}

fn container(options: &InstallOptions) -> Value {
    let deployment = find(&install_manifests(options), "Deployment/flux-system/trueup");
    let containers = deployment.at(&["spec", "template", "spec", "containers"]);
    containers.unwrap().as_list().unwrap()[0].clone()
}

#[test]
fn an_installation_is_complete_and_in_order() {
    assert_eq!(
        names(&install_manifests(&options())),
        [
            "Namespace/flux-system",
            "CustomResourceDefinition/alertproviders.flagger.app",
            "CustomResourceDefinition/canaries.flagger.app",
            "CustomResourceDefinition/metrictemplates.flagger.app",
            "CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io",
            "CustomResourceDefinition/externalartifacts.source.toolkit.fluxcd.io",
            "CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io",
            "ServiceAccount/flux-system/trueup",
            "ClusterRole/trueup-controller-flux-system",
            "ClusterRole/trueup-view-flux-system",
            "ClusterRole/trueup-edit-flux-system",
            "ClusterRoleBinding/trueup-controller-flux-system",
            "Role/flux-system/trueup-leader-election",
            "RoleBinding/flux-system/trueup-leader-election",
            "ClusterRole/trueup-canaries-flux-system",
            "ClusterRoleBinding/trueup-canaries-flux-system",
            "ClusterRoleBinding/trueup-cluster-admin-flux-system",
            "ResourceQuota/flux-system/trueup-critical-pods",
            "Service/flux-system/trueup",
            "Deployment/flux-system/trueup",
            "NetworkPolicy/flux-system/trueup",
        ]
    );
}

#[test]
fn every_object_carries_the_labels_of_its_installation() {
    let mut options = options();
    options.namespace = "infra".into();
    for manifest in install_manifests(&options).iter() {
        for (key, wanted) in [
            (names::PART_OF, "flux"),
            (names::MANAGED_BY, "trueup"),
            (names::INSTANCE, "infra"),
            (names::VERSION, "v0.1.0"),
        ] {
            assert_eq!(
                manifest.str_at(&["metadata", "labels", key]),
                Some(wanted),
                "{manifest:?}"
            );
        }
    }
}

/// The texts of a rule under a key.
fn texts(rule: &Value, key: &str) -> Vec<String> {
    let list = rule.get(key).unwrap().as_list().unwrap();
    list.iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_the_binding_the_controllers_have_no_right_to_write_what_is_not_theirs() {
    let options = InstallOptions {
        rights: ControllerRights::Tenants,
        ..options()
    };
    let manifests = install_manifests(&options);
    assert!(
        !names(&manifests)
            .iter()
            .any(|name| name.contains("cluster-admin"))
    );
    let role = find(&manifests, "ClusterRole/trueup-controller-flux-system");
    for rule in role.get("rules").unwrap().as_list().unwrap() {
        for key in ["apiGroups", "resources", "verbs"] {
            assert!(!texts(rule, key).contains(&"*".to_owned()), "{rule:?}");
        }
        let ours = texts(rule, "apiGroups")[0].ends_with(".toolkit.fluxcd.io");
        let reads = ["get", "list", "watch"];
        for verb in texts(rule, "verbs") {
            let harmless = reads.contains(&verb.as_str())
                || [
                    ("events", "create"),
                    ("events", "patch"),
                    ("serviceaccounts", "impersonate"),
                    ("serviceaccounts/token", "create"),
                ]
                .contains(&(texts(rule, "resources")[0].as_str(), verb.as_str()));
            assert!(ours || harmless, "{verb} in {rule:?}");
        }
    }
}

#[test]
fn canaries_that_are_left_out_leave_no_definition_and_no_right_but_to_look_at_others() {
    let options = InstallOptions {
        canaries: CanarySupport::LeftOut,
        ..options()
    };
    let manifests = install_manifests(&options);
    for manifest in manifests.iter() {
        let text = format!("{manifest:?}");
        let is_workload = manifest.str_at(&["kind"]) == Some("Deployment");
        let name = manifest.str_at(&["metadata", "name"]);
        if name == Some("trueup-controller-flux-system") && text.contains("flagger.app") {
            let rules = manifest.get("rules").unwrap().as_list().unwrap();
            let of_flagger = |rule: &&Value| texts(rule, "apiGroups")[0] == "flagger.app";
            let rules: Vec<&Value> = rules.iter().filter(of_flagger).collect();
            assert_eq!(rules.len(), 1, "{rules:?}");
            assert_eq!(texts(rules[0], "resources"), ["canaries"]);
            assert_eq!(texts(rules[0], "verbs"), ["list", "watch"]);
            continue;
        }
        assert!(!text.contains("flagger.app"), "{text}");
        assert!(is_workload || !text.contains("canaries"), "{text}");
    }
    let arguments = format!("{:?}", container(&options).get("args"));
    assert!(arguments.contains("--canaries=false"), "{arguments}");
}

#[test]
fn the_rights_for_canaries_name_every_resource_and_verb() {
    let manifests = install_manifests(&options());
    let role = find(&manifests, "ClusterRole/trueup-canaries-flux-system");
    for rule in role.get("rules").unwrap().as_list().unwrap() {
        for key in ["apiGroups", "resources", "verbs"] {
            let named = texts(rule, key);
            let is_wide = |it: &String| it == "*" || it == "impersonate" || it.ends_with("/exec");
            assert!(!named.is_empty() && !named.iter().any(is_wide), "{rule:?}");
        }
    }
}

#[test]
fn the_container_runs_with_no_privilege() {
    let container = container(&options());
    assert_eq!(container.str_at(&["name"]), Some("manager"));
    assert_eq!(
        container.get("securityContext"),
        Some(&value!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        }))
    );
}

#[test]
fn options_reach_the_workload() {
    let options = InstallOptions {
        image: "registry.example.com/trueup:v9".into(),
        image_pull_secret: Some("pull".into()),
        watch: WatchedNamespaces::Own,
        isolation: Isolation::None,
        log_level: "debug".into(),
        cluster_domain: "example.internal".into(),
        toleration_keys: vec!["dedicated".into()],
        ..options()
    };
    let manifests = install_manifests(&options);
    let pod = find(&manifests, "Deployment/flux-system/trueup")
        .at(&["spec", "template", "spec"])
        .unwrap()
        .clone();
    assert_eq!(
        pod.get("tolerations"),
        Some(&value!([{"key": "dedicated", "operator": "Exists"}]))
    );
    assert_eq!(
        pod.get("imagePullSecrets"),
        Some(&value!([{"name": "pull"}]))
    );
    let container = container(&options);
    assert_eq!(
        container.str_at(&["image"]),
        Some("registry.example.com/trueup:v9")
    );
    let arguments = format!("{:?}", container.get("args").unwrap());
    for word in [
        "--log-level=debug",
        "svc.example.internal.",
        "--watch-all-namespaces=false",
    ] {
        assert!(arguments.contains(word), "{arguments}");
    }
    assert!(
        !names(&manifests)
            .iter()
            .any(|name| name.starts_with("NetworkPolicy"))
    );
}
