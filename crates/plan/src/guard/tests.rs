//! Limits, consent and plans.

use super::*;
use crate::{FieldChange, Removal, RemovalVerb};
use trueup_kinds::Approval;
use trueup_object::{FieldPath, GroupVersionKind, ObjectRef, Segment};

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<Text, Text> {
    pairs
        .iter()
        .map(|(key, text)| (Text::from(*key), Text::from(*text)))
        .collect()
}

fn guard(pairs: &[(&str, &str)]) -> Guard {
    Guard::read(&annotations(pairs)).unwrap()
}

fn object(kind: &str, namespace: &str, name: &str) -> ObjectRef {
    let api_version = match kind {
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Gadget" => "example.com/v1",
        _ => "v1",
    };
    ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn removal(object: ObjectRef) -> Removal {
    Removal {
        uid: format!("uid of {}", object.name).into(),
        object,
        verb: RemovalVerb::Delete,
        consent: Consent::Implied,
    }
}

fn removals(count: usize) -> Vec<Removal> {
    (0..count)
        .map(|index| removal(object("ConfigMap", "apps", &format!("map-{index}"))))
        .collect()
}

fn input<'a>(guard: &'a Guard, removals: &'a [Removal], all: usize) -> DeletionInput<'a> {
    DeletionInput {
        guard,
        removals,
        object_count: all,
        revision: "main@sha1:01",
        approval: None,
        approved: None,
    }
}

#[test]
fn without_annotations_everything_is_as_in_flux() {
    let guard = guard(&[]);
    assert_eq!(guard, Guard::default());
    let removals = removals(3);
    let divided = deletions(&input(&guard, &removals, 3));
    assert_eq!((divided.now, divided.held), (removals, None));
}

#[test]
fn a_limit_is_a_number_a_share_or_both() {
    for (text, deleted, all, excess) in [
        ("10", 10, 10, None),
        ("10", 11, 1000, Some(Excess::Count(10))),
        ("0", 0, 5, None),
        ("0", 1, 5, Some(Excess::Count(0))),
        ("20%", 1, 5, None),
        ("20%", 2, 5, Some(Excess::Percent(20))),
        ("20%", 1, 4, Some(Excess::Percent(20))),
        ("100%", 7, 7, None),
        ("0%", 1, 1000, Some(Excess::Percent(0))),
        ("10,20%", 11, 1000, Some(Excess::Count(10))),
        ("20%, 10", 3, 10, Some(Excess::Percent(20))),
        ("20%,10", 2, 10, None),
    ] {
        let limit = DeletionLimit::parse(text).unwrap();
        assert_eq!(limit.excess(deleted, all), excess, "{text} {deleted}/{all}");
    }
    let none = DeletionLimit::default();
    assert_eq!(none.excess(usize::MAX, usize::MAX), None);
    let share = DeletionLimit::parse("50%").unwrap();
    assert!(share.excess(usize::MAX, 1).is_some());
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (annotation, text) in [
        (names::MAX_DELETIONS, ""),
        (names::MAX_DELETIONS, "-1"),
        (names::MAX_DELETIONS, "+1"),
        (names::MAX_DELETIONS, "1e3"),
        (names::MAX_DELETIONS, "ten"),
        (names::MAX_DELETIONS, "101%"),
        (names::MAX_DELETIONS, "300%"),
        (names::MAX_DELETIONS, "%"),
        (names::MAX_DELETIONS, "1,2"),
        (names::MAX_DELETIONS, "1%,2%"),
        (names::MAX_DELETIONS, "1,"),
        (names::MAX_DELETIONS, "99999999999999999999999"),
        (names::MAX_DELETIONS, "１０"),
        (names::ASK_BEFORE_PRUNE, "yes"),
        (names::ASK_BEFORE_PRUNE, ""),
        (names::MODE, "Plan"),
        (names::MODE, "plan "),
        (names::APPLY_EXTENT, "most"),
    ] {
        let error = Guard::read(&annotations(&[(annotation, text)])).unwrap_err();
        assert_eq!(error.annotation, annotation, "{text:?}");
        assert!(error.to_string().contains(annotation), "{error}");
    }
    let hostile = "\u{1b}[31m\n".repeat(10_000);
    let error = Guard::read(&annotations(&[(names::MODE, &hostile)])).unwrap_err();
    let text = error.to_string();
    assert!(
        text.len() < 400 && !text.contains(['\u{1b}', '\n']),
        "{text}"
    );
}

#[test]
fn a_mode_that_is_not_understood_keeps_the_objects_too() {
    for (text, keeps) in [("plan", true), ("paln", true), ("apply", false)] {
        let annotations = annotations(&[(names::MODE, text)]);
        assert_eq!(Guard::keeps_objects(&annotations), keeps, "{text}");
    }
    assert!(!Guard::keeps_objects(&BTreeMap::new()));
}

#[test]
fn over_the_limit_nothing_is_deleted_until_this_very_set_is_approved() {
    let guard = guard(&[(names::MAX_DELETIONS, "2")]);
    let three = removals(3);
    let divided = deletions(&input(&guard, &three, 10));
    let held = divided.held.unwrap();
    assert_eq!((divided.now.len(), held.objects.len()), (0, 3));
    let approval = held.approval().clone();
    let message = held.message("apps", "fleet");
    assert!(message.starts_with("3 of 10 objects would be deleted, more than"));
    assert!(message.contains("trueup approve kustomization apps -n fleet"));
    assert_eq!(Approval::asked_for(&message), Some(approval.clone()));
    let approved = deletions(&DeletionInput {
        approval: Some(&approval),
        ..input(&guard, &three, 10)
    });
    assert_eq!((&approved.now, &approved.held), (&three, &None));
    assert!(approved.approved.is_some());
}

#[test]
fn an_approval_covers_no_bigger_set_no_other_revision_and_no_other_life() {
    let guard = guard(&[(names::MAX_DELETIONS, "2")]);
    let three = removals(3);
    let held = deletions(&input(&guard, &three, 10)).held.unwrap();
    let approval = Some(held.approval());
    let is_held = |input: DeletionInput<'_>| deletions(&input).held.is_some();
    let four = removals(4);
    assert!(is_held(DeletionInput {
        approval,
        ..input(&guard, &four, 10)
    }));
    assert!(is_held(DeletionInput {
        approval,
        revision: "main@sha1:02",
        ..input(&guard, &three, 10)
    }));
    let mut reborn = removals(3);
    reborn[1].uid = "another".into();
    assert!(is_held(DeletionInput {
        approval,
        ..input(&guard, &reborn, 10)
    }));
}

#[test]
fn what_is_left_of_an_approved_set_stays_approved_at_that_revision() {
    let guard = guard(&[(names::ASK_BEFORE_PRUNE, "confirm")]);
    let three = removals(3);
    let held = deletions(&input(&guard, &three, 3)).held.unwrap();
    let approval = held.approval().clone();
    let first = deletions(&DeletionInput {
        approval: Some(&approval),
        ..input(&guard, &three, 3)
    });
    let left = &three[1..];
    let again = DeletionInput {
        approval: Some(&approval),
        approved: first.approved.as_ref(),
        ..input(&guard, left, 3)
    };
    assert_eq!(deletions(&again).now, left);
    let later = DeletionInput {
        revision: "main@sha1:02",
        ..again
    };
    assert_eq!(deletions(&later).now, []);
}

#[test]
fn only_marked_objects_wait_and_what_would_take_them_along() {
    let guard = guard(&[]);
    let mut marked = removal(object("Gadget", "data", "precious"));
    marked.consent = Consent::Asked;
    let all = [
        removal(object("ConfigMap", "data", "plain")),
        marked,
        removal(object("Namespace", "", "data")),
        removal(object("Namespace", "", "other")),
        removal(object(
            "CustomResourceDefinition",
            "",
            "gadgets.example.com",
        )),
        removal(object(
            "CustomResourceDefinition",
            "",
            "gadgets.other.example.com",
        )),
    ];
    let divided = deletions(&input(&guard, &all, 10));
    let names = |objects: &mut dyn Iterator<Item = &ObjectRef>| -> Vec<String> {
        objects.map(|it| it.name.to_string()).collect()
    };
    assert_eq!(
        names(&mut divided.held.unwrap().objects.iter()),
        ["precious", "data", "gadgets.example.com"]
    );
    assert_eq!(
        names(&mut divided.now.iter().map(|it| &it.object)),
        ["plain", "other", "gadgets.other.example.com"]
    );
}

#[test]
fn what_is_under_way_or_kept_is_no_deletion() {
    let guard = guard(&[(names::MAX_DELETIONS, "0")]);
    let mut all = removals(2);
    all[0].verb = RemovalVerb::AwaitDeletion;
    all[1].verb = RemovalVerb::Forget;
    let divided = deletions(&input(&guard, &all, 2));
    assert_eq!((divided.now, divided.held), (all, None));
}

#[test]
fn a_long_list_is_capped_and_counted() {
    let guard = guard(&[(names::MAX_DELETIONS, "0")]);
    let many = removals(1000);
    let held = deletions(&input(&guard, &many, 1000)).held.unwrap();
    let message = held.message("apps", "fleet");
    assert_eq!(message.lines().count(), 3 + MAX_DELETIONS_NAMED + 1);
    assert!(message.ends_with("… and 950 more"), "{message}");
}

#[test]
fn a_plan_tells_the_alarming_first_and_is_capped() {
    let mut preview = Preview::default();
    assert_eq!(preview.summary(), "nothing to do");
    let change = FieldChange {
        field: {
            let mut path = FieldPath::root();
            path.push(Segment::Key("data".into()));
            path
        },
        from: Some("1".into()),
        to: Some("2".into()),
    };
    let map = |name: &str| object("ConfigMap", "apps", name);
    preview.add(&map("new"), Planning::Create);
    preview.add(&map("other"), Planning::Change(vec![change.clone(); 10]));
    preview.add(
        &map("bad"),
        Planning::Refuse("ConfigMap/apps/bad no".into()),
    );
    preview.add_removals(&removals(1));
    assert_eq!(
        preview.summary(),
        "1 to create, 1 to change, 1 to delete, 1 refused"
    );
    let lines = preview.lines();
    assert_eq!(lines[0], "refused: ConfigMap/apps/bad no");
    assert_eq!(lines[1], "ConfigMap/apps/map-0 to delete");
    assert!(lines[2].ends_with("… and 2 more)"), "{lines:?}");
    assert_eq!(lines[3], "ConfigMap/apps/new to create");
    let long = Planning::Refuse("x".repeat(10_000));
    for index in 0..200 {
        preview.add(&map(&format!("long-{index}")), long.clone());
    }
    let lines = preview.lines();
    assert!(lines.join("\n").len() <= MAX_PLAN_BYTES + 100);
    assert!(
        lines.last().unwrap().starts_with("… and "),
        "{}",
        lines.len()
    );
}
