//! Single steps.

use super::fixture::{initialized, initialized_with, live_to, spec, watched_with};
use super::shell::{Diary, after, live_until};
use super::world::World;
use crate::machine::{
    Command, Question, Request, RequestVerb, TargetChange, TargetSeen, Tracking, step,
};
use crate::metrics::MAX_METRICS;
use trueup_kinds::canary::{CanaryStatus, PendingStep, Phase, WebhookType};
use trueup_kinds::names::CANARY_REQUEST;
use trueup_kinds::{Metadata, condition_type};
use trueup_object::{decode, value};

fn events(commands: &[Command]) -> Vec<String> {
    let messages = commands.iter().filter_map(|command| match command {
        Command::Event(event) => Some(event.message.to_string()),
        _ => None,
    });
    messages.collect()
}

#[test]
fn nothing_is_done_where_nothing_changes() {
    let world = initialized();
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(taken.commands.is_empty(), "{:?}", taken.commands);
    assert_eq!(taken.wake_at, None);
    assert_eq!(taken.state, world.status);
}

#[test]
fn conditions_tell_what_every_tool_reads() {
    let mut world = initialized();
    let status = &world.status;
    assert!(status.conditions.is_true(condition_type::READY));
    assert_eq!(status.observed_generation, 1);
    world.push("v2");
    live_to(&mut world, 80);
    let conditions = &world.status.conditions;
    assert!(conditions.is_true(condition_type::RECONCILING));
    assert!(!conditions.is_true(condition_type::READY));
    assert_eq!(
        conditions.get("Promoted").map(|it| it.reason.as_str()),
        Some("Progressing")
    );
}

#[test]
fn a_specification_that_can_t_be_served_is_told_once_and_stays_as_it_is() {
    let mut world = initialized();
    world.spec.analysis.step_weight = 0;
    world.metadata.generation = 2;
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(
        events(&taken.commands),
        [
            "Canary podinfo.test is invalid: spec.analysis: one of stepWeight, stepWeights and iterations must be above 0"
        ]
    );
    let conditions = &taken.state.conditions;
    assert!(conditions.is_true(condition_type::STALLED));
    assert_eq!(taken.state.phase, Phase::Initialized);
    let again = step(&taken.state, &world.observe(), world.now);
    assert!(again.commands.is_empty(), "{:?}", again.commands);
    world.spec.analysis.step_weight = 10;
    let mended = step(&taken.state, &world.observe(), world.now);
    assert!(mended.state.conditions.is_true(condition_type::READY));
}

#[test]
fn more_metrics_than_are_served_are_refused_at_the_object() {
    let mut world = initialized();
    world.spec.analysis.metrics = vec![Default::default(); MAX_METRICS + 1];
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(
        events(&taken.commands),
        [
            "Canary podinfo.test is invalid: spec.analysis.metrics: has 101 items, at most 100 are served"
        ]
    );
    assert!(taken.state.conditions.is_true(condition_type::STALLED));
}

#[test]
fn a_primary_s_autoscaler_is_held_from_the_first_to_the_last_step_of_a_run() {
    let mut fields = spec();
    let scaler = value!({"kind": "HorizontalPodAutoscaler", "name": "podinfo"});
    fields.set_at(&["autoscalerRef"], scaler);
    let mut world = initialized_with(&fields);
    assert!(!world.is_held);
    world.push("v2");
    live_to(&mut world, 300);
    assert!(world.is_held && world.status.canary_weight > 0);
    live_to(&mut world, 900);
    assert_eq!(world.status.phase, Phase::Succeeded);
    assert!(!world.is_held);
}

#[test]
fn a_target_that_goes_back_while_the_first_primary_is_changed_is_copied_once_more() {
    let mut world = World::new(&spec());
    world.broken = ["v1".into(), "v2".into()].into();
    live_to(&mut world, 30);
    world.push("v2");
    // The copy is made, and whoever made it is killed before it can say so.
    let taken = step(&world.status, &world.observe(), world.now);
    assert!(matches!(
        taken.commands[..],
        [Command::WriteStatus(_), Command::CopyToPrimary { .. }, ..]
    ));
    let Command::WriteStatus(status) = &taken.commands[0] else {
        panic!("{:?}", taken.commands);
    };
    world.status = (**status).clone();
    let later = world.now;
    let primary = world.primary.as_mut().unwrap();
    primary.set_template("v2", later, world.pod_delay);
    world.push("v1");
    world.broken.clear();
    live_to(&mut world, 120);
    assert_eq!(world.status.phase, Phase::Initialized);
    assert_eq!(world.primary.as_ref().unwrap().template, "v1");
}

/// What Flagger writes, with a digest that only Flagger can compute.
fn flagger_status(phase: &str, weight: i64) -> CanaryStatus {
    decode(&value!({
        "phase": phase, "canaryWeight": weight, "failedChecks": 1, "iterations": 0,
        "lastAppliedSpec": "5c6b7d8f9", "lastPromotedSpec": "5c6b7d8f9", "trackedConfigs": {},
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "conditions": [{
            "type": "Promoted", "status": "True", "reason": phase, "message": "m",
            "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z",
        }],
    }))
    .unwrap()
}

#[test]
fn a_status_of_flagger_s_is_taken_over_without_a_run() {
    let world = initialized();
    let status = flagger_status("Succeeded", 0);
    let mut seen = world.observe();
    if let TargetSeen::Found(target) = &mut seen.target {
        target.change = TargetChange::Same;
        target.tracking = Some(Tracking {
            last_applied_spec: "v2:1".into(),
            last_promoted_spec: "v2:1".into(),
            last_tracked_revision: "u/1".into(),
        });
    }
    let taken = step(&status, &seen, world.now);
    assert_eq!(taken.commands.len(), 1, "{:?}", taken.commands);
    assert_eq!(taken.state.phase, Phase::Succeeded);
    assert_eq!(taken.state.last_promoted_spec, "v2:1");
    let promoted = taken.state.conditions.get("Promoted").unwrap();
    assert_eq!(promoted.message, "m");
}

#[test]
fn bytes_that_flagger_did_not_look_at_start_no_run() {
    let world = initialized();
    let mut status = flagger_status("Succeeded", 0);
    status.tracked_configs = Some([("configmap/a".into(), "11".into())].into());
    let mut seen = world.observe();
    let TargetSeen::Found(target) = &mut seen.target else {
        panic!("no target");
    };
    target.configs = Some([("configmap/a".into(), "11-22".into())].into());
    target.change = TargetChange::Same;
    target.tracking = Some(Tracking {
        last_applied_spec: "v2:1".into(),
        last_promoted_spec: "v2:1".into(),
        last_tracked_revision: "u/1".into(),
    });
    let taken = step(&status, &seen, world.now);
    assert_eq!(taken.state.phase, Phase::Succeeded);
    assert_eq!(taken.commands.len(), 1, "{:?}", taken.commands);
    if let TargetSeen::Found(target) = &mut seen.target {
        target.tracking = None;
    }
    let again = step(&taken.state, &seen, world.now);
    assert!(again.commands.is_empty(), "{:?}", again.commands);
}

#[test]
fn a_run_of_flagger_s_goes_on_where_it_was() {
    let mut world = initialized();
    world.push("v2");
    live_to(&mut world, 140);
    assert_eq!(world.status.canary_weight, 20);
    let status = CanaryStatus {
        last_applied_spec: "v2".into(),
        last_promoted_spec: "v1".into(),
        ..flagger_status("Progressing", 20)
    };
    world.status = status;
    let end = after(&world, 210);
    let mut diary = Diary::default();
    live_until(&mut world, &mut diary, end);
    assert_eq!(world.status.canary_weight, 40, "{:?}", diary.lines);
    assert!(!diary.lines.iter().any(|line| line.contains("Starting")));
}

#[test]
fn a_mirror_that_nobody_can_read_back_is_set_once() {
    let mut world = initialized();
    world.tells_mirror = false;
    world.spec.analysis.mirror = true;
    world.push("v2");
    let end = after(&world, 400);
    let mut diary = Diary::default();
    live_until(&mut world, &mut diary, end);
    let zero = diary
        .lines
        .iter()
        .filter(|it| it.ends_with("weight 0"))
        .count();
    assert_eq!(zero, 1, "{:?}", diary.lines);
    assert!(world.status.canary_weight > 0);
}

#[test]
fn a_canary_that_is_suspended_before_its_first_step_says_so_once() {
    let mut world = World::new(&spec());
    world.spec.suspend = true;
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(events(&taken.commands).len(), 1);
    assert_eq!(taken.state.phase, Phase::Unset);
    let again = step(&taken.state, &world.observe(), world.now);
    assert!(again.commands.is_empty(), "{:?}", again.commands);
}

#[test]
fn cookies_are_the_same_whoever_sets_them() {
    let mut fields = spec();
    fields.set_at(
        &["analysis", "sessionAffinity"],
        value!({"cookieName": "c", "primaryCookieName": "p"}),
    );
    let mut world = watched_with(&fields);
    let cookie = world.status.session_affinity_cookie.clone();
    assert!(cookie.starts_with("c=") && cookie.len() > 10, "{cookie}");
    assert!(
        world
            .status
            .primary_session_affinity_cookie
            .starts_with("p=")
    );
    live_to(&mut world, 150);
    assert_eq!(world.status.session_affinity_cookie, cookie);
    live_to(&mut world, 600);
    assert_eq!(world.status.phase, Phase::Succeeded);
    assert_eq!(world.status.session_affinity_cookie, "");
    assert_eq!(world.status.previous_session_affinity_cookie, cookie);
}

#[test]
fn requests_are_read_and_cut() {
    let request = |text: &str| {
        let mut metadata = Metadata::default();
        metadata
            .annotations
            .insert(CANARY_REQUEST.into(), text.into());
        Request::of(&metadata).unwrap()
    };
    assert_eq!(request("abort/1").verb, Some(RequestVerb::Abort));
    assert_eq!(request("promote").verb, Some(RequestVerb::Promote));
    assert_eq!(request("explode/1").verb, None);
    assert!(request(&"ä".repeat(10_000)).text.len() <= 253);
    assert_eq!(Request::of(&Metadata::default()), None);
}

#[test]
fn a_finalizer_comes_and_goes_with_the_wish() {
    let mut world = initialized();
    world.spec.revert_on_deletion = true;
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(taken.commands, [Command::AddFinalizer]);
    world.metadata.finalizers = vec!["finalizer.flagger.app".into()];
    world.spec.revert_on_deletion = false;
    let taken = step(&world.status, &world.observe(), world.now);
    assert_eq!(taken.commands, [Command::RemoveFinalizer]);
}

#[test]
fn hooks_after_a_run_are_told_how_it_ended() {
    let mut fields = spec();
    let hook = value!({"name": "d", "type": "post-rollout", "url": "u"});
    fields.set_at(&["analysis", "webhooks"], value!([(hook)]));
    let mut world = initialized_with(&fields);
    for phase in [Phase::Succeeded, Phase::Failed] {
        world.status.phase = phase;
        world.status.pending_step = Some(PendingStep::Announce);
        let taken = step(&world.status, &world.observe(), world.now);
        let asked = Question::Hooks {
            kind: WebhookType::PostRollout,
            phase,
        };
        assert!(
            matches!(taken.commands[..], [Command::Ask { question, .. }] if question == asked),
            "{:?}",
            taken.commands
        );
    }
}
