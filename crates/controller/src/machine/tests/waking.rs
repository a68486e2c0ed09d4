//! Who is woken by what happens to others.

use super::*;

#[test]
fn a_new_artifact_wakes_exactly_its_users() {
    let mut stage = Stage::new(4);
    let with_source = |name: &str| Facts {
        source: Some(source(name)),
        ..facts(1)
    };
    stage.settle(&source("fleet"), facts(1), Next::Interval);
    stage.settle(&app("one"), with_source("fleet"), Next::Interval);
    stage.settle(&app("two"), with_source("other"), Next::Interval);
    stage.settle(&app("three"), with_source("fleet"), Next::Interval);
    let commands = stage.observe(
        &source("fleet"),
        Facts {
            artifact: Some("main@1".into()),
            ..facts(1)
        },
    );
    assert_eq!(starts(&commands), ["one", "three"]);
    let again = stage.observe(
        &source("fleet"),
        Facts {
            artifact: Some("main@1".into()),
            ..facts(1)
        },
    );
    assert_eq!(again, []);
}

#[test]
fn a_push_reaches_dependents_after_what_they_depend_on() {
    let mut stage = Stage::new(4);
    let user = |needs: &[&str]| Facts {
        source: Some(source("fleet")),
        depends_on: needs.iter().map(|name| app(name)).collect(),
        ..facts(1)
    };
    stage.settle(&app("c"), user(&[]), Next::Interval);
    stage.settle(&app("b"), user(&["c"]), Next::Interval);
    stage.settle(&app("a"), user(&["b"]), Next::Interval);
    stage.settle(&source("fleet"), facts(1), Next::Interval);
    let pushed = Facts {
        artifact: Some("main@1".into()),
        ..facts(1)
    };
    let c = only_start(stage.observe(&source("fleet"), pushed));
    assert_eq!(c.key, app("c"));
    let b = only_start(
        stage
            .finish(&c, Next::Trailing)
            .into_iter()
            .filter(|c| starts(std::slice::from_ref(c)) == ["b"])
            .collect(),
    );
    assert_eq!(b.key, app("b"));
}

#[test]
fn readiness_wakes_those_that_wait_for_it_at_once() {
    let mut stage = Stage::new(4);
    let dependent = Facts {
        depends_on: vec![app("base")],
        ..facts(1)
    };
    stage.settle(&app("base"), facts(1), Next::Interval);
    stage.settle(
        &app("waits"),
        dependent.clone(),
        Next::Dependency { delay_ms: 30_000 },
    );
    stage.settle(&app("ready"), dependent, Next::Interval);
    let ready = Facts {
        ready_at: Some("main@1".into()),
        ..facts(1)
    };
    let woken = only_start(stage.observe(&app("base"), ready));
    assert_eq!(
        (woken.key, woken.causes),
        (app("waits"), [Cause::Dependency].into())
    );
}

#[test]
fn a_change_of_discovery_wakes_exactly_those_that_missed_a_kind() {
    let mut stage = Stage::new(4);
    let missing = || Next::Kind { delay_ms: 60_000 };
    stage.settle(&app("misses"), facts(1), missing());
    stage.settle(&app("rests"), facts(1), Next::Interval);
    let woken = only_start(stage.tell(Event::DiscoveryChanged));
    assert_eq!(
        (&woken.key, &woken.causes),
        (&app("misses"), &[Cause::Discovery].into())
    );
    // One that came meanwhile is not missed either, and none is counted twice.
    stage.tell(Event::DiscoveryChanged);
    let again = only_start(stage.finish(&woken, missing()));
    assert_eq!(again.causes, [Cause::Discovery].into());
    assert_eq!(stage.finish(&again, missing()), []);
}

#[test]
fn a_circle_is_named_and_left_by_whoever_stood_in_it_when_it_opens() {
    let mut stage = Stage::new(4);
    let needs = |name: &str| Facts {
        depends_on: vec![app(name)],
        ..facts(1)
    };
    stage.settle(&app("a"), needs("b"), Next::Dependency { delay_ms: 30_000 });
    let b = only_start(
        stage
            .observe(&app("b"), needs("a"))
            .into_iter()
            .filter(|c| starts(std::slice::from_ref(c)) == ["b"])
            .collect(),
    );
    assert_eq!(b.cycle, Some(vec![app("b"), app("a"), app("b")]));
    stage.finish(&b, Next::Dependency { delay_ms: 30_000 });
    let commands = stage.observe(&app("b"), facts(2));
    assert!(!starts(&commands).is_empty());
}
