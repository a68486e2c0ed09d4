//! What holds for every provider.

use super::super::fields::whole;
use super::super::{FreshCookieValues, Router, Weights};
use super::cluster::Cluster;
use super::samples::{self, Sample};
use trueup_kinds::Canary;
use trueup_object::{FieldPath, ObjectRef, Segment, Value, value};

/// A sample whose objects are made.
struct Made {
    cluster: Cluster,
    canary: Canary,
}

fn fresh() -> FreshCookieValues {
    FreshCookieValues {
        canary: "abcdefghij".into(),
        primary: "klmnopqrst".into(),
    }
}

fn made(sample: &Sample) -> Made {
    let mut cluster = Cluster::of(sample.before.clone());
    cluster.settle(&Router::of(&sample.canary, &sample.settings).unwrap());
    Made {
        cluster,
        canary: sample.canary.clone(),
    }
}

impl Made {
    fn router<'a>(&'a self, sample: &'a Sample) -> Router<'a> {
        Router::of(&self.canary, &sample.settings).unwrap()
    }

    /// Shifts, and keeps what the status is to keep.
    fn shift(&mut self, sample: &Sample, weights: Weights) {
        let router = Router::of(&self.canary, &sample.settings).unwrap();
        let shift = router.shift(&self.cluster.live, weights, &fresh()).unwrap();
        self.cluster.apply(&shift.writes);
        let status = &mut self.canary.status;
        status.session_affinity_cookie = shift.cookies.canary;
        status.primary_session_affinity_cookie = shift.cookies.primary;
        status.previous_session_affinity_cookie = shift.cookies.previous;
    }
}

#[test]
fn objects_are_made_once_and_send_everything_to_the_primary() {
    for sample in samples::all() {
        let made = made(&sample);
        let router = made.router(&sample);
        assert_eq!(
            router.routes(&made.cluster.live),
            Ok(Weights::PRIMARY),
            "{}",
            sample.title
        );
    }
}

#[test]
fn every_weight_is_read_back_as_it_was_written_and_stays() {
    for sample in samples::all() {
        let mut made = made(&sample);
        for weight in &sample.weights {
            let weights = Weights::of_canary(*weight);
            made.shift(&sample, weights);
            let router = made.router(&sample);
            let live = &made.cluster.live;
            assert_eq!(router.routes(live), Ok(weights), "{}", sample.title);
            assert_eq!(router.reconcile(live), Ok(Vec::new()), "{}", sample.title);
            let again = router.shift(live, weights, &fresh()).unwrap();
            assert_eq!(again.writes, Vec::new(), "{} {weight}", sample.title);
        }
    }
}

#[test]
fn mirroring_is_read_back_and_stays() {
    for sample in samples::all().into_iter().filter(|sample| sample.mirrors) {
        let mut made = made(&sample);
        for weights in [Weights::PRIMARY.with_mirror(), Weights::of_canary(20)] {
            made.shift(&sample, weights);
            let router = made.router(&sample);
            let live = &made.cluster.live;
            assert_eq!(router.routes(live), Ok(weights), "{}", sample.title);
            assert_eq!(router.reconcile(live), Ok(Vec::new()), "{}", sample.title);
        }
    }
}

#[test]
fn a_provider_that_can_not_mirror_says_so_and_is_not_asked_to() {
    for sample in samples::all() {
        let mut made = made(&sample);
        if made.router(&sample).abilities().mirror || sample.weights.is_empty() {
            continue;
        }
        made.shift(&sample, Weights::PRIMARY.with_mirror());
        let routes = made.router(&sample).routes(&made.cluster.live);
        assert_eq!(routes, Ok(Weights::PRIMARY), "{}", sample.title);
    }
}

/// The paths of all texts, numbers and truths below a value.
fn leaves(value: &Value, path: &FieldPath, found: &mut Vec<FieldPath>) {
    match value {
        Value::Map(map) => {
            for (key, member) in map {
                leaves(member, &path.key(key.clone()), found);
            }
        }
        Value::List(list) => {
            for (place, item) in list.iter().enumerate() {
                leaves(item, &path.index(place), found);
            }
        }
        _ => found.push(path.clone()),
    }
}

/// The value at a path, for changing.
fn at_mut<'a>(value: &'a mut Value, path: &FieldPath) -> Option<&'a mut Value> {
    path.segments()
        .iter()
        .try_fold(value, |value, segment| match segment {
            Segment::Key(key) => value.as_map_mut()?.get_mut(key),
            Segment::Index(place) => value.as_list_mut()?.make_mut().get_mut(*place),
            Segment::Item(_) | Segment::Member(_) => None,
        })
}

fn changed_by_hand(value: &Value) -> Value {
    match value {
        Value::String(text) => format!("{text}-by-hand").into(),
        Value::Bool(truth) => Value::Bool(!truth),
        other => Value::from(whole(other).unwrap_or(0) + 1),
    }
}

/// Whether a leaf is what shares the traffic: changed by hand, that counts.
fn is_weight(path: &FieldPath) -> bool {
    let path = path.to_string();
    path.ends_with(".weight") || path.ends_with("/canary-weight") || path.contains("canary-by-")
}

/// The objects that the router makes, not those that it only looks at.
fn made_objects(made: &Made, sample: &Sample) -> Vec<(ObjectRef, Value)> {
    let router = made.router(sample);
    let seen = made.cluster.seen_by(&router).into_iter();
    seen.filter(|(_, object)| object.at(&["metadata", "ownerReferences"]).is_some())
        .collect()
}

#[test]
fn whatever_is_changed_by_hand_is_corrected_with_the_weights_that_are_there() {
    for sample in samples::all() {
        let mut made = made(&sample);
        let weight = if sample.weights.contains(&30) {
            30
        } else {
            100
        };
        if !sample.weights.is_empty() {
            made.shift(&sample, Weights::of_canary(weight));
        }
        for (reference, object) in made_objects(&made, &sample) {
            let mut paths = Vec::new();
            for part in ["spec", "metadata"] {
                let part_value = object.get(part).cloned().unwrap_or_default();
                leaves(&part_value, &FieldPath::of_keys(&[part]), &mut paths);
            }
            let ours = |path: &FieldPath| {
                let text = path.to_string();
                text.starts_with(".spec")
                    || text.starts_with(".metadata.annotations")
                    || text.starts_with(".metadata.labels")
            };
            for path in paths.iter().filter(|path| ours(path) && !is_weight(path)) {
                check_corrected(&made, &sample, &reference, path);
            }
        }
    }
}

fn check_corrected(made: &Made, sample: &Sample, reference: &ObjectRef, path: &FieldPath) {
    let router = made.router(sample);
    let right = made.cluster.live.get(reference).unwrap();
    let mut wrong = right.clone();
    let leaf = at_mut(&mut wrong, path).unwrap();
    *leaf = changed_by_hand(leaf);
    let mut cluster = made.cluster.clone();
    cluster.live.insert(reference.clone(), wrong);
    let place = format!("{}: {reference} {path}", sample.title);
    let writes = router.reconcile(&cluster.live).expect(&place);
    assert_eq!(writes.len(), 1, "{place}");
    assert_eq!(writes[0].object(), right, "{place}");
}

#[test]
fn a_field_that_is_removed_by_hand_comes_back_with_the_weights_that_are_there() {
    for sample in samples::all() {
        let mut made = made(&sample);
        if sample.weights.contains(&30) {
            made.shift(&sample, Weights::of_canary(30));
        }
        let router = made.router(&sample);
        for (reference, right) in made_objects(&made, &sample) {
            for key in right.get("spec").and_then(Value::as_map).unwrap().keys() {
                let mut wrong = right.clone();
                wrong.remove_at(&["spec", key]);
                let mut cluster = made.cluster.clone();
                cluster.live.insert(reference.clone(), wrong);
                cluster.settle(&router);
                let kept = router.routes(&cluster.live).unwrap();
                let present = router.routes(&made.cluster.live).unwrap();
                let place = format!("{}: {reference} {key}", sample.title);
                // Where the routes themselves are gone, nobody knows.
                assert!(kept == present || kept == Weights::PRIMARY, "{place}");
            }
        }
    }
}

#[test]
fn what_others_added_is_kept_and_a_shift_touches_nothing_but_routes() {
    for sample in samples::all() {
        let mut made = made(&sample);
        for (reference, mut object) in made_objects(&made, &sample) {
            object.set_at(
                &["metadata", "annotations", "other.example.com/a"],
                "1".into(),
            );
            object.set_at(&["metadata", "labels", "other"], "2".into());
            object.set_at(&["metadata", "finalizers"], value!(["other.example.com/f"]));
            object.set_at(&["status", "parents"], value!([]));
            if reference.kind.kind != "Ingress" {
                object.set_at(&["spec", "other"], value!({"x": 3}));
            }
            made.cluster.live.insert(reference, object);
        }
        let before = made.cluster.clone();
        assert_eq!(
            made.router(&sample).reconcile(&before.live),
            Ok(Vec::new()),
            "{}",
            sample.title
        );
        let Some(last) = sample.weights.last() else {
            continue;
        };
        made.shift(&sample, Weights::of_canary(*last));
        let router = made.router(&sample);
        for (reference, after) in made.cluster.seen_by(&router) {
            let before = before.live.get(&reference).unwrap();
            let routes = routes_of(&reference);
            assert_eq!(
                without(before, &routes),
                without(&after, &routes),
                "{}",
                sample.title
            );
        }
    }
}

/// Where an object says how traffic is shared.
fn routes_of(reference: &ObjectRef) -> Vec<Vec<&'static str>> {
    let prefix = "nginx.ingress.kubernetes.io";
    match (reference.kind.kind.as_str(), prefix) {
        ("HTTPRoute", _) => vec![vec!["spec", "rules"]],
        ("VirtualService", _) if reference.kind.group == "networking.istio.io" => {
            vec![vec!["spec", "http"], vec!["spec", "tcp"]]
        }
        ("VirtualService" | "VirtualRouter" | "HTTPProxy" | "RouteTable", _) => {
            vec![vec!["spec", "routes"]]
        }
        ("TrafficSplit", _) => vec![vec!["spec", "backends"]],
        ("TraefikService", _) => vec![vec!["spec", "weighted", "services"]],
        ("Ingress", _) => [
            "nginx.ingress.kubernetes.io/canary",
            "nginx.ingress.kubernetes.io/canary-weight",
            "nginx.ingress.kubernetes.io/canary-by-header",
            "nginx.ingress.kubernetes.io/canary-by-header-value",
        ]
        .map(|key| vec!["metadata", "annotations", key])
        .to_vec(),
        _ => Vec::new(),
    }
}

fn without(object: &Value, paths: &[Vec<&'static str>]) -> Value {
    let mut rest = object.clone();
    for path in paths {
        rest.remove_at(path);
    }
    rest.remove_at(&["metadata", "resourceVersion"]);
    rest
}

#[test]
fn a_route_that_is_deleted_is_made_again_and_a_shift_before_says_it_is_missing() {
    for sample in samples::all() {
        let mut made = made(&sample);
        for (reference, _) in made_objects(&made, &sample) {
            made.cluster.live.remove(&reference);
        }
        let router = made.router(&sample);
        if sample.weights.is_empty() {
            continue;
        }
        assert!(
            router.routes(&made.cluster.live).is_err(),
            "{}",
            sample.title
        );
        let shift = router.shift(&made.cluster.live, Weights::of_canary(10), &fresh());
        let error = shift.unwrap_err();
        assert!(
            error.to_string().ends_with(" not found"),
            "{}",
            sample.title
        );
        assert!(!error.is_permanent());
        made.cluster.settle(&made.canary_router(&sample));
    }
}

impl Made {
    /// A router that borrows nothing of the cluster.
    fn canary_router<'a>(&self, sample: &'a Sample) -> Router<'a> {
        Router::of(&sample.canary, &sample.settings).unwrap()
    }
}
