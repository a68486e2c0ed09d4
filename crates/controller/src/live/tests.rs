use super::*;
use crate::machine::Kind;
use trueup_cluster::{ClusterKey, Identity};
use trueup_object::GroupVersionKind;

fn user(name: &str) -> ObjectKey {
    ObjectKey {
        cluster: ClusterKey::local(),
        kind: Kind::Kustomization,
        namespace: "fleet".into(),
        name: name.into(),
    }
}

fn maps() -> Subject {
    Subject::owned(
        &ClusterKey::local(),
        GroupVersionKind::new("v1", "ConfigMap"),
    )
}

fn viewer(identity: Identity, owner: &str) -> Viewer {
    Viewer {
        cluster: ClusterKey::local(),
        identity,
        owner: user(owner),
    }
}

fn controller() -> Viewer {
    viewer(Identity::Controller, "a")
}

fn object(name: &str, version: u64) -> LiveObject {
    let raw = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"x","labels":{{"kustomize.toolkit.fluxcd.io/name":"a","kustomize.toolkit.fluxcd.io/namespace":"fleet"}},"uid":"u","resourceVersion":"{version}"}}}}"#
    );
    LiveObject::from_json(&GroupVersionKind::new("v1", "ConfigMap"), raw.into()).unwrap()
}

#[test]
fn watches_start_and_end_with_their_users() {
    let live = LiveSet::default();
    let maps = maps();
    let wanted = BTreeSet::from([maps.clone()]);
    assert_eq!(live.set_users(&user("a"), &wanted).len(), 1);
    assert_eq!(
        live.set_users(&user("b"), &wanted).len(),
        0,
        "one watch serves both"
    );
    live.release(&user("a"));
    assert_eq!(live.users(&maps), [user("b")]);
    live.release(&user("b"));
    assert_eq!(live.len(), 0);
}

#[test]
fn what_we_wrote_is_not_overtaken_by_what_a_watch_tells_later() {
    let live = LiveSet::default();
    let maps = maps();
    live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
    assert!(matches!(
        live.find(&controller(), object("m", 1).reference()),
        Sight::Unknown
    ));
    live.answered(&controller(), &object("m", 5));
    assert!(live.seen(&maps, &object("m", 4)).is_none());
    assert!(live.seen(&maps, &object("m", 6)).is_some());
    live.complete(&maps);
    assert!(
        matches!(live.find(&controller(), object("m", 1).reference()), Sight::Seen(it) if it.resource_version() == "6")
    );
    assert!(
        live.gone(&maps, object("m", 1).reference(), "another life")
            .is_none()
    );
    assert!(live.gone(&maps, object("m", 1).reference(), "u").is_some());
    assert!(matches!(
        live.find(&controller(), object("m", 1).reference()),
        Sight::NotSeen
    ));
}

#[test]
fn an_account_sees_only_what_is_its_own_through_a_shared_watch() {
    let live = LiveSet::default();
    live.set_users(&user("a"), &BTreeSet::from([maps()]));
    live.seen(&maps(), &object("m", 1));
    live.complete(&maps());
    let tenant = || Identity::service_account("fleet", "tenant");
    let sight = |viewer| live.find(&viewer, object("m", 1).reference());
    assert!(matches!(sight(viewer(tenant(), "a")), Sight::Seen(_)));
    assert!(
        matches!(sight(viewer(tenant(), "b")), Sight::Unknown),
        "another Kustomization's object is not told of"
    );
    assert!(matches!(
        sight(viewer(Identity::Controller, "b")),
        Sight::Seen(_)
    ));
}

#[test]
fn what_one_cluster_shows_says_nothing_of_another() {
    let live = LiveSet::default();
    live.set_users(&user("a"), &BTreeSet::from([maps()]));
    live.seen(&maps(), &object("m", 1));
    live.complete(&maps());
    let elsewhere = Viewer {
        cluster: ClusterKey::named("elsewhere"),
        ..controller()
    };
    assert!(matches!(
        live.find(&elsewhere, object("m", 1).reference()),
        Sight::Unknown
    ));
}
