//! Deletions that wait for consent, and suspensions with an end, as a person
//! meets them.

use crate::world::in_a_world;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_back_is_deleted_after_the_command_that_the_condition_names() {
    in_a_world("approve", async |world| {
        world.deploy("web").await;
        let first = world.fleet.head().await;
        world.applied("web", &first).await;
        let answer = world.try_trueup(&["approve", "kustomization", "web"]).await;
        assert!(
            !answer.success
                && answer
                    .err
                    .contains("no deletions of kustomization web wait"),
            "{answer:?}"
        );
        let object = "kustomizations.kustomize.toolkit.fluxcd.io/web";
        world
            .kubectl(&["annotate", object, "trueup.dev/max-deletions=0"])
            .await;
        world.fleet.remove("web/service.yaml");
        let commit = world.fleet.push("No service").await;
        let web = world.kustomization_reference("web");
        let command = format!("trueup approve kustomization web -n {}", world.namespace);
        world.fails(&web, "DeletionsHeld", &[&command]).await;
        let service = world.reference("v1", "Service", "web");
        assert!(world.find(&service).await.is_some());
        let answer = world.trueup(&["approve", "kustomization", "web"]).await;
        let named = format!("► Service/{}/web", world.namespace);
        assert!(answer.err.contains(&named), "{answer:?}");
        assert!(
            answer.err.contains("✔ deletions approved, once"),
            "{answer:?}"
        );
        world.applied("web", &commit).await;
        assert!(world.find(&service).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_says_why_by_whom_and_until_when_and_ends() {
    in_a_world("suspend-for", async |world| {
        world.deploy("api").await;
        let first = world.fleet.head().await;
        world.applied("api", &first).await;
        world
            .trueup(&[
                "suspend", "ks", "api", "--reason", "a drill", "--by", "me", "--for", "8s",
            ])
            .await;
        let said = world.trueup(&["get", "ks", "api"]).await.out;
        assert!(said.contains("suspended by me until "), "{said}");
        assert!(said.contains("(a drill): Applied revision"), "{said}");
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let commit = world.fleet.push("Blue").await;
        world.applied("api", &commit).await;
        let api = world.kustomization_reference("api");
        let is_clean = |live: &trueup_object::Value| {
            let until = ["metadata", "annotations", "trueup.dev/suspend-until"];
            live.str_at(&until).is_none()
        };
        world.becomes(&api, is_clean).await;
        world
            .trueup(&["suspend", "ks", "api", "--reason", "another"])
            .await;
        world.trueup(&["resume", "ks", "api"]).await;
        let live = world.live(&api).await;
        let reason = ["metadata", "annotations", "trueup.dev/suspend-reason"];
        assert_eq!(live.str_at(&reason), None);
    })
    .await;
}
