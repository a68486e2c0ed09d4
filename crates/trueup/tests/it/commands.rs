//! The commands of a person, in the flux CLI's words.

use crate::world::{Answer, in_a_world};
use tokio::io::{AsyncBufReadExt, BufReader};
use trueup_object::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_shows_revision_suspension_and_readiness() {
    in_a_world("get", async |world| {
        world.deploy("web").await;
        let commit = world.fleet.head().await;
        world.applied("web", &commit).await;
        let said = world.trueup(&["get", "kustomizations"]).await.out;
        assert_eq!(words(&said, 0), "NAME REVISION SUSPENDED READY MESSAGE");
        let short = format!("main@sha1:{}", &commit[..8]);
        assert_eq!(
            words(&said, 1),
            format!("web {short} False True Applied revision: {short}")
        );
        let said = world.trueup(&["get", "sources", "git"]).await.out;
        let stored = format!("stored artifact for revision '{short}'");
        assert_eq!(
            words(&said, 1),
            format!("fleet {short} False True {stored}")
        );
        let said = world.trueup(&["get", "all", "-A"]).await.out;
        for name in ["gitrepository/fleet", "kustomization/web"] {
            assert!(said.contains(name), "{said}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_table_grows_with_what_changes_and_ends_with_its_reader() {
    in_a_world("watched", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        let mut watching = world.spawn_trueup(&["get", "kustomizations", "--watch"]);
        let output = watching.stdout.take().unwrap();
        let mut lines = BufReader::new(output).lines();
        let header = lines.next_line().await.unwrap().unwrap();
        assert_eq!(words(&header, 0), "NAME REVISION SUSPENDED READY MESSAGE");
        world.trueup(&["suspend", "kustomization", "web"]).await;
        let mut row = String::new();
        while !words(&row, 0).contains(" True True ") {
            row = lines.next_line().await.unwrap().unwrap();
        }
        drop(lines);
        world.trueup(&["resume", "kustomization", "web"]).await;
        // The first line that nobody reads ends it.
        assert!(watching.wait().await.unwrap().success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcile_waits_and_names_the_revision() {
    in_a_world("reconcile", async |world| {
        world.deploy("web").await;
        let commit = world.fleet.head().await;
        world.applied("web", &commit).await;
        let answer = world
            .trueup(&["reconcile", "kustomization", "web", "--with-source"])
            .await;
        let expected = [
            format!(
                "► annotating GitRepository fleet in {} namespace",
                world.namespace
            ),
            "✔ GitRepository annotated".to_owned(),
            "◎ waiting for GitRepository reconciliation".to_owned(),
            format!("✔ fetched revision main@sha1:{commit}"),
            format!(
                "► annotating Kustomization web in {} namespace",
                world.namespace
            ),
            "✔ Kustomization annotated".to_owned(),
            "◎ waiting for Kustomization reconciliation".to_owned(),
            format!("✔ applied revision main@sha1:{commit}"),
        ];
        assert_eq!(answer.err.lines().collect::<Vec<_>>(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcile_fails_with_what_the_object_says() {
    in_a_world("reconcile-bad", async |world| {
        world.deploy("nowhere").await;
        let nowhere = world.kustomization_reference("nowhere");
        world
            .fails(&nowhere, "ArtifactFailed", &["path not found"])
            .await;
        let answer = world.try_trueup(&["reconcile", "ks", "nowhere"]).await;
        assert!(!answer.success && answer.err.contains("✗ "), "{answer:?}");
        assert!(answer.err.contains("path not found"), "{answer:?}");
        let answer = world.try_trueup(&["reconcile", "ks", "unknown"]).await;
        assert!(
            !answer.success && answer.err.contains("unknown"),
            "{answer:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_suspended_rests_until_it_is_resumed() {
    in_a_world("suspend", async |world| {
        for folder in ["web", "api"] {
            world.deploy(folder).await;
        }
        let first = world.fleet.head().await;
        for folder in ["web", "api"] {
            world.applied(folder, &first).await;
        }
        let answer = world.trueup(&["suspend", "kustomization", "web"]).await;
        assert!(
            answer.err.contains("✔ kustomization suspended"),
            "{answer:?}"
        );
        assert!(words(&world.trueup(&["get", "ks", "web"]).await.out, 1).contains(" True True "));
        world
            .kubectl(&["scale", "deployment/web", "--replicas=1"])
            .await;
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let commit = world.fleet.push("Another port and colour").await;
        world.applied("api", &commit).await;
        world.has_replicas("web", 1).await;
        let resting = world.live(&world.kustomization_reference("web")).await;
        assert!(
            resting
                .str_at(&["status", "lastAppliedRevision"])
                .unwrap()
                .ends_with(&first)
        );
        let refused = world
            .try_trueup(&["reconcile", "kustomization", "web"])
            .await;
        assert!(
            !refused.success && refused.err.contains("✗ resource is suspended"),
            "{refused:?}"
        );
        let answer = world.trueup(&["resume", "kustomization", "web"]).await;
        assert_resumed(&answer, &commit);
        world.has_replicas("web", 2).await;
        let service = world.live(&world.reference("v1", "Service", "web")).await;
        let ports = service
            .at(&["spec", "ports"])
            .and_then(Value::as_list)
            .unwrap();
        assert_eq!(ports[0].i64_at(&["port"]), Some(81));
    })
    .await;
}

fn assert_resumed(answer: &Answer, commit: &str) {
    for line in [
        "✔ kustomization resumed",
        "◎ waiting for Kustomization reconciliation",
        &format!("✔ applied revision main@sha1:{commit}"),
    ] {
        assert!(
            answer.err.contains(line),
            "{line} is missing: {}",
            answer.err
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_source_fetches_nothing_until_it_is_resumed() {
    in_a_world("suspend-source", async |world| {
        world.deploy("api").await;
        let first = world.fleet.head().await;
        world.applied("api", &first).await;
        world.trueup(&["suspend", "source", "git", "fleet"]).await;
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let commit = world.fleet.push("Blue").await;
        world.trueup(&["reconcile", "kustomization", "api"]).await;
        world.applied("api", &first).await;
        world.trueup(&["resume", "source", "git", "fleet"]).await;
        world.applied("api", &commit).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_what_happened() {
    in_a_world("events", async |world| {
        world.deploy("api").await;
        let commit = world.fleet.head().await;
        world.applied("api", &commit).await;
        let api = world.kustomization_reference("api");
        world.event(&api, "ReconciliationSucceeded", &[]).await;
        let said = world
            .trueup(&["events", "--for", "Kustomization/api"])
            .await
            .out;
        assert_eq!(words(&said, 0), "LAST SEEN TYPE REASON OBJECT MESSAGE");
        assert!(
            said.contains("Kustomization/api") && said.contains("Applied revision"),
            "{said}"
        );
        assert!(
            said.contains("GitRepository/fleet") && said.contains("First commit"),
            "{said}"
        );
        let patch = r#"{"spec":{"path":"./nowhere"}}"#;
        world
            .kubectl(&["patch", "kustomization", "api", "--type=merge", "-p", patch])
            .await;
        world
            .event(&api, "ArtifactFailed", &["path not found"])
            .await;
        let warnings = world.trueup(&["events", "--types", "Warning"]).await.out;
        assert!(
            warnings.contains("path not found") && !warnings.contains("Applied revision"),
            "{warnings}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_waits_until_the_object_and_what_it_applied_are_gone() {
    in_a_world("delete-cli", async |world| {
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let asked = world.try_trueup(&["delete", "kustomization", "api"]).await;
        assert!(
            !asked.success && asked.err.contains("--silent"),
            "{asked:?}"
        );
        let answer = world
            .trueup(&["delete", "kustomization", "api", "--silent"])
            .await;
        assert!(answer.err.contains("✔ kustomization deleted"), "{answer:?}");
        assert_eq!(
            world.find(&world.kustomization_reference("api")).await,
            None
        );
        world
            .is_gone(&world.reference("v1", "ConfigMap", "api"))
            .await;
        world
            .trueup(&["delete", "source", "git", "fleet", "--silent"])
            .await;
        assert_eq!(world.find(&world.repository_reference()).await, None);
    })
    .await;
}

/// A line with single spaces.
fn words(text: &str, line: usize) -> String {
    text.lines()
        .nth(line)
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
