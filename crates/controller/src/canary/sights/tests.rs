use super::watched::{Collection, Watched, endpoint_slice, slices_of};
use crate::machine::{Kind, ObjectKey};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;
use trueup_cluster::{ClusterKey, DeletedObject, LiveObject, WatchEvent};
use trueup_object::{GroupVersionKind, Value, value};

fn user(name: &str) -> ObjectKey {
    ObjectKey {
        cluster: ClusterKey::local(),
        kind: Kind::Canary,
        namespace: "apps".into(),
        name: name.into(),
    }
}

fn live(object: Value) -> LiveObject {
    let kind = GroupVersionKind::new(
        object.str_at(&["apiVersion"]).unwrap(),
        object.str_at(&["kind"]).unwrap(),
    );
    LiveObject::from_json(&kind, trueup_object::to_json(&object).into()).unwrap()
}

/// A Service in one of its lives.
fn service(life: &str, version: u64) -> LiveObject {
    live(value!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "apps", "uid": life,
            "resourceVersion": (version.to_string())},
    }))
}

/// The watch of Services, of which one is wanted.
fn watched() -> Watched {
    let wanted = service("a", 1);
    let collection = Collection::of(wanted.reference());
    let mut watched = Watched::new(collection, CancellationToken::new());
    watched.want(&user("web"), wanted.reference());
    watched
}

fn lists(watched: &mut Watched, version: u64) -> BTreeSet<ObjectKey> {
    let resource_version = version.to_string().into();
    watched.take(WatchEvent::Synced { resource_version })
}

fn shows(watched: &mut Watched, object: &LiveObject) -> BTreeSet<ObjectKey> {
    watched.take(WatchEvent::Applied(object.clone()))
}

fn end(of: &LiveObject, last: Option<LiveObject>) -> DeletedObject {
    DeletedObject {
        reference: of.reference().clone(),
        uid: of.uid().clone(),
        last,
    }
}

/// The resource version of what is known; `None` where it has to be read.
fn known(watched: &Watched) -> Option<Option<String>> {
    let known = watched.known(service("a", 1).reference())?;
    Some(known.map(|it| it.resource_version().to_string()))
}

fn at(version: &str) -> Option<Option<String>> {
    Some(Some(version.to_owned()))
}

#[test]
fn what_is_handed_out_leaves_no_tree_behind() {
    let mut watched = watched();
    shows(&mut watched, &service("a", 3));
    lists(&mut watched, 3);
    let reference = service("a", 3).reference().clone();
    let [one, other] = [(); 2].map(|()| watched.known(&reference).flatten().unwrap());
    assert_eq!(one.value(), other.value());
    assert!(
        !std::ptr::eq(one.value(), other.value()),
        "both look into what is kept"
    );
}

#[test]
fn what_came_and_went_while_the_watch_was_away_is_not_believed_to_be_there() {
    let mut watched = watched();
    shows(&mut watched, &service("a", 3));
    lists(&mut watched, 3);
    // It is gone, which a write of ours finds out; made again; and gone again.
    watched.doubt(service("a", 3).reference());
    watched.answered(&service("b", 5), "3");
    assert_eq!(known(&watched), at("5"));
    watched.take(WatchEvent::Deleted(end(&service("a", 3), None)));
    assert_eq!(known(&watched), at("5"), "that was another life");
    assert_eq!(
        lists(&mut watched, 9),
        [user("web")].into(),
        "who looks at it looks again"
    );
    assert_eq!(known(&watched), None, "it is read anew");
    watched.absent(service("b", 5).reference());
    assert_eq!(known(&watched), Some(None));
}

#[test]
fn what_was_made_after_a_list_is_not_missing_in_it() {
    let mut watched = watched();
    lists(&mut watched, 3);
    watched.answered(&service("a", 12), "3");
    assert!(lists(&mut watched, 9).is_empty());
    assert_eq!(known(&watched), at("12"));
    shows(&mut watched, &service("a", 12));
    assert!(lists(&mut watched, 15).is_empty());
    assert_eq!(known(&watched), at("12"), "lists tell only differences");
}

#[test]
fn what_was_shown_before_it_was_wanted_is_read_once() {
    let mut watched = watched();
    watched.leave(&user("web"), service("a", 1).reference());
    shows(&mut watched, &service("a", 3));
    lists(&mut watched, 5);
    watched.want(&user("web"), service("a", 1).reference());
    assert_eq!(known(&watched), None);
    let asked_at = watched.reached();
    watched.answered(&service("a", 3), &asked_at);
    assert_eq!(known(&watched), at("3"));
    assert!(lists(&mut watched, 9).is_empty());
    assert_eq!(known(&watched), at("3"), "the list had nothing new of it");
}

#[test]
fn an_answer_that_comes_late_brings_nothing_back() {
    // Its end was shown meanwhile.
    let mut ended = watched();
    shows(&mut ended, &service("a", 3));
    lists(&mut ended, 3);
    let asked_at = ended.reached();
    ended.take(WatchEvent::Deleted(end(
        &service("a", 3),
        Some(service("a", 6)),
    )));
    ended.answered(&service("a", 3), &asked_at);
    assert_eq!(known(&ended), Some(None));
    // It came and went while the watch was away.
    let mut unshown = watched();
    lists(&mut unshown, 3);
    let asked_at = unshown.reached();
    lists(&mut unshown, 9);
    unshown.answered(&service("b", 5), &asked_at);
    assert_eq!(known(&unshown), None);
    // A new life is no late answer.
    unshown.answered(&service("c", 11), &unshown.reached());
    assert_eq!(known(&unshown), at("11"));
}

#[test]
fn others_are_woken_by_an_answer_once_anybody_knew_better() {
    let mut watched = watched();
    lists(&mut watched, 3);
    assert!(watched.answered(&service("a", 5), "3").is_empty());
    assert_eq!(
        watched.answered(&service("a", 7), "3"),
        [user("web")].into()
    );
    assert!(watched.answered(&service("a", 7), "3").is_empty());
}

#[test]
fn slices_are_known_by_their_service() {
    let slice = |service: &str, version: u64| {
        live(value!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "x", "namespace": "apps", "uid": "u",
                "resourceVersion": (version.to_string()),
                "labels": {"kubernetes.io/service-name": service}},
        }))
    };
    let wanted = slices_of("apps", "web");
    assert_eq!(wanted.kind, endpoint_slice());
    let stop = CancellationToken::new();
    let mut watched = Watched::new(Collection::of(&wanted), stop.clone());
    watched.want(&user("web"), &wanted);
    assert_eq!(watched.slices("web"), None);
    assert_eq!(shows(&mut watched, &slice("web", 1)), [user("web")].into());
    lists(&mut watched, 1);
    assert_eq!(watched.slices("web").unwrap().len(), 1);
    // Who it belonged to is concerned as well as whom it belongs to.
    assert_eq!(
        shows(&mut watched, &slice("other", 2)),
        [user("web")].into()
    );
    assert!(shows(&mut watched, &slice("other", 3)).is_empty());
    assert_eq!(watched.slices("web").unwrap().len(), 0);
    watched.leave(&user("web"), &wanted);
    assert!(watched.end_if_idle() && stop.is_cancelled());
}
