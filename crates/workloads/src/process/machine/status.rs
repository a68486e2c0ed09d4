//! The status of a Pod, out of what is known of its containers.

use super::probe::ProbeKind;
use super::spec::{ContainerSpec, PodSpec, RestartPolicy};
use super::state::{ContainerState, Ended, Phase, PodState};
use super::step::{is_restarted, is_started};
use crate::conditions::{Condition, get, set_plain, text_of};
use crate::pod::pod_ip;
use jiff::Timestamp;
use trueup_object::{Text, Value, value};

/// The whole status as it should be: `pod` is the Pod as it is.
pub(crate) fn status_of(
    spec: &PodSpec,
    state: &PodState,
    pod: &Value,
    generation: i64,
    now: Timestamp,
) -> Value {
    let deleted = pod
        .at(&["metadata", "deletionTimestamp"])
        .is_some_and(|it| !it.is_null());
    let phase = phase(spec, state, deleted);
    let pairs = || spec.containers.iter().zip(&state.containers);
    let statuses: Vec<Value> = pairs()
        .map(|(spec, state)| container_status(spec, state, now))
        .collect();
    let unready: Vec<&str> = pairs()
        .filter(|(spec, state)| !is_ready(spec, state))
        .map(|(spec, _)| spec.name.as_str())
        .collect();
    let ip = pod_ip(&spec.uid);
    let mut status = value!({
        "phase": phase,
        "observedGeneration": generation,
        "startTime": (text_of(state.started)),
        "hostIP": "10.0.0.1",
        "podIP": (ip.clone()),
        "podIPs": [{"ip": ip}],
        "conditions": (conditions(pod, phase, &unready, now)),
        "containerStatuses": statuses,
    });
    if state.overdue {
        status.set_at(&["reason"], "DeadlineExceeded".into());
        let message = "Pod was active on the node longer than the specified deadline";
        status.set_at(&["message"], message.into());
    }
    status
}

fn phase(spec: &PodSpec, state: &PodState, deleted: bool) -> &'static str {
    let containers = &state.containers;
    let has = |test: fn(&ContainerState) -> bool| containers.iter().any(test);
    let running = has(|it| matches!(it.phase, Phase::Running { .. }));
    let succeeded = containers
        .iter()
        .all(|it| matches!(&it.phase, Phase::Ended(ended) if ended.code == 0));
    let ended_well = if succeeded { "Succeeded" } else { "Failed" };
    if (state.overdue || deleted) && !has(ContainerState::is_live) {
        return if state.overdue { "Failed" } else { ended_well };
    }
    let never_ran =
        has(|it| matches!(it.phase, Phase::Waiting { .. } | Phase::Starting) && it.last.is_none());
    let goes_on = containers.iter().any(|it| match &it.phase {
        Phase::Ended(ended) => is_restarted(spec.restart_policy, ended.code),
        _ => true,
    });
    match (never_ran, running || goes_on) {
        (true, _) => "Pending",
        (false, true) => "Running",
        (false, false) if spec.restart_policy == RestartPolicy::Always => "Running",
        (false, false) => ended_well,
    }
}

fn is_ready(spec: &ContainerSpec, state: &ContainerState) -> bool {
    let runnable = spec.runnable.as_ref().ok();
    let asked = runnable.is_some_and(|it| it.probe(ProbeKind::Readiness).is_some());
    matches!(state.phase, Phase::Running { .. })
        && is_started(runnable, Some(state))
        && (!asked || state.probe(ProbeKind::Readiness).verdict() == Some(true))
}

fn container_status(spec: &ContainerSpec, state: &ContainerState, now: Timestamp) -> Value {
    let ready = is_ready(spec, state);
    let running = matches!(state.phase, Phase::Running { .. });
    let started = running && is_started(spec.runnable.as_ref().ok(), Some(state));
    let present = match &state.phase {
        Phase::Waiting {
            reason, message, ..
        } => waiting(reason, message),
        Phase::Starting => waiting("ContainerCreating", ""),
        Phase::Running { since, .. } => value!({"running": {"startedAt": (text_of(*since))}}),
        Phase::Ended(ended) => value!({"terminated": (terminated(ended, now))}),
    };
    let mut status = value!({
        "name": (spec.name.clone()), "image": (spec.image.clone()), "imageID": "",
        "restartCount": (state.restarts), "ready": ready, "started": started,
    });
    status.set_at(&["state"], present);
    if let Some(last) = &state.last {
        status.set_at(
            &["lastState"],
            value!({"terminated": (terminated(last, now))}),
        );
    }
    status
}

fn waiting(reason: &str, message: &str) -> Value {
    let mut waiting = value!({"reason": reason});
    if !message.is_empty() {
        waiting.set_at(&["message"], message.into());
    }
    value!({"waiting": waiting})
}

fn terminated(ended: &Ended, now: Timestamp) -> Value {
    let mut terminated = value!({
        "exitCode": (ended.code), "reason": (ended.reason.clone()),
        "startedAt": (text_of(ended.started)), "finishedAt": (text_of(ended.finished.min(now))),
    });
    if !ended.message.is_empty() {
        terminated.set_at(&["message"], ended.message.clone().into());
    }
    terminated
}

fn conditions(pod: &Value, phase: &str, unready: &[&str], now: Timestamp) -> Vec<Value> {
    let old = pod.at(&["status", "conditions"]).and_then(Value::as_list);
    let mut conditions = old.map(<[Value]>::to_vec).unwrap_or_default();
    for kind in ["PodScheduled", "Initialized"] {
        let condition = Condition {
            kind,
            status: "True",
            reason: "",
            message: "",
        };
        set_plain(&mut conditions, &condition, now);
    }
    let containers = containers_ready(phase, unready);
    let pod_ready = match containers.0 {
        true => gates_ready(pod, &conditions),
        false => containers.clone(),
    };
    for (kind, (is_true, reason, message)) in
        [("ContainersReady", containers), ("Ready", pod_ready)]
    {
        let condition = Condition {
            kind,
            status: if is_true { "True" } else { "False" },
            reason,
            message: &message,
        };
        set_plain(&mut conditions, &condition, now);
    }
    conditions
}

type Readiness = (bool, &'static str, Text);

fn containers_ready(phase: &str, unready: &[&str]) -> Readiness {
    match phase {
        "Succeeded" => (false, "PodCompleted", Text::new()),
        "Failed" => (false, "PodFailed", Text::new()),
        _ if unready.is_empty() => (true, "", Text::new()),
        _ => {
            let message = format!("containers with unready status: [{}]", unready.join(" "));
            (false, "ContainersNotReady", message.into())
        }
    }
}

/// `spec.readinessGates`: conditions that others must have set.
fn gates_ready(pod: &Value, conditions: &[Value]) -> Readiness {
    let gates = pod
        .at(&["spec", "readinessGates"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let closed = gates.iter().find_map(|gate| {
        let kind = gate.str_at(&["conditionType"])?;
        let status = get(conditions, kind).and_then(|it| it.str_at(&["status"]));
        (status != Some("True")).then_some((kind, status))
    });
    let message = match closed {
        None => return (true, "", Text::new()),
        Some((kind, None)) => {
            format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")
        }
        Some((kind, Some(status))) => {
            format!("the status of pod readiness gate \"{kind}\" is not \"True\", but {status}")
        }
    };
    (false, "ReadinessGatesNotReady", message.into())
}
