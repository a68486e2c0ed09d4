//! Owners, keys that are left to others, and shifts while something else is
//! wrong.

use super::super::{FreshCookieValues, Ownership, Router, Weights};
use super::cluster::Cluster;
use super::samples;
use trueup_kinds::canary::UnmanagedMetadata;
use trueup_object::{ObjectRef, Value};

#[test]
fn objects_of_a_canary_in_another_cluster_have_no_owner() {
    for mut sample in samples::all() {
        sample.settings.ownership = Ownership::Apart;
        let router = Router::of(&sample.canary, &sample.settings).unwrap();
        let mut cluster = Cluster::of(sample.before.clone());
        cluster.settle(&router);
        for (reference, object) in cluster.seen_by(&router) {
            let owners = object.at(&["metadata", "ownerReferences"]);
            assert_eq!(owners, None, "{}: {reference}", sample.title);
        }
        let is_restored = router.finalize(&cluster.live).unwrap();
        assert!(is_restored.is_empty(), "{}", sample.title);
    }
}

#[test]
fn keys_that_are_left_to_others_are_neither_set_nor_corrected() {
    let key = "kustomize.toolkit.fluxcd.io/reconcile";
    for mut sample in samples::all() {
        sample.canary.spec.service.unmanaged_metadata = Some(UnmanagedMetadata {
            annotations: vec![key.into(), "note".into()],
            labels: vec!["team".into()],
        });
        let router = Router::of(&sample.canary, &sample.settings).unwrap();
        let mut cluster = Cluster::of(sample.before.clone());
        cluster.settle(&router);
        for (reference, mut object) in cluster.seen_by(&router) {
            if object.at(&["metadata", "ownerReferences"]).is_none() {
                continue;
            }
            let annotations = object.at(&["metadata", "annotations"]);
            assert_eq!(annotations.and_then(|all| all.get(key)), None);
            assert_eq!(object.at(&["metadata", "labels", "team"]), None);
            object.set_at(&["metadata", "annotations", key], "enabled".into());
            object.set_at(&["metadata", "labels", "team"], "others".into());
            cluster.live.insert(reference, object);
        }
        assert_eq!(
            router.reconcile(&cluster.live),
            Ok(Vec::new()),
            "{}",
            sample.title
        );
    }
}

#[test]
fn traffic_is_taken_back_although_what_a_route_was_made_of_is_gone() {
    for sample in samples::all() {
        let router = Router::of(&sample.canary, &sample.settings).unwrap();
        let mut cluster = Cluster::of(sample.before.clone());
        cluster.settle(&router);
        let Some(most) = sample.weights.last() else {
            continue;
        };
        let fresh = FreshCookieValues::default();
        let shift = router.shift(&cluster.live, Weights::of_canary(*most), &fresh);
        cluster.apply(&shift.unwrap().writes);
        for object in &sample.before {
            cluster.live.remove(&ObjectRef::of(object).unwrap());
        }
        let back = router.shift(&cluster.live, Weights::PRIMARY, &fresh);
        cluster.apply(&back.expect(&sample.title).writes);
        assert_eq!(
            router.routes(&cluster.live),
            Ok(Weights::PRIMARY),
            "{}",
            sample.title
        );
    }
}

#[test]
fn an_object_that_others_made_is_taken_over_without_becoming_ours_to_delete() {
    for sample in samples::all() {
        let router = Router::of(&sample.canary, &sample.settings).unwrap();
        let mut cluster = Cluster::of(sample.before.clone());
        cluster.settle(&router);
        for (reference, object) in cluster.seen_by(&router) {
            let mut foreign = object.clone();
            foreign.remove_at(&["metadata", "ownerReferences"]);
            foreign.remove_at(&["metadata", "annotations"]);
            cluster.live.insert(reference, foreign);
        }
        cluster.settle(&router);
        for (reference, object) in cluster.seen_by(&router) {
            let owners = object.at(&["metadata", "ownerReferences"]);
            assert_eq!(owners, None::<&Value>, "{}: {reference}", sample.title);
        }
    }
}
