//! What a person sees with `kubectl`.

use crate::world::{in_a_world, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_waits_for_the_ready_condition() {
    in_a_world("wait", async |world| {
        world.deploy("web").await;
        let wait = [
            "wait",
            "--for=condition=Ready",
            "kustomization/web",
            "gitrepository/fleet",
            "--timeout=60s",
        ];
        let said = world.kubectl(&wait).await;
        assert!(
            said.contains("kustomization.kustomize.toolkit.fluxcd.io/web condition met"),
            "{said}"
        );
        assert!(
            said.contains("gitrepository.source.toolkit.fluxcd.io/fleet condition met"),
            "{said}"
        );
        world
            .kubectl(&[
                "wait",
                "--for=condition=Available",
                "deployment/web",
                "--timeout=60s",
            ])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_get_has_the_usual_columns() {
    in_a_world("columns", async |world| {
        world.deploy("web").await;
        let commit = world.fleet.head().await;
        world.applied("web", &commit).await;
        let said = world
            .kubectl(&[
                "get",
                "gitrepositories,kustomizations,deployments,pods",
                "-A",
            ])
            .await;
        let headers: Vec<String> = said
            .lines()
            .filter(|line| line.starts_with("NAMESPACE"))
            .map(squeezed)
            .collect();
        let expected = [
            "NAMESPACE NAME URL AGE READY STATUS",
            "NAMESPACE NAME AGE READY STATUS",
            "NAMESPACE NAME READY UP-TO-DATE AVAILABLE AGE",
            "NAMESPACE NAME READY STATUS RESTARTS AGE",
        ];
        assert_eq!(headers, expected, "{said}");
        let row = |name: &str| {
            let of_test = said
                .lines()
                .filter(|line| line.starts_with(world.namespace.as_str()));
            of_test
                .map(squeezed)
                .find(|line| line.contains(name))
                .unwrap_or_else(|| panic!("no {name}: {said}"))
        };
        assert!(row("gitrepository.source").contains(&format!(
            "True stored artifact for revision 'main@sha1:{commit}'"
        )));
        assert!(
            row("kustomization.kustomize")
                .contains(&format!("True Applied revision: main@sha1:{commit}"))
        );
        assert!(row("deployment.apps/web").contains("2/2 2 2"));
        assert!(row("pod/web-").contains("1/1 Running 0"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_knows_short_names_describes_explains_and_shows_events() {
    in_a_world("short", async |world| {
        world.deploy("web").await;
        let commit = world.fleet.head().await;
        world.applied("web", &commit).await;
        assert!(
            world
                .kubectl(&["get", "ks", "web", "-o", "name"])
                .await
                .contains("kustomization")
        );
        assert!(
            world
                .kubectl(&["get", "gitrepo", "fleet", "-o", "name"])
                .await
                .contains("gitrepository")
        );
        let web = world.kustomization_reference("web");
        world
            .event(&web, "ReconciliationSucceeded", &[&commit])
            .await;
        let said = world.kubectl(&["describe", "kustomization", "web"]).await;
        assert!(
            said.contains("ReconciliationSucceeded") && said.contains("Applied revision"),
            "{said}"
        );
        let said = world
            .kubectl(&["explain", "kustomization.spec.sourceRef"])
            .await;
        assert!(said.contains("FIELD: sourceRef"), "{said}");
        let said = world
            .kubectl(&["events", "--for", "kustomization/web"])
            .await;
        assert!(said.contains("Applied revision"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_install_prints_can_be_applied_by_kubectl() {
    in_a_world("install", async |world| {
        let namespace = format!("{}-system", world.namespace);
        let manifests = world
            .trueup_alone(&["install", "--export", "-n", &namespace])
            .await;
        let said = world.kubectl_apply(&manifests.out).await;
        for name in [
            "gitrepositories.source.toolkit.fluxcd.io",
            "kustomizations.kustomize.toolkit.fluxcd.io",
        ] {
            assert!(
                said.contains(&format!(
                    "customresourcedefinition.apiextensions.k8s.io/{name}"
                )),
                "{said}"
            );
        }
        assert!(said.contains(&format!("namespace/{namespace}")), "{said}");
        let again = world.kubectl_apply(&manifests.out).await;
        assert!(
            again.lines().all(|line| line.ends_with("unchanged")),
            "{again}"
        );
        until(async || {
            let said = world.try_kubectl(&["get", "kustomizations"]).await;
            if said.success { Ok(()) } else { Err(said.err) }
        })
        .await;
        for (kind, name) in [
            ("clusterrolebinding", "trueup-cluster-admin-"),
            ("clusterrolebinding", "trueup-controller-"),
            ("clusterrole", "trueup-controller-"),
            ("clusterrole", "trueup-view-"),
            ("clusterrole", "trueup-edit-"),
            ("namespace", ""),
        ] {
            let name = format!("{name}{namespace}");
            world
                .kubectl(&["delete", kind, &name, "--wait=false"])
                .await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_apply_sees_no_difference_where_there_is_none() {
    in_a_world("apply", async |world| {
        let folder = world.fleet.folder.join("web").display().to_string();
        world.kubectl(&["apply", "-f", &folder]).await;
        let again = world.kubectl(&["apply", "-f", &folder]).await;
        assert!(
            again.lines().all(|line| line.ends_with("unchanged")),
            "{again}"
        );
        world.has_replicas("web", 2).await;
        world.kubectl(&["diff", "-f", &folder]).await;
    })
    .await;
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
