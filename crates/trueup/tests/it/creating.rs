//! `trueup create`, and several objects at once.

use crate::world::in_a_world;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_and_a_kustomization_are_created_and_waited_for() {
    in_a_world("create", async |world| {
        let url = format!("--url={}", world.git.url("fleet"));
        let source = ["create", "source", "git", "fleet", &url, "--branch=main", "--interval=1h"];
        world
            .tells(
                &source,
                0,
                "✚ generating GitRepository source\n► applying GitRepository source\n\
                 ✔ GitRepository source created\n◎ waiting for GitRepository source reconciliation\n\
                 ✔ GitRepository source reconciliation completed\n✔ fetched revision main@sha1:COMMIT\n",
            )
            .await;
        let target = format!("--target-namespace={}", world.namespace);
        let kustomization = [
            "create", "kustomization", "api", "--source=GitRepository/fleet", "--path=./api",
            "--prune=true", "--interval=1h", "--label=team=a", &target,
        ];
        let said = "✚ generating Kustomization\n► applying Kustomization\n✔ Kustomization DONE\n\
                    ◎ waiting for Kustomization reconciliation\n✔ Kustomization api is ready\n\
                    ✔ applied revision main@sha1:COMMIT\n";
        world.tells(&kustomization, 0, &said.replace("DONE", "created")).await;
        world.tells(&kustomization, 0, &said.replace("DONE", "updated")).await;
        let live = world.live(&world.kustomization_reference("api")).await;
        assert_eq!(live.str_at(&["metadata", "labels", "team"]), Some("a"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_kept_in_a_secret() {
    in_a_world("create-secret", async |world| {
        let url = format!("--url={}", world.git.url("private"));
        let source = [
            "create",
            "source",
            "git",
            "private",
            &url,
            "--branch=main",
            "-u",
            "ada",
            "-p",
            "open-sesame",
        ];
        let answer = world.trueup(&source).await;
        assert!(
            answer.err.contains("⚠️ insecure configuration"),
            "{answer:?}"
        );
        assert!(
            answer.err.contains("✔ authentication configured"),
            "{answer:?}"
        );
        let export = ["export", "source", "git", "private"];
        let plain = world.trueup(&export).await.out;
        assert!(
            plain.contains("  secretRef:\n    name: private\n"),
            "{plain}"
        );
        assert!(!plain.contains("b3Blbi1zZXNhbWU="), "{plain}");
        let whole = [&export[..], &["--with-credentials"]].concat();
        let whole = world.trueup(&whole).await.out;
        assert!(whole.contains("  password: b3Blbi1zZXNhbWU=\n"), "{whole}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_objects_are_reconciled_suspended_and_resumed_at_once() {
    in_a_world("several", async |world| {
        for folder in ["web", "api"] {
            world.deploy(folder).await;
        }
        let commit = world.fleet.head().await;
        for folder in ["web", "api"] {
            world.applied(folder, &commit).await;
        }
        let suspended = "► suspending kustomization api in NAMESPACE namespace\n✔ kustomization suspended\n\
                         ► suspending kustomization web in NAMESPACE namespace\n✔ kustomization suspended\n";
        world.tells(&["suspend", "ks", "--all"], 0, suspended).await;
        world
            .tells(
                &["reconcile", "ks", "web"],
                1,
                "✗ resource is suspended: Kustomization/NAMESPACE/web\n  hint: `trueup resume` \
                 reconciles Kustomization web again\n",
            )
            .await;
        let resumed = "► resuming kustomization api in NAMESPACE namespace\n✔ kustomization resumed\n\
                       ► resuming kustomization web in NAMESPACE namespace\n✔ kustomization resumed\n";
        world.tells(&["resume", "ks", "web", "api"], 0, resumed).await;
        let both = ["reconcile", "kustomization", "--all"];
        let answer = world.trueup(&both).await;
        assert_eq!(answer.err.matches("✔ applied revision").count(), 2, "{answer:?}");
        world
            .tells(&["suspend", "ks", "web", "--all"], 1, "✗ give names or --all, not both\n")
            .await;
    })
    .await;
}
