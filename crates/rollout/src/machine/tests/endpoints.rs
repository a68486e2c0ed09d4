//! Single steps around sides that have no endpoints, and around their Pods.

use super::fixture::{initialized, initialized_with, live_to, spec, watched, watched_with};
use super::shell::after;
use super::world::World;
use crate::machine::{Answer, Command, LiveRoutes, Readiness, RoutesSeen, step};
use trueup_kinds::canary::{PendingStep, Phase};
use trueup_kinds::names::CANARY_REQUEST;
use trueup_object::value;

#[test]
fn a_canary_that_is_not_needed_after_a_failed_promotion_goes_when_the_primary_is_ready() {
    let mut world = initialized();
    world.spec.skip_analysis = true;
    world.push("v2");
    live_to(&mut world, 66);
    let (now, seconds) = (world.now, jiff::SignedDuration::from_secs);
    world.primary.as_mut().unwrap().crash(now, seconds(900));
    world.target.as_mut().unwrap().crash(now, seconds(1200));
    live_to(&mut world, 700);
    assert_eq!(world.status.phase, Phase::Failed);
    assert_eq!(world.target.as_ref().unwrap().replicas, 1);
    live_to(&mut world, 1400);
    assert_eq!(world.target.as_ref().unwrap().replicas, 0);
    assert_eq!(world.live_weight(), 0);
}

#[test]
fn a_target_that_goes_between_the_decision_and_the_copy_ends_the_run() {
    let mut world = watched();
    world.status.pending_step = Some(PendingStep::Promote);
    world.target = None;
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(
        !taken
            .commands
            .iter()
            .any(|it| matches!(it, Command::CopyToPrimary { .. }))
    );
    live_to(&mut world, 80 + 601);
    assert_eq!(world.status.phase, Phase::Failed);
    assert_eq!(world.live_weight(), 0);
    // A copy may have been made before: nobody knows.
    assert_eq!(world.status.last_promoted_spec, "");
    world.make_target("v2");
    live_to(&mut world, 1200);
    assert_eq!(world.status.phase, Phase::Succeeded);
}

#[test]
fn routes_lead_to_the_primary_before_the_target_s_first_pods_go() {
    let mut world = World::new(&spec());
    live_to(&mut world, 4);
    world.routes = Some(LiveRoutes {
        canary_weight: 30,
        mirrored: Some(false),
    });
    world.now = after(&world, 5);
    world.settle();
    let questions = step(&world.status, &world.observe(), world.now).commands;
    let Some(Command::Ask { question, round }) = questions.last() else {
        panic!("{questions:?}");
    };
    let outcome = world.answer(*question, round);
    world.answers.push(Answer {
        question: *question,
        round: round.clone(),
        outcome,
    });
    let commands = step(&world.status, &world.observe(), world.now).commands;
    let place = |wanted: fn(&Command) -> bool| commands.iter().position(wanted).unwrap();
    let routed =
        place(|it| matches!(it, Command::SetRouting(routing) if routing.canary_weight == 0));
    assert!(routed < place(|it| matches!(it, Command::ScaleToZero)));
}

#[test]
fn a_target_without_endpoints_is_put_back_once_while_it_is_waited_for() {
    let mut world = initialized();
    world.metadata.finalizers = vec!["finalizer.flagger.app".into()];
    world.spec.revert_on_deletion = true;
    world.metadata.deletion_timestamp = Some(world.now);
    let now = world.now;
    world
        .target
        .as_mut()
        .unwrap()
        .unlist(now, jiff::SignedDuration::from_secs(100));
    // The diary panics where the machine does not come to rest.
    live_to(&mut world, 90);
    assert!(!world.is_gone);
    live_to(&mut world, 200);
    assert!(world.is_gone && world.canary_serves());
}

#[test]
fn a_revision_that_begins_with_all_the_traffic_is_watched_for_an_interval() {
    let mut world = initialized();
    world.push("v2");
    live_to(&mut world, 66);
    // A promotion that has failed, whose primary is ready and has no endpoints.
    world.status.phase = Phase::Failed;
    world.status.routed_weight = Some(100);
    world.routes = Some(LiveRoutes {
        canary_weight: 100,
        mirrored: Some(false),
    });
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(10_000));
    world.primary.as_mut().unwrap().unlist(now, outage);
    world.push("v3");
    live_to(&mut world, 72);
    assert_eq!(world.status.phase, Phase::Progressing);
    assert_eq!(world.status.canary_weight, 100);
    let due = world.now + jiff::SignedDuration::from_secs(50);
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(taken.wake_at.is_some_and(|wake| wake > due), "{taken:?}");
}

#[test]
fn a_primary_is_held_as_long_as_the_canary_may_have_to_stand_in_for_it() {
    let mut fields = spec();
    let scaler = value!({"kind": "HorizontalPodAutoscaler", "name": "podinfo"});
    fields.set_at(&["autoscalerRef"], scaler);
    let mut world = initialized_with(&fields);
    world.status.phase = Phase::Finalising;
    let commands = step(&world.status, &world.observe(), world.now).commands;
    let place = |wanted: &Command| commands.iter().position(|it| it == wanted);
    let scaled = place(&Command::ScaleToZero).unwrap();
    assert!(scaled < place(&Command::ReleasePrimaryScaler).unwrap());
}

#[test]
fn routes_that_were_missing_are_looked_at_before_a_run_begins() {
    let mut world = initialized();
    world.routes = None;
    world.push("v2");
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(
        matches!(taken.commands[..], [Command::SetRouting(_)]),
        "{:?}",
        taken.commands
    );
    assert_eq!(taken.state.phase, Phase::Initialized);
    assert_eq!(taken.wake_at, Some(world.now));
}

#[test]
fn what_is_waited_for_may_change_for_ten_deadlines_and_no_longer() {
    let mut world = initialized();
    world.push("v2");
    live_to(&mut world, 62);
    let began = world.now;
    let deadline = crate::machine::tests::workload::PROGRESS_DEADLINE;
    let mut look = 0;
    while world.status.phase == Phase::Progressing {
        look += 1;
        world.now += jiff::SignedDuration::from_secs(300);
        let mut seen = world.observe();
        seen.canary.readiness = Readiness::Waiting(format!("{look} of 1000").into());
        world.status = step(&world.status, &seen, world.now).state;
        assert!(look < 30, "the run has no end");
    }
    assert_eq!(world.status.phase, Phase::Failed);
    assert!(world.now.duration_since(began) > deadline * 9);
}

#[test]
fn what_has_just_got_all_traffic_is_watched_for_an_interval_whoever_approves() {
    let mut fields = spec();
    let hook = value!({"name": "b", "type": "confirm-promotion", "url": "u"});
    fields.set_at(
        &["analysis"],
        value!({"interval": "1m", "threshold": 5, "iterations": 1, "webhooks": [(hook)]}),
    );
    let mut world = World::new(&fields);
    world.refusing.insert("b".into());
    live_to(&mut world, 60);
    world.push("v2");
    live_to(&mut world, 300);
    assert_eq!(world.status.phase, Phase::WaitingPromotion);
    let request = CANARY_REQUEST.into();
    world
        .metadata
        .annotations
        .insert(request, "approve/1".into());
    let end = after(&world, 450);
    let mut switched = None;
    while world.now < end {
        let next = world.seconds() + 1;
        live_to(&mut world, next);
        if switched.is_none() && world.live_weight() == 100 {
            switched = Some(world.seconds());
        }
        if world.status.phase == Phase::Promoting {
            break;
        }
    }
    let switched = switched.expect("a switch");
    assert!(world.seconds() - switched >= 59, "{}", world.seconds());
}

#[test]
fn matching_requests_are_led_back_to_a_canary_that_alone_serves() {
    let mut fields = spec();
    fields.set_at(
        &["analysis"],
        value!({"interval": "1m", "threshold": 5, "iterations": 3, "match": [{}]}),
    );
    let mut world = watched_with(&fields);
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(100));
    world.primary.as_mut().unwrap().crash(now, outage);
    world.routes.as_mut().unwrap().canary_weight = 30;
    live_to(&mut world, 81);
    assert_eq!(world.live_weight(), 100);
}

#[test]
fn a_primary_that_is_lost_for_good_leaves_its_traffic_to_the_canary() {
    let world = watched();
    let mut seen = world.observe();
    seen.primary.readiness = Readiness::Failed("gone".into());
    seen.primary.ready_endpoints = Some(0);
    let taken = step(&world.status, &seen, world.now);
    assert_eq!(taken.state.phase, Phase::Progressing);
    assert_eq!(taken.state.routed_weight, Some(100));
    // The checks fail: there is nobody else to serve.
    let mut failing = taken.state.clone();
    failing.failed_checks = 5;
    seen.routes = RoutesSeen::Live(LiveRoutes {
        canary_weight: 100,
        mirrored: Some(false),
    });
    let failed = step(&failing, &seen, world.now);
    assert_eq!(failed.state.phase, Phase::Failed);
    assert_eq!(failed.state.canary_weight, 100);
    assert!(!failed.commands.contains(&Command::ScaleToZero));
}

#[test]
fn a_canary_without_endpoints_loses_its_traffic_and_the_run_begins_again() {
    let mut world = watched();
    let now = world.now;
    let outage = jiff::SignedDuration::from_secs(20);
    world.target.as_mut().unwrap().crash(now, outage);
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(taken.state.canary_weight, 0);
    assert_eq!(taken.state.failed_checks, 1);
    assert!(taken.commands.iter().any(|command| matches!(
        command,
        Command::SetRouting(routing) if routing.canary_weight == 0
    )));
}

#[test]
fn a_revision_that_has_failed_gets_no_more_where_the_primary_is_lost() {
    let mut world = watched();
    world.status.failed_checks = 5;
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(60));
    world.primary.as_mut().unwrap().crash(now, outage);
    let later = world.seconds() + 30;
    live_to(&mut world, later);
    assert_eq!(world.status.phase, Phase::Failed);
    assert_eq!(world.live_weight(), 10);
    let later = world.seconds() + 60;
    live_to(&mut world, later);
    assert_eq!(world.live_weight(), 0);
    assert_eq!(world.target.as_ref().unwrap().replicas, 0);
}

#[test]
fn who_was_killed_while_the_canary_began_to_stand_in_gives_back_what_the_primary_had() {
    let mut world = watched_with(&value!({
        "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 50},
    }));
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(20));
    world.primary.as_mut().unwrap().crash(now, outage);
    let taken = step(&world.status, &world.observe(), world.now);
    let place = |wanted: fn(&Command) -> bool| taken.commands.iter().position(wanted).unwrap();
    let decided = place(|it| matches!(it, Command::WriteStatus(_)));
    assert!(decided < place(|it| matches!(it, Command::SetRouting(_))));
    // Both are done, and whoever did them is killed. The next step would be 100.
    let Command::WriteStatus(status) = &taken.commands[decided] else {
        panic!("{:?}", taken.commands);
    };
    world.status = (**status).clone();
    world.routes.as_mut().unwrap().canary_weight = 100;
    let later = world.seconds() + 25;
    world.now = after(&world, later);
    live_to(&mut world, later + 5);
    assert_eq!((world.live_weight(), world.status.canary_weight), (100, 50));
    live_to(&mut world, later + 15);
    assert_eq!((world.live_weight(), world.status.canary_weight), (50, 50));
    assert_eq!(world.status.pending_step, None);
}

#[test]
fn a_primary_that_loses_its_last_endpoints_while_it_is_waited_for_gets_no_more_time() {
    let mut world = watched();
    let mut seen = world.observe();
    seen.primary.readiness = Readiness::Waiting("1 of 2".into());
    world.status = step(&world.status, &seen, world.now).state;
    world.now += jiff::SignedDuration::from_secs(590);
    seen.primary.ready_endpoints = Some(0);
    world.status = step(&world.status, &seen, world.now).state;
    assert_eq!(world.status.routed_weight, Some(100));
    assert_eq!(world.status.canary_weight, 10);
    seen.routes = RoutesSeen::Live(LiveRoutes {
        canary_weight: 100,
        mirrored: Some(false),
    });
    world.now += jiff::SignedDuration::from_secs(11);
    world.status = step(&world.status, &seen, world.now).state;
    assert_eq!(world.status.canary_weight, 100);
}

#[test]
fn a_primary_without_endpoints_is_held_while_the_canary_stands_in() {
    let mut fields = spec();
    let scaler = value!({"kind": "HorizontalPodAutoscaler", "name": "podinfo"});
    fields.set_at(&["autoscalerRef"], scaler);
    let mut world = watched_with(&fields);
    world.is_held = false;
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(20));
    world.primary.as_mut().unwrap().crash(now, outage);
    live_to(&mut world, 81);
    assert!(world.is_held && world.live_weight() == 100);
}

#[test]
fn a_share_that_nobody_has_written_down_is_one_that_the_canary_has() {
    let mut world = initialized();
    world.push("v2");
    live_to(&mut world, 64);
    assert_eq!(world.status.routed_weight, Some(0));
    // The first step is taken, and whoever took it is killed.
    world.routes.as_mut().unwrap().canary_weight = 10;
    world.now = after(&world, 70);
    world.settle();
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(60));
    world.primary.as_mut().unwrap().crash(now, outage);
    live_to(&mut world, 71);
    assert_eq!((world.live_weight(), world.status.canary_weight), (100, 10));
    live_to(&mut world, 141);
    assert_eq!((world.live_weight(), world.status.canary_weight), (10, 10));
}

#[test]
fn all_traffic_of_another_strategy_is_not_taken_for_a_stand_in() {
    for matches in [value!([{}]), value!([])] {
        let mut world = watched();
        let changed = initialized_with(&value!({
            "analysis": {"interval": "1m", "threshold": 5, "iterations": 2, "match": (matches)},
        }));
        assert_eq!(world.status.canary_weight, 10);
        world.spec = changed.spec;
        while world.live_weight() < 100 {
            assert!(
                world.status.phase == Phase::Progressing,
                "{:?}",
                world.status
            );
            let next = world.seconds() + 10;
            live_to(&mut world, next);
        }
        let next = world.seconds() + 40;
        live_to(&mut world, next);
        assert_eq!(world.live_weight(), 100);
        live_to(&mut world, 600);
        assert_eq!(world.status.phase, Phase::Succeeded);
    }
}

#[test]
fn a_canary_keeps_its_pods_until_the_routes_back_are_in_force() {
    let mut world = watched();
    world.status.phase = Phase::Finalising;
    let mut seen = world.observe();
    seen.routes = RoutesSeen::Unusable("not accepted".into());
    let taken = step(&world.status, &seen, world.now);
    assert!(!taken.commands.contains(&Command::ScaleToZero));
    assert_eq!(taken.state.phase, Phase::Finalising);
}

#[test]
fn a_revision_that_has_failed_keeps_its_share_until_the_primary_is_ready() {
    let mut world = watched();
    world.status.phase = Phase::Failed;
    let mut seen = world.observe();
    seen.primary.readiness = Readiness::Waiting("1 of 2".into());
    let waiting = step(&world.status, &seen, world.now);
    assert!(!waiting.commands.contains(&Command::ScaleToZero));
    assert_eq!(waiting.state.routed_weight, Some(10));
    seen.primary.readiness = Readiness::Ready;
    let taken = step(&world.status, &seen, world.now);
    assert!(taken.commands.contains(&Command::ScaleToZero));
    assert_eq!(taken.state.routed_weight, Some(0));
}

#[test]
fn a_revision_that_comes_when_the_primary_goes_gets_a_run_from_the_beginning() {
    let mut world = watched();
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(30));
    world.primary.as_mut().unwrap().crash(now, outage);
    world.push("v3");
    live_to(&mut world, 90);
    assert_eq!((world.live_weight(), world.status.canary_weight), (100, 0));
    live_to(&mut world, 112);
    assert_eq!((world.live_weight(), world.status.canary_weight), (10, 10));
    let began = world.status.run_started_time.unwrap();
    assert_eq!(began, now);
}

#[test]
fn matching_requests_stay_where_they_are_and_begin_again_where_the_canary_goes() {
    let mut world = watched_with(&value!({
        "analysis": {"interval": "1m", "threshold": 5, "iterations": 3, "match": [{}]},
    }));
    // Somebody has made an A/B test of a run whose canary stood in.
    world.status.canary_weight = 40;
    live_to(&mut world, 110);
    assert_eq!((world.live_weight(), world.status.iterations), (100, 1));
    let (now, outage) = (world.now, jiff::SignedDuration::from_secs(20));
    world.target.as_mut().unwrap().crash(now, outage);
    live_to(&mut world, 111);
    assert_eq!((world.live_weight(), world.status.iterations), (0, 0));
}
