//! Watches that are refused for a time.

use super::elsewhere::{Both, SERVER, at_production, both};
use super::elsewhere_world::{Elsewhere, grant, kubeconfig, secret};
use super::world::{World, condition, map, reference};
use trueup_apiserver::core::Identity;
use trueup_cluster::{DeleteOptions, Patch, WriteOptions};
use trueup_object::value;
use trueup_testkit::virtual_time;

/// How many objects are applied: more than the requests of a run that reads
/// none of them.
const OBJECTS: usize = 20;
/// A token that is worth more or less in the course of a test.
const TOKEN: &str = "sometimes";

/// Applies many ConfigMaps to the other cluster.
async fn applied(both: &Both) {
    let Both {
        world, elsewhere, ..
    } = both;
    elsewhere.trust(TOKEN, Identity::admin());
    let config = kubeconfig(SERVER, &format!("token: {TOKEN}"));
    secret(world, "production", &config).await;
    let file = |index: usize| {
        let name = format!("m{index}");
        (format!("apps/{name}.yaml"), map(&name, &[("k", "v")]))
    };
    let files: Vec<(String, String)> = (0..OBJECTS).map(file).collect();
    let texts = files.iter();
    let texts = texts.map(|(path, text)| (path.as_str(), text.as_str()));
    let revision = world.push("many", &texts.collect::<Vec<_>>());
    world.kustomization("apps", "./apps", at_production()).await;
    world.applied("apps", &revision).await;
    world.rest().await;
}

/// From now on the controllers may do anything there but list and watch.
async fn may_not_watch(elsewhere: &Elsewhere) {
    let verbs = ["get", "patch", "create", "delete"];
    grant(&elsewhere.admin, "weak", &verbs).await;
    let weak = Identity {
        user: "system:serviceaccount:fleet:weak".into(),
        groups: vec!["system:authenticated".into()],
        ..Identity::admin()
    };
    elsewhere.trust(TOKEN, weak);
    elsewhere.faults.drop_watches();
}

async fn is_watched(world: &World) -> bool {
    let status = world.kustomization_status("apps").await;
    condition(&status, "Watching").is_none()
}

/// Asks for a run; how many requests it makes of the other cluster.
async fn requests_of_a_run(both: &Both, asked_at: &str) -> u64 {
    let (world, faults) = (&both.world, &both.elsewhere.faults);
    let (before, runs) = (faults.request_count(), world.runs("apps"));
    let annotations = value!({"reconcile.fluxcd.io/requestedAt": asked_at});
    let asked = value!({"metadata": {"annotations": annotations}});
    world.patch_kustomization("apps", asked).await;
    world
        .until("it is worked on", async || world.runs("apps") > runs)
        .await;
    world.rest().await;
    faults.request_count() - before
}

async fn text_of(elsewhere: &Elsewhere, name: &str) -> Option<String> {
    let found = elsewhere.get(&reference("v1", "ConfigMap", name)).await?;
    found.str_at(&["data", "k"]).map(str::to_owned)
}

/// Somebody changes one object and deletes another.
async fn meddle(elsewhere: &Elsewhere, changed: &str, deleted: &str) {
    let patch = Patch::Merge(value!({"data": {"k": "other"}}));
    let changed = reference("v1", "ConfigMap", changed);
    let by = WriteOptions::new("eve");
    elsewhere.admin.patch(&changed, &patch, &by).await.unwrap();
    let deleted = reference("v1", "ConfigMap", deleted);
    let options = DeleteOptions::default();
    elsewhere.admin.delete(&deleted, &options).await.unwrap();
}

#[test]
fn what_may_be_watched_again_is_known_without_reading_it_object_by_object() {
    virtual_time(async {
        let both = both().await;
        let Both {
            world, elsewhere, ..
        } = &both;
        applied(&both).await;
        let objects = u64::try_from(OBJECTS).unwrap();
        assert!(requests_of_a_run(&both, "watched").await < objects);
        may_not_watch(elsewhere).await;
        world.rest().await;
        assert!(requests_of_a_run(&both, "blind").await >= objects);
        assert!(!is_watched(world).await);
        meddle(elsewhere, "m1", "m2").await;
        world.rest().await;
        assert_eq!(text_of(elsewhere, "m1").await.as_deref(), Some("other"));
        elsewhere.trust(TOKEN, Identity::admin());
        // What was done meanwhile is found at once, not at the interval.
        for name in ["m1", "m2"] {
            world
                .until("it is put right", async || {
                    text_of(elsewhere, name).await.as_deref() == Some("v")
                })
                .await;
        }
        world.rest().await;
        assert!(is_watched(world).await);
        assert!(requests_of_a_run(&both, "watched again").await < objects);
        meddle(elsewhere, "m3", "m4").await;
        world.rest().await;
        for name in ["m3", "m4"] {
            assert_eq!(text_of(elsewhere, name).await.as_deref(), Some("v"));
        }
    });
}
