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
    in_life("u", name, version)
}

fn in_life(uid: &str, name: &str, version: u64) -> LiveObject {
    let raw = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"x","labels":{{"kustomize.toolkit.fluxcd.io/name":"a","kustomize.toolkit.fluxcd.io/namespace":"fleet"}},"uid":"{uid}","resourceVersion":"{version}"}}}}"#
    );
    LiveObject::from_json(&GroupVersionKind::new("v1", "ConfigMap"), raw.into()).unwrap()
}

fn end_of(last: &LiveObject, uid: &str) -> DeletedObject {
    DeletedObject {
        reference: last.reference().clone(),
        uid: uid.into(),
        last: Some(last.clone()),
    }
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
    live.complete(&maps, "6");
    assert!(
        matches!(live.find(&controller(), object("m", 1).reference()), Sight::Seen(it) if it.resource_version() == "6")
    );
    assert!(
        live.gone(&maps, &end_of(&object("m", 1), "another life"))
            .is_none()
    );
    assert!(live.gone(&maps, &end_of(&object("m", 7), "u")).is_some());
    assert!(matches!(
        live.find(&controller(), object("m", 1).reference()),
        Sight::NotSeen
    ));
}

#[test]
fn what_came_and_went_while_the_watch_was_away_is_gone_when_it_lists_again() {
    let live = LiveSet::default();
    let maps = maps();
    live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
    live.seen(&maps, &object("shown", 3));
    live.complete(&maps, "3");
    // Written by us: one before the next list, and one after it.
    assert_eq!(live.answered(&controller(), &object("went", 5)).len(), 1);
    assert_eq!(live.answered(&controller(), &object("new", 9)).len(), 1);
    let gone: Vec<String> = live
        .complete(&maps, "8")
        .iter()
        .map(|change| match change {
            Change::Gone { before } => before.name().to_string(),
            Change::Applied { .. } => "applied".to_owned(),
        })
        .collect();
    assert_eq!(gone, ["went"]);
    let sight = |name: &str| live.find(&controller(), object(name, 1).reference());
    assert!(matches!(sight("went"), Sight::NotSeen));
    assert!(matches!(sight("shown"), Sight::Seen(_)));
    assert!(matches!(sight("new"), Sight::Seen(_)));
    // Once it is shown the watch tells of its end, and no list does.
    live.seen(&maps, &object("new", 9));
    assert!(live.complete(&maps, "12").is_empty());
}

#[test]
fn a_new_life_that_nobody_saw_ends_with_the_next_list() {
    let live = LiveSet::default();
    let maps = maps();
    live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
    live.seen(&maps, &object("m", 3));
    live.complete(&maps, "3");
    assert_eq!(
        live.answered(&controller(), &in_life("another", "m", 5))
            .len(),
        1
    );
    // The list finds that the first has ended, and knows nothing of the second.
    let first = DeletedObject {
        last: None,
        ..end_of(&object("m", 3), "u")
    };
    assert!(live.gone(&maps, &first).is_none());
    assert_eq!(live.complete(&maps, "9").len(), 1);
    assert!(matches!(
        live.find(&controller(), object("m", 1).reference()),
        Sight::NotSeen
    ));
}

#[test]
fn an_answer_that_comes_late_brings_nothing_back() {
    let live = LiveSet::default();
    let maps = maps();
    live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
    live.complete(&maps, "1");
    live.seen(&maps, &object("m", 5));
    live.gone(&maps, &end_of(&object("m", 6), "u"));
    assert!(live.answered(&controller(), &object("m", 4)).is_empty());
    let sight = || live.find(&controller(), object("m", 1).reference());
    assert!(matches!(sight(), Sight::NotSeen));
    assert_eq!(live.answered(&controller(), &object("m", 7)).len(), 1);
    assert!(matches!(sight(), Sight::Seen(_)));
}

#[test]
fn while_watching_is_forbidden_answers_count_and_afterwards_what_is_shown_again() {
    let live = LiveSet::default();
    let maps = maps();
    live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
    live.seen(&maps, &object("kept", 3));
    live.seen(&maps, &object("went", 4));
    live.complete(&maps, "9");
    live.forbidden(&maps, "no");
    let sight = |name: &str| live.find(&controller(), object(name, 1).reference());
    assert!(
        matches!(sight("kept"), Sight::Unknown),
        "it may be outdated"
    );
    assert!(live.is_forbidden(&maps));
    // Read while nothing is watched, in the version that was shown before.
    assert_eq!(live.answered(&controller(), &object("went", 4)).len(), 1);
    assert!(matches!(sight("went"), Sight::Seen(_)));
    live.seen(&maps, &object("kept", 3));
    assert_eq!(live.complete(&maps, "12").len(), 1, "the list lacks it");
    assert!(!live.is_forbidden(&maps));
    assert!(matches!(sight("kept"), Sight::Seen(_)));
    assert!(matches!(sight("went"), Sight::NotSeen));
}

#[test]
fn an_account_sees_only_what_is_its_own_through_a_shared_watch() {
    let live = LiveSet::default();
    live.set_users(&user("a"), &BTreeSet::from([maps()]));
    live.seen(&maps(), &object("m", 1));
    live.complete(&maps(), "1");
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
    live.complete(&maps(), "1");
    let elsewhere = Viewer {
        cluster: ClusterKey::named("elsewhere"),
        ..controller()
    };
    assert!(matches!(
        live.find(&elsewhere, object("m", 1).reference()),
        Sight::Unknown
    ));
}
