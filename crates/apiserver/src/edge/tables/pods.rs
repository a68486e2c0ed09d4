//! The table of Pods: one word for what a Pod is doing.

use super::age::human_duration;
use super::cells::{NONE, age, condition_is_true, list, name, number, text_or};
use jiff::Timestamp;
use trueup_object::{Value, value};

/// The condition that the row of a finished Pod carries.
pub fn row_conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match pod.str_at(&["status", "phase"])? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(value!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

/// The cells of a Pod.
pub fn pod(pod: &Value, now: Timestamp) -> Vec<Value> {
    let state = State::of(pod);
    let restarts = match state.last_restart {
        Some(last) if state.restarts != 0 => {
            format!(
                "{} ({} ago)",
                state.restarts,
                human_duration(now.as_second() - last.as_second())
            )
        }
        _ => state.restarts.to_string(),
    };
    vec![
        name(pod),
        format!("{}/{}", state.ready, total_containers(pod)).into(),
        state.reason.into(),
        restarts.into(),
        age(pod, now),
        pod_ip(pod),
        text_or(pod, &["spec", "nodeName"], NONE),
        text_or(pod, &["status", "nominatedNodeName"], NONE),
        readiness_gates(pod).into(),
    ]
}

fn pod_ip(pod: &Value) -> Value {
    let first = list(pod, &["status", "podIPs"])
        .first()
        .and_then(|it| it.str_at(&["ip"]));
    first
        .or_else(|| pod.str_at(&["status", "podIP"]))
        .filter(|ip| !ip.is_empty())
        .unwrap_or(NONE)
        .into()
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(pod, &["spec", "readinessGates"]);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open = |gate: &&Value| {
        gate.str_at(&["conditionType"])
            .is_some_and(|kind| condition_is_true(pod, kind))
    };
    format!("{}/{}", gates.iter().filter(open).count(), gates.len())
}

/// Containers and the init containers that keep running beside them.
fn total_containers(pod: &Value) -> usize {
    let beside = list(pod, &["spec", "initContainers"])
        .iter()
        .filter(|it| restartable(it))
        .count();
    list(pod, &["spec", "containers"]).len() + beside
}

fn restartable(container: &Value) -> bool {
    container.str_at(&["restartPolicy"]) == Some("Always")
}

/// What the statuses of a Pod's containers add up to.
struct State {
    reason: String,
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl State {
    fn of(pod: &Value) -> Self {
        let mut state = Self {
            reason: phase_reason(pod),
            ready: 0,
            restarts: 0,
            last_restart: None,
        };
        let mut beside = Self {
            reason: String::new(),
            ready: 0,
            restarts: 0,
            last_restart: None,
        };
        let initializing = state.read_init_containers(pod, &mut beside);
        if !initializing || condition_is_true(pod, "Initialized") {
            state.restarts = beside.restarts;
            state.last_restart = beside.last_restart;
            state.read_containers(pod);
        }
        if let Some(reason) = deletion_reason(pod) {
            reason.clone_into(&mut state.reason);
        }
        state
    }

    fn count_restarts(&mut self, status: &Value) {
        self.restarts += number(status, &["restartCount"]);
        let finished = status.str_at(&["lastState", "terminated", "finishedAt"]);
        let finished = finished.and_then(|time| time.parse::<Timestamp>().ok());
        self.last_restart = self.last_restart.max(finished);
    }

    /// Whether the Pod is still in its init containers. Restarts of those
    /// that keep running are counted in `beside` too.
    fn read_init_containers(&mut self, pod: &Value, beside: &mut Self) -> bool {
        let containers = list(pod, &["spec", "initContainers"]);
        for (index, status) in list(pod, &["status", "initContainerStatuses"])
            .iter()
            .enumerate()
        {
            self.count_restarts(status);
            let named =
                |container: &&Value| container.str_at(&["name"]) == status.str_at(&["name"]);
            let keeps_running = containers.iter().find(named).is_some_and(restartable);
            if keeps_running {
                beside.count_restarts(status);
            }
            if status.i64_at(&["state", "terminated", "exitCode"]) == Some(0) {
                continue;
            }
            if keeps_running && status.get("started").and_then(Value::as_bool) == Some(true) {
                self.ready +=
                    usize::from(status.get("ready").and_then(Value::as_bool) == Some(true));
                continue;
            }
            self.reason = init_reason(status, index, containers.len());
            return true;
        }
        false
    }

    fn read_containers(&mut self, pod: &Value) {
        let mut running = false;
        for status in list(pod, &["status", "containerStatuses"]).iter().rev() {
            self.count_restarts(status);
            if let Some(reason) = status
                .str_at(&["state", "waiting", "reason"])
                .filter(|it| !it.is_empty())
            {
                reason.clone_into(&mut self.reason);
            } else if let Some(terminated) = status.at(&["state", "terminated"]) {
                self.reason = terminated_reason(terminated);
            } else if status.get("ready").and_then(Value::as_bool) == Some(true)
                && status.at(&["state", "running"]).is_some()
            {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && running {
            let word = if condition_is_true(pod, "Ready") {
                "Running"
            } else {
                "NotReady"
            };
            word.clone_into(&mut self.reason);
        }
    }
}

fn phase_reason(pod: &Value) -> String {
    let scheduled = list(pod, &["status", "conditions"])
        .iter()
        .find(|it| it.str_at(&["type"]) == Some("PodScheduled"));
    if scheduled.and_then(|it| it.str_at(&["reason"])) == Some("SchedulingGated") {
        return "SchedulingGated".to_owned();
    }
    let own = pod
        .str_at(&["status", "reason"])
        .filter(|it| !it.is_empty());
    own.or_else(|| pod.str_at(&["status", "phase"]))
        .unwrap_or_default()
        .to_owned()
}

fn init_reason(status: &Value, index: usize, total: usize) -> String {
    if let Some(terminated) = status.at(&["state", "terminated"]) {
        return format!("Init:{}", terminated_reason(terminated));
    }
    match status.str_at(&["state", "waiting", "reason"]) {
        Some(reason) if !reason.is_empty() && reason != "PodInitializing" => {
            format!("Init:{reason}")
        }
        _ => format!("Init:{index}/{total}"),
    }
}

fn terminated_reason(terminated: &Value) -> String {
    match terminated.str_at(&["reason"]).filter(|it| !it.is_empty()) {
        Some(reason) => reason.to_owned(),
        None => match number(terminated, &["signal"]) {
            0 => format!("ExitCode:{}", number(terminated, &["exitCode"])),
            signal => format!("Signal:{signal}"),
        },
    }
}

fn deletion_reason(pod: &Value) -> Option<&'static str> {
    pod.at(&["metadata", "deletionTimestamp"])?;
    if pod.str_at(&["status", "reason"]) == Some("NodeLost") {
        return Some("Unknown");
    }
    let finished = matches!(
        pod.str_at(&["status", "phase"]),
        Some("Succeeded" | "Failed")
    );
    (!finished).then_some("Terminating")
}
