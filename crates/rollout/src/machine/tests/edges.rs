//! Single steps at the edges of taking over, of hooks, and of who serves.

use super::fixture::{initialized_with, live_to, spec, watched, watched_with};
use crate::machine::{Answer, Command, LiveRoutes, Outcome, Readiness, RoutesSeen, step};
use trueup_kinds::canary::Phase;
use trueup_object::value;

#[test]
fn a_mirror_that_is_found_is_one_of_the_run() {
    let mut fields = spec();
    fields.set_at(&["analysis", "mirror"], true.into());
    let mut world = watched_with(&fields);
    assert!(world.status.mirrored);
    world.status.routed_weight = None;
    world.status.mirrored = false;
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(taken.state.mirrored, "{:?}", taken.state);
}

#[test]
fn an_answer_that_breaks_off_opens_no_gate() {
    let mut fields = spec();
    let hook = value!({"name": "a", "type": "confirm-rollout", "url": "u"});
    fields.set_at(&["analysis", "webhooks"], value!([(hook)]));
    let mut world = initialized_with(&fields);
    world.push("v2");
    let asked = step(&world.status, &world.observe(), world.now).commands;
    let Some(Command::Ask { question, round }) = asked.last() else {
        panic!("{asked:?}");
    };
    world.answers.push(Answer {
        question: *question,
        round: round.clone(),
        outcome: Outcome::Hooks(Vec::new()),
    });
    let again = step(&world.status, &world.observe(), world.now).commands;
    assert!(matches!(again.last(), Some(Command::Ask { .. })));
}

#[test]
fn services_alone_wait_for_nobody_s_endpoints() {
    let mut fields = spec();
    fields.set_at(&["provider"], "kubernetes".into());
    let mut world = watched_with(&fields);
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(500));
    let before = world.status.iterations;
    world.primary.as_mut().unwrap().unlist(now, outage);
    live_to(&mut world, 300);
    assert!(world.status.iterations > before + 1, "{:?}", world.status);
}

#[test]
fn a_canary_that_serves_unseen_no_longer_is_watched_once_more() {
    let mut world = watched_with(&value!({
        "progressDeadlineSeconds": 60,
        "analysis": {"interval": "1m", "threshold": 5, "iterations": 5},
    }));
    let mut seen = world.observe();
    seen.primary.readiness = Readiness::Failed("gone".into());
    seen.primary.ready_endpoints = Some(0);
    world.status = step(&world.status, &seen, world.now).state;
    assert_eq!(world.status.routed_weight, Some(100));
    assert_eq!(world.status.iterations, 6);
}

#[test]
fn a_failed_revision_gets_nothing_back_where_the_primary_is_lost() {
    let mut world = watched();
    world.status.phase = Phase::Failed;
    let mut seen = world.observe();
    seen.primary.ready_endpoints = Some(0);
    seen.routes = RoutesSeen::Live(LiveRoutes {
        canary_weight: 5,
        mirrored: Some(false),
    });
    let taken = step(&world.status, &seen, world.now);
    let sets = |it: &Command| matches!(it, Command::SetRouting(_));
    assert!(!taken.commands.iter().any(sets), "{:?}", taken.commands);
}

#[test]
fn weights_ahead_of_the_status_are_written_down_as_what_they_are() {
    let split = spec();
    let unseen = value!({"analysis": {"interval": "1m", "threshold": 5, "iterations": 5}});
    // The primary has got back its share; a revision has another's; blue/green
    // knows no shares.
    for (fields, routed, left, live, expected) in [
        (&split, 100, 10, 10, 10),
        (&split, 10, 0, 10, 0),
        (&unseen, 100, 54, 100, 0),
    ] {
        let mut world = watched_with(fields);
        world.status.routed_weight = Some(routed);
        world.status.canary_weight = left;
        world.routes.as_mut().unwrap().canary_weight = live;
        let taken = step(&world.status, &world.observe(), world.now);
        let state = taken.state;
        assert_eq!(state.routed_weight, Some(expected), "{routed} {left}");
        assert_eq!(state.canary_weight, expected, "{routed} {left}");
    }
}

#[test]
fn a_share_that_nobody_has_written_down_grows_to_all_traffic_in_one_step() {
    let mut world = watched();
    world.status.routed_weight = Some(0);
    world.status.canary_weight = 0;
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(60));
    world.primary.as_mut().unwrap().crash(now, outage);
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(taken.state.routed_weight, Some(100));
    assert_eq!(taken.state.canary_weight, 10);
}
