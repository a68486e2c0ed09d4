//! The genuine `flux` CLI, where it is on PATH, on a cluster that we run.

use crate::world::{Answer, World, in_a_world, is_there};
use trueup_object::Value;

impl World {
    /// Runs `flux` in the namespace of the test; it must succeed.
    async fn flux(&self, arguments: &[&str]) -> Answer {
        let answer = self.try_flux(arguments).await;
        assert!(
            answer.success,
            "flux {}: {}{}",
            arguments.join(" "),
            answer.out,
            answer.err
        );
        answer
    }

    async fn try_flux(&self, arguments: &[&str]) -> Answer {
        self.try_program("flux", arguments).await
    }
}

/// Everything that a program said.
fn said(answer: &Answer) -> String {
    format!("{}{}", answer.out, answer.err)
}

#[track_caller]
fn assert_says(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(
            said(answer).contains(word),
            "no {word:?} in {}",
            said(answer)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_flux_cli_works_against_us() {
    if !is_there("flux") {
        println!("skipped: flux: flux is not on PATH");
        return;
    }
    in_a_world("flux", async |world| {
        world.deploy("web").await;
        let commit = world.fleet.head().await;
        world.applied("web", &commit).await;
        if !world.is_shared() {
            world.trueup_anywhere(&["install"]).await;
            let namespace = ["check", "--namespace", "flux-system", "--poll-interval=1s"];
            let check = world.try_program_anywhere("flux", &namespace).await;
            assert!(check.success, "{}", said(&check));
            assert_says(&check, &["trueup: deployment ready", "all checks passed"]);
        }

        let all = world.flux(&["get", "all"]).await;
        assert_says(
            &all,
            &[
                "gitrepository/fleet",
                "kustomization/web",
                "Applied revision: main@sha1:",
            ],
        );
        let row = world.flux(&["get", "kustomizations", "web"]).await;
        assert_says(&row, &["True", &commit[..8]]);

        let reconciled = world
            .flux(&["reconcile", "kustomization", "web", "--with-source"])
            .await;
        assert_says(&reconciled, &["fetched revision", "applied revision"]);

        world.flux(&["suspend", "kustomization", "web"]).await;
        let refused = world.try_flux(&["reconcile", "kustomization", "web"]).await;
        assert!(!refused.success);
        assert_says(&refused, &["resource is suspended"]);
        world.flux(&["resume", "kustomization", "web"]).await;
        world.flux(&["suspend", "source", "git", "fleet"]).await;
        world.flux(&["resume", "source", "git", "fleet"]).await;

        let tree = world.flux(&["tree", "kustomization", "web"]).await;
        assert_says(&tree, &[&format!("Deployment/{}/web", world.namespace)]);
        let trace = world.flux(&["trace", "deployment", "web"]).await;
        assert_says(
            &trace,
            &["Managed by Flux", "Last reconciled at", &commit[..8]],
        );
        let events = world.flux(&["events", "--for", "Kustomization/web"]).await;
        assert_says(&events, &["ReconciliationSucceeded"]);
        let exported = world.flux(&["export", "kustomization", "web"]).await;
        assert_says(&exported, &["kind: Kustomization", "path: ./web"]);
        let stats = world.flux(&["stats"]).await;
        assert_says(&stats, &["Kustomization", "GitRepository"]);
        world.flux_diff().await;
    })
    .await;
}

impl World {
    /// `flux diff` sees what is not applied yet, and nothing else.
    async fn flux_diff(&self) {
        let folder = self.fleet.folder.join("web");
        let diff = [
            "diff",
            "kustomization",
            "web",
            "--path",
            folder.to_str().unwrap(),
        ];
        let none = self.try_flux(&diff).await;
        assert!(none.success, "{}", said(&none));
        self.fleet
            .edit("web/deployment.yaml", "replicas: 2", "replicas: 4");
        let some = self.try_flux(&diff).await;
        assert!(!some.success);
        assert_says(&some, &["Deployment", "web", "drifted", "spec.replicas"]);
        let build = [
            "build",
            "kustomization",
            "web",
            "--path",
            folder.to_str().unwrap(),
        ];
        let built = self.flux(&build).await;
        assert_says(
            &built,
            &["replicas: 4", "kustomize.toolkit.fluxcd.io/name: web"],
        );
        let live = self
            .live(&self.reference("apps/v1", "Deployment", "web"))
            .await;
        assert_eq!(
            live.at(&["spec", "replicas"]).and_then(Value::as_i64),
            Some(2)
        );
    }
}
