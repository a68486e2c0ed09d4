//! Canaries that name what is in other namespaces, where that is forbidden.

use super::canary_world::{begun, canary, canary_world_with, refused, template};
use super::world::{NAMESPACE, World};
use http::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trueup_object::value;
use trueup_rollout::machine::References;
use trueup_testkit::{Interjection, virtual_time};

/// Whether the controllers have asked for any of these since.
fn asks_for(world: &World, paths: &[&str]) -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    for path in paths {
        let asked = Arc::clone(&asked);
        world.faults.interject(Interjection {
            method: Method::GET,
            path: (*path).to_owned(),
            act: Box::pin(async move { asked.store(true, Ordering::SeqCst) }),
        });
    }
    asked
}

#[test]
fn what_is_in_other_namespaces_is_refused_by_name_and_not_even_looked_at() {
    virtual_time(async {
        let (world, _) = canary_world_with(34, |options| {
            options.canaries.references = References::OwnNamespaceOnly;
        })
        .await;
        let mut theirs = template("theirs", "{{ target }}");
        theirs.set_at(&["metadata", "namespace"], NAMESPACE.into());
        world.apply(&theirs).await;
        let metric = |name: &str| {
            value!({"name": "own", "interval": "1m", "thresholdRange": {"min": 99},
                "templateRef": {"name": name}})
        };
        let mut elsewhere = metric("theirs");
        elsewhere.set_at(&["templateRef", "namespace"], NAMESPACE.into());
        let asked = asks_for(
            &world,
            &[
                "/namespaces/fleet/metrictemplates",
                "/namespaces/fleet/metrictemplates/theirs",
                "/namespaces/fleet/alertproviders",
                "/namespaces/fleet/alertproviders/theirs",
            ],
        );
        let provider = value!({"name": "theirs", "namespace": NAMESPACE});
        let alerts = value!([{"name": "a", "severity": "info", "providerRef": provider}]);
        let across = value!({"metrics": [elsewhere], "alerts": alerts});
        world.apply(&canary("podinfo", across)).await;
        for field in [
            "spec.analysis.metrics[0].templateRef.namespace",
            "spec.analysis.alerts[0].providerRef.namespace",
        ] {
            refused(&world, "podinfo", field).await;
        }
        world.rest().await;
        assert!(!asked.load(Ordering::SeqCst), "they were asked for");
        world.apply(&template("ours", "{{ target }}")).await;
        let ours = metric("ours");
        let within = value!({"metrics": [ours], "alerts": []});
        begun(&world, &canary("podinfo", within)).await;
    });
}
