//! What the status says of the last reconciliations.

use super::world::{World, map};
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const REFUSED: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: apps}\nspec: {ports: [{port: 99999}]}\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";

/// Status, count and revision of each entry, the newest first.
async fn history(world: &World) -> Vec<(String, i64, String)> {
    let status = world.kustomization_status("apps").await;
    let entries = status.get("history").and_then(Value::as_list);
    let entry = |it: &Value| {
        let text = |path: &[&str]| it.str_at(path).unwrap_or_default().to_owned();
        (
            text(&["lastReconciledStatus"]),
            it.i64_at(&["totalReconciliations"]).unwrap_or_default(),
            text(&["metadata", "revision"]),
        )
    };
    entries.unwrap_or_default().iter().map(entry).collect()
}

/// Waits until the newest entry says this so often.
async fn newest(world: &World, status: &str, count: i64, revision: &str) {
    let expected = (status.to_owned(), count, revision.to_owned());
    world
        .until(&format!("the newest entry is {expected:?}"), async || {
            history(world).await.first() == Some(&expected)
        })
        .await;
}

async fn first_applied(seed: u64) -> (World, String) {
    let world = World::new(seed).await;
    let first = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world.applied("apps", &first).await;
    newest(&world, "ReconciliationSucceeded", 1, &first).await;
    (world, first)
}

#[test]
fn a_refused_apply_is_counted_at_each_retry_and_its_end_is_an_entry_of_its_own() {
    virtual_time(async {
        let (world, _) = first_applied(91).await;
        let a = map("a", &[]);
        let bad = world.push("bad", &[("apps/a.yaml", &a), ("apps/x.yaml", REFUSED)]);
        newest(&world, "ReconciliationFailed", 1, &bad).await;
        newest(&world, "ReconciliationFailed", 3, &bad).await;
        let good = world.push("good", &[("apps/a.yaml", &a)]);
        // The same objects as at first: the same entry, counted on.
        newest(&world, "ReconciliationSucceeded", 2, &good).await;
        let all = history(&world).await;
        let statuses: Vec<&str> = all.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(
            statuses,
            ["ReconciliationSucceeded", "ReconciliationFailed"]
        );
    });
}

#[test]
fn what_fails_before_the_cluster_is_worked_on_is_no_entry() {
    virtual_time(async {
        let (world, first) = first_applied(92).await;
        world.push("broken", &[("apps/a.yaml", "a: [\n")]);
        world.fails("apps", "BuildFailed").await;
        world
            .patch_kustomization("apps", value!({"spec": {"path": "./nowhere"}}))
            .await;
        world.fails("apps", "ArtifactFailed").await;
        newest(&world, "ReconciliationSucceeded", 1, &first).await;
        assert_eq!(history(&world).await.len(), 1);
    });
}

#[test]
fn health_that_was_waited_for_in_vain_is_an_entry_with_the_time_it_took() {
    virtual_time(async {
        let world = World::new(93).await;
        let first = world.commit("first", &[("apps/web.yaml", DEPLOYMENT)]);
        world.repository().await;
        let spec = value!({"wait": true, "timeout": "1m"});
        world.kustomization("apps", "./apps", spec).await;
        newest(&world, "HealthCheckFailed", 1, &first).await;
        let status = world.kustomization_status("apps").await;
        let entry = &status.get("history").and_then(Value::as_list).unwrap()[0];
        let took = entry.str_at(&["lastReconciledDuration"]).unwrap();
        let took = trueup_gocompat::parse_duration(took)
            .unwrap()
            .to_std()
            .unwrap();
        assert!(took >= std::time::Duration::from_secs(55), "{took:?}");
    });
}

#[test]
fn a_prune_that_fails_is_an_entry() {
    virtual_time(async {
        let (world, _) = first_applied(94).await;
        let a = map("a", &[]);
        let own = "apiVersion: v1\nkind: Namespace\nmetadata: {name: fleet}\n";
        let with = world.push("own", &[("apps/a.yaml", &a), ("apps/n.yaml", own)]);
        world.applied("apps", &with).await;
        let without = world.push("without", &[("apps/a.yaml", &a)]);
        newest(&world, "PruneFailed", 1, &without).await;
    });
}

#[test]
fn a_revision_that_changes_nothing_is_counted_in_the_one_patch_that_it_costs() {
    virtual_time(async {
        let (world, _) = first_applied(95).await;
        world.rest().await;
        let before = world.faults.write_count();
        let a = map("a", &[]);
        let second = world.push("elsewhere", &[("apps/a.yaml", &a), ("x.md", "text")]);
        world.applied("apps", &second).await;
        newest(&world, "ReconciliationSucceeded", 2, &second).await;
        world.rest().await;
        // The source's status and its event, and the Kustomization's status.
        assert_eq!(world.faults.write_count() - before, 3);
    });
}
