//! Live objects that hold anything anywhere: an answer or an error, never a
//! panic.

use super::super::{FreshCookieValues, Router, Weights};
use super::cluster::Cluster;
use super::samples::{self, Sample};
use trueup_kinds::Canary;
use trueup_object::{Value, value};

fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        true.into(),
        (-1).into(),
        i64::MAX.into(),
        1e300.into(),
        "9".repeat(100).into(),
        value!([[]]),
        value!({"": null}),
    ]
}

/// Every copy of `value` with one part of it replaced by `odd`.
fn variants(value: &Value, odd: &Value) -> Vec<Value> {
    let mut found = vec![odd.clone()];
    match value {
        Value::Map(map) => {
            for (key, member) in map {
                for variant in variants(member, odd) {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), variant);
                    found.push(copy.into());
                }
            }
        }
        Value::List(list) => {
            for (place, item) in list.iter().enumerate() {
                for variant in variants(item, odd) {
                    let mut copy = list.clone();
                    copy.make_mut()[place] = variant;
                    found.push(Value::List(copy));
                }
            }
        }
        _ => {}
    }
    found
}

/// Whether no other sample is read by the same code.
fn is_of_its_own(sample: &Sample) -> bool {
    let provider = sample.canary.spec.provider.as_str();
    ![
        "gatewayapi:v1beta1",
        "linkerd",
        "smi:v1alpha2",
        "smi:v1alpha3",
    ]
    .contains(&provider)
}

#[test]
fn live_objects_of_any_shape_are_answered() {
    let mut refused = 0;
    for sample in samples::all().into_iter().filter(is_of_its_own) {
        let router = Router::of(&sample.canary, &sample.settings).unwrap();
        let mut cluster = Cluster::of(sample.before.clone());
        cluster.settle(&router);
        for (reference, object) in cluster.seen_by(&router) {
            for (number, odd) in odd_values().iter().enumerate() {
                // Each part meets a third of the values: all of them with all
                // would take a minute.
                let variants = variants(&object, odd).into_iter();
                for variant in variants.skip(number % 3).step_by(3) {
                    let mut live = cluster.live.clone();
                    live.insert(reference.clone(), variant);
                    let fresh = FreshCookieValues::default();
                    refused += usize::from(router.reconcile(&live).is_err());
                    let shift = router.shift(&live, Weights::of_canary(10), &fresh);
                    refused += usize::from(shift.is_err());
                    if let Ok(routes) = router.routes(&live) {
                        assert_eq!(routes.primary() + routes.canary(), 100);
                    }
                    refused += usize::from(router.finalize(&live).is_err());
                }
            }
        }
    }
    assert!(refused > 1000, "only {refused} were refused");
}

#[test]
fn an_empty_canary_is_refused_or_routed() {
    for name in super::super::supported() {
        let mut canary = Canary::default();
        canary.spec.provider = name.into();
        let settings = super::super::RouterSettings::default();
        if let Ok(router) = Router::of(&canary, &settings) {
            let live = super::super::Observed::default();
            let _ = router.reconcile(&live);
            assert!(
                router.routes(&live).is_err() || name == "kubernetes",
                "{name}"
            );
        }
    }
}
