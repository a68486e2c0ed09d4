//! `trueup canary describe`.

use super::{is_paused, read};
use crate::arguments::Scope as Flags;
use crate::canary_facts::{iterations, revision, step, strategy, weight};
use crate::commands::Failure;
use crate::lines::Lines;
use crate::table::Table;
use crate::words::CANARY;
use crate::{age, connect, document};
use jiff::Timestamp;
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_kinds::Canary;
use trueup_kinds::canary::{CanaryWebhook, Phase, Strategy, TOTAL_WEIGHT, WebhookType};
use trueup_kinds::format_time;
use trueup_object::{GroupVersionKind, Value};

/// How many events are shown, the newest.
const MAX_EVENTS: usize = 15;

/// Prints the run, the conditions, the checks and the events of a Canary.
pub async fn run(flags: &Flags, name: &str) -> Result<ExitCode, Failure> {
    let session = connect::session(flags).await?;
    let object = CANARY.object(&flags.namespace, name);
    let live = session.get(&object, Form::Full).await?;
    let canary = read(&live)?;
    let now = Timestamp::now();
    document::print(&text(&canary, now))?;
    table(
        "Conditions",
        &["TYPE", "STATUS", "REASON", "MESSAGE"],
        conditions(&canary),
    )?;
    table(
        "Checks",
        &["AGE", "WEIGHT", "VERDICT", "MESSAGE"],
        checks(&canary, now),
    )?;
    table(
        "Metrics",
        &["AGE", "METRIC", "VALUE", "THRESHOLD", "WINDOW"],
        readings(&canary, now),
    )?;
    let events = events(&session, &live).await?;
    table("Events", &["AGE", "TYPE", "MESSAGE"], rows_of(&events, now)).map(|()| ExitCode::SUCCESS)
}

/// What is said in lines.
fn text(canary: &Canary, now: Timestamp) -> String {
    let (spec, status) = (&canary.spec, &canary.status);
    let mut lines = Lines::default();
    lines.line("Canary", &canary.metadata.name);
    lines.line("Namespace", &canary.metadata.namespace);
    let target = &spec.target_ref;
    lines.line("Target", &format!("{}/{}", target.kind, target.name));
    lines.line("Provider", &spec.provider);
    lines.line("Strategy", &plan(canary));
    lines.line("Hooks", &hooks(canary));
    lines.rule();
    let paused = if is_paused(canary) { " (paused)" } else { "" };
    lines.line("Phase", &format!("{}{paused}", status.phase));
    lines.line("Weight", &weights(canary));
    let threshold = spec.analysis.threshold_or_default();
    lines.line(
        "Failed checks",
        &format!("{} of {threshold}", status.failed_checks),
    );
    lines.line("Revision", &revision(status));
    let since = |time: Option<Timestamp>| {
        time.map(|time| format!("{} ({} ago)", format_time(time), age::of(time, now)))
            .unwrap_or_default()
    };
    if status.phase.is_under_way() {
        lines.line("Run began", &since(status.run_started_time));
        lines.line("Last step", &since(status.last_step_time));
    }
    lines.line("Last transition", &since(status.last_transition_time));
    lines.line("Awaits", &awaits(canary).unwrap_or_default());
    lines.into_text()
}

/// How traffic is to be shifted.
fn plan(canary: &Canary) -> String {
    let analysis = &canary.spec.analysis;
    if canary.spec.skip_analysis {
        return "none: the analysis is skipped".to_owned();
    }
    let every = match analysis.interval.as_str() {
        "" => String::new(),
        interval => format!(", every {interval}"),
    };
    match strategy(canary) {
        Strategy::Canary => {
            let weights: Vec<String> = analysis.weights().iter().map(i64::to_string).collect();
            format!("canary, weights {}{every}", weights.join(", "))
        }
        other => format!("{other}, {} iterations{every}", iterations(canary)),
    }
}

fn hooks(canary: &Canary) -> String {
    let hooks = canary.spec.analysis.webhooks.iter();
    let named = hooks.map(|hook| format!("{} ({})", hook.name, word(hook.kind)));
    named.collect::<Vec<_>>().join(", ")
}

fn weights(canary: &Canary) -> String {
    let canary_weight = weight(&canary.status);
    let shares = format!(
        "canary {canary_weight}, primary {}",
        TOTAL_WEIGHT - canary_weight
    );
    match step(canary) {
        Some((step, steps)) => format!("{shares} (step {step} of {steps})"),
        None => shares,
    }
}

/// What keeps the run waiting, and how it is opened.
fn awaits(canary: &Canary) -> Option<String> {
    let kind = match canary.status.phase {
        Phase::Waiting => WebhookType::ConfirmRollout,
        Phase::WaitingPromotion => WebhookType::ConfirmPromotion,
        _ => return None,
    };
    let gates = canary.spec.analysis.webhooks_of(kind);
    let named: Vec<&str> = gates
        .map(|hook: &CanaryWebhook| hook.name.as_str())
        .collect();
    let (name, namespace) = (&canary.metadata.name, &canary.metadata.namespace);
    Some(format!(
        "{} {}; `trueup canary approve {name} -n {namespace}` opens it",
        word(kind),
        named.join(", ")
    ))
}

/// The word in `spec.analysis.webhooks[].type`.
const fn word(kind: WebhookType) -> &'static str {
    match kind {
        WebhookType::Rollout => "rollout",
        WebhookType::ConfirmRollout => "confirm-rollout",
        WebhookType::PreRollout => "pre-rollout",
        WebhookType::ConfirmTrafficIncrease => "confirm-traffic-increase",
        WebhookType::ConfirmPromotion => "confirm-promotion",
        WebhookType::PostRollout => "post-rollout",
        WebhookType::Rollback => "rollback",
        WebhookType::Event => "event",
    }
}

/// A table under a title; nothing where it has no rows.
fn table(title: &str, header: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    document::print(&format!("---\n{title}:\n"))?;
    Table::new(header).print(&rows)
}

fn conditions(canary: &Canary) -> Vec<Vec<String>> {
    let conditions = canary.status.conditions.iter();
    conditions
        .map(|it| {
            vec![
                it.kind.to_string(),
                it.status.to_string(),
                it.reason.to_string(),
                it.message.to_string(),
            ]
        })
        .collect()
}

/// The newest check comes last.
fn checks(canary: &Canary, now: Timestamp) -> Vec<Vec<String>> {
    let checks = canary.status.checks.iter();
    checks
        .map(|it| {
            vec![
                age::of(it.time, now),
                it.weight.to_string(),
                it.verdict.to_string(),
                it.message.to_string(),
            ]
        })
        .collect()
}

/// What the metrics said when they were asked last.
fn readings(canary: &Canary, now: Timestamp) -> Vec<Vec<String>> {
    let checks = canary.status.checks.iter();
    let rows = checks.flat_map(|check| {
        let readings = check.readings.iter();
        readings.map(move |it| {
            vec![
                age::of(check.time, now),
                it.metric.to_string(),
                it.value.to_string(),
                it.threshold.to_string(),
                it.interval.to_string(),
            ]
        })
    });
    rows.collect()
}

/// The newest events about an object, the newest last.
async fn events(session: &Session, object: &LiveObject) -> Result<Vec<Value>, Failure> {
    let scope = Scope::namespace(object.namespace());
    let kind = GroupVersionKind::new("v1", "Event");
    let listed = session.list(&kind, &scope, Form::Full).await?;
    let is_about = |event: &Value| {
        let involved = |key| event.str_at(&["involvedObject", key]);
        involved("kind") == Some(CANARY.kind)
            && involved("name") == Some(object.name().as_str())
            && involved("uid").is_none_or(|uid| uid == object.uid().as_str())
    };
    let events = listed.objects.iter().map(LiveObject::value);
    let mut events: Vec<Value> = events.filter(|it| is_about(it)).cloned().collect();
    events.sort_by_key(last_seen);
    let surplus = events.len().saturating_sub(MAX_EVENTS);
    Ok(events.split_off(surplus))
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    ["lastTimestamp", "eventTime", "firstTimestamp"]
        .into_iter()
        .filter_map(|key| event.str_at(&[key]))
        .find_map(|text| text.parse().ok())
}

fn rows_of(events: &[Value], now: Timestamp) -> Vec<Vec<String>> {
    let text = |event: &Value, key: &str| event.str_at(&[key]).unwrap_or_default().to_owned();
    let rows = events.iter().map(|event| {
        let seen = last_seen(event).map(|seen| age::of(seen, now));
        vec![
            seen.unwrap_or_else(|| "unknown".to_owned()),
            text(event, "type"),
            text(event, "message"),
        ]
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn a_run_that_waits_says_what_for_and_how_to_go_on() {
        let object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {
                "targetRef": {"kind": "Deployment", "name": "web"},
                "provider": "istio",
                "analysis": {
                    "interval": "30s", "threshold": 5, "stepWeight": 25, "maxWeight": 50,
                    "webhooks": [{"name": "release board", "type": "confirm-promotion", "url": "http://board"}],
                },
            },
            "status": {
                "phase": "WaitingPromotion", "routedWeight": 50, "failedChecks": 1,
                "runStartedTime": "2026-01-31T12:00:00Z",
            },
        });
        let canary = Canary::decode(&object).unwrap();
        let now = "2026-01-31T12:01:30Z".parse().unwrap();
        let expected = "\
Canary:          web
Namespace:       apps
Target:          Deployment/web
Provider:        istio
Strategy:        canary, weights 25, 50, every 30s
Hooks:           release board (confirm-promotion)
---
Phase:           WaitingPromotion
Weight:          canary 50, primary 50 (step 2 of 2)
Failed checks:   1 of 5
Run began:       2026-01-31T12:00:00Z (90s ago)
Awaits:          confirm-promotion release board; `trueup canary approve web -n apps` opens it
";
        assert_eq!(text(&canary, now), expected);
    }

    #[test]
    fn values_of_checks_are_told_whether_they_passed_or_not() {
        let object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"phase": "Progressing", "checks": [
                {"time": "2026-01-31T12:00:00Z", "weight": 20, "verdict": "Passed"},
                {"time": "2026-01-31T12:01:00Z", "weight": 40, "verdict": "Passed", "readings": [
                    {"metric": "request-success-rate", "value": "99.52%",
                     "threshold": "at least 99%", "interval": "1m"},
                    {"metric": "queue", "value": "3.00"},
                ]},
            ]},
        });
        let canary = Canary::decode(&object).unwrap();
        let now = "2026-01-31T12:01:30Z".parse().unwrap();
        let expected = [
            [
                "30s",
                "request-success-rate",
                "99.52%",
                "at least 99%",
                "1m",
            ],
            ["30s", "queue", "3.00", "", ""],
        ];
        assert_eq!(readings(&canary, now), expected);
    }

    #[test]
    fn iterations_are_told_where_they_are_counted() {
        let object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {
                "targetRef": {"kind": "Deployment", "name": "web"},
                "provider": "kubernetes",
                "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10},
            },
        });
        let canary = Canary::decode(&object).unwrap();
        assert_eq!(plan(&canary), "blue-green, 10 iterations, every 1m");
    }
}
