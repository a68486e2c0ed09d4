//! What the simulated node does with a Pod.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Key, Kind};
use crate::conditions::{Condition, changes, set_plain, text_of, time_at};
use crate::decide::Setting;
use crate::options::{BROKEN_TAG, FAIL_ANNOTATION};
use crate::placement::{Fit, fit};
use crate::pods::{is_ended, phase};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

/// What becomes of a Pod once its time has come.
enum Fate {
    /// Runs, ready.
    Ready,
    /// Runs once and ends well: a Pod of a Job.
    Succeeds,
    /// Never starts; the reason is shown.
    Waits(Text),
    /// Runs once and ends badly: a failing Pod of a Job.
    Fails,
}

/// Decides about one Pod: binds it, starts it, ends it.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let pod = live.value();
    let node = pod.str_at(&["spec", "nodeName"]).unwrap_or_default();
    if node.is_empty() {
        return place(live, cache, setting);
    }
    let processes = setting.processes.as_ref();
    if node != setting.node_name || processes.is_some_and(|it| it.takes(pod)) {
        return Decision::nothing();
    }
    if live.deletion_timestamp().is_some() {
        let finish = Action::Finish {
            reference: live.reference().clone(),
            uid: live.uid().clone(),
        };
        return Decision {
            actions: vec![finish],
            wake_at: None,
        };
    }
    if is_ended(pod) {
        return Decision::nothing();
    }
    run(live, &fate_of(live, cache), setting)
}

/// Binds a Pod without a node, unless it is being deleted, held by a gate, or
/// does not fit the simulated node.
fn place(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let gated = live
        .value()
        .at(&["spec", "schedulingGates"])
        .and_then(Value::as_list)
        .is_some_and(|gates| !gates.is_empty());
    let node = cache.get(&Key {
        kind: Kind::Node,
        namespace: Text::new(),
        name: setting.node_name.clone(),
    });
    let spec = live.value().get("spec").cloned().unwrap_or_default();
    let fits = node.is_none_or(|node| fit(&spec, node) == Fit::Runs);
    if live.deletion_timestamp().is_some() || gated || !fits {
        return Decision::nothing();
    }
    let bind = Action::Bind {
        reference: live.reference().clone(),
        node: setting.node_name.clone(),
    };
    Decision {
        actions: vec![bind],
        wake_at: None,
    }
}

fn run(live: &LiveObject, fate: &Fate, setting: &Setting) -> Decision {
    let pod = live.value();
    let started = time_at(pod, &["status", "startTime"]);
    let due = setting.ready_at(live);
    let mut decision = Decision::nothing();
    let status = if due > setting.now {
        decision.wake(Some(due));
        // Shown as starting, once.
        started
            .is_none()
            .then(|| waiting(live, "ContainerCreating", setting.now))
    } else {
        match fate {
            Fate::Waits(reason) => Some(waiting(live, reason, started.unwrap_or(setting.now))),
            Fate::Succeeds | Fate::Fails => Some(ended(
                live,
                fate,
                started.unwrap_or(setting.now),
                setting.now,
            )),
            Fate::Ready if phase(pod) == "Running" => None,
            Fate::Ready => Some(running(live, started.unwrap_or(setting.now), setting.now)),
        }
    };
    if let Some(status) = status.and_then(|status| changes(pod.get("status"), &status)) {
        decision.actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    decision
}

fn fate_of(live: &LiveObject, cache: &Cache) -> Fate {
    let job = cache
        .controller_of(live)
        .is_some_and(|key| key.kind == Kind::Job)
        || owner_kind(live.value()) == Some("Job");
    match (failure_of(live), job) {
        (Some(_), true) => Fate::Fails,
        (None, true) => Fate::Succeeds,
        (Some(reason), false) => Fate::Waits(reason),
        (None, false) => Fate::Ready,
    }
}

fn owner_kind(pod: &Value) -> Option<&str> {
    pod.at(&["metadata", "ownerReferences"])?
        .as_list()?
        .first()?
        .str_at(&["kind"])
}

/// Why a Pod can't run, by its annotation or by the tag of an image.
fn failure_of(live: &LiveObject) -> Option<Text> {
    if let Some(reason) = live
        .annotation(FAIL_ANNOTATION)
        .filter(|reason| !reason.is_empty())
    {
        return Some(reason.into());
    }
    let broken = |container: &Value| {
        let image = container.str_at(&["image"]).unwrap_or_default();
        image
            .rsplit_once(':')
            .is_some_and(|(_, tag)| tag == BROKEN_TAG)
    };
    containers(live.value())
        .iter()
        .any(broken)
        .then(|| "ImagePullBackOff".into())
}

fn containers(pod: &Value) -> &[Value] {
    pod.at(&["spec", "containers"])
        .and_then(Value::as_list)
        .unwrap_or_default()
}

fn waiting(live: &LiveObject, reason: &str, started: Timestamp) -> Value {
    let state = match reason {
        "ContainerCreating" => value!({"waiting": {"reason": reason}}),
        "ImagePullBackOff" | "ErrImagePull" => {
            value!({"waiting": {"reason": reason, "message": "Back-off pulling image (simulated)"}})
        }
        _ => value!({"waiting": {"reason": reason, "message": "simulated"}}),
    };
    status(live, "Pending", &state, "False", started, started)
}

fn running(live: &LiveObject, started: Timestamp, now: Timestamp) -> Value {
    let state = value!({"running": {"startedAt": (text_of(now))}});
    let mut status = status(live, "Running", &state, "True", started, now);
    let ip = pod_ip(live.uid());
    status.set_at(&["podIP"], ip.clone().into());
    status.set_at(&["podIPs"], value!([{"ip": ip}]));
    status
}

fn ended(live: &LiveObject, fate: &Fate, started: Timestamp, now: Timestamp) -> Value {
    let (phase, reason, code) = match fate {
        Fate::Fails => ("Failed", "Error", 1),
        _ => ("Succeeded", "Completed", 0),
    };
    let state = value!({"terminated": {
        "reason": reason, "exitCode": code, "startedAt": (text_of(started)), "finishedAt": (text_of(now)),
    }});
    status(live, phase, &state, "False", started, now)
}

/// A whole status: phase, conditions, the same state for every container.
fn status(
    live: &LiveObject,
    phase: &str,
    state: &Value,
    ready: &str,
    started: Timestamp,
    now: Timestamp,
) -> Value {
    let old = live
        .value()
        .at(&["status", "conditions"])
        .and_then(Value::as_list);
    let mut conditions = old.map(<[Value]>::to_vec).unwrap_or_default();
    let reason = match (ready, phase) {
        ("True", _) => "",
        (_, "Succeeded") => "PodCompleted",
        (_, "Failed") => "PodFailed",
        _ => "ContainersNotReady",
    };
    let initialized = Condition {
        kind: "Initialized",
        status: "True",
        reason: "",
        message: "",
    };
    let scheduled = Condition {
        kind: "PodScheduled",
        status: "True",
        reason: "",
        message: "",
    };
    set_plain(&mut conditions, &scheduled, now);
    set_plain(&mut conditions, &initialized, now);
    for kind in ["ContainersReady", "Ready"] {
        set_plain(
            &mut conditions,
            &Condition {
                kind,
                status: ready,
                reason,
                message: "",
            },
            now,
        );
    }
    let statuses: Vec<Value> = containers(live.value())
        .iter()
        .map(|container| container_status(container, state, ready))
        .collect();
    value!({
        "phase": phase,
        "observedGeneration": (live.generation()),
        "startTime": (text_of(started)),
        "hostIP": "10.0.0.1",
        "conditions": conditions,
        "containerStatuses": statuses,
    })
}

fn container_status(container: &Value, state: &Value, ready: &str) -> Value {
    let text = |key| Text::from(container.str_at(&[key]).unwrap_or_default());
    let ready = ready == "True";
    let mut status = value!({
        "name": (text("name")), "image": (text("image")), "imageID": "", "restartCount": 0,
        "ready": ready, "started": ready,
    });
    status.set_at(&["state"], state.clone());
    status
}

/// An address that stands for the Pod; nothing listens there.
pub(crate) fn pod_ip(uid: &str) -> Text {
    let digest = Sha256::digest(uid.as_bytes());
    format!("10.244.{}.{}", digest[0], digest[1].clamp(1, 254)).into()
}
