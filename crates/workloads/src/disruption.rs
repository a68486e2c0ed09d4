//! How many Pods a PodDisruptionBudget can spare.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::{get, text_of, time_at};
use crate::decide::Setting;
use crate::difference::merge_patch;
use crate::interest::selector_of;
use crate::note::Note;
use crate::pods::is_ready;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

const COMPONENT: &str = "controllermanager";
const ALLOWED: &str = "DisruptionAllowed";
/// How long an evicted Pod may take to go before it counts again.
const DELETION_S: i64 = 120;

/// How many Pods there should be, and how many of them healthy.
struct Expected {
    pods: i64,
    healthy: i64,
}

/// Evicted Pods that have not gone yet, and when the first counts again.
struct Disrupted {
    pods: Map,
    recheck_at: Option<Timestamp>,
}

/// Decides about one budget.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let selector = selector_of(live);
    let pods: Vec<&LiveObject> = cache
        .in_namespace(Kind::Pod, live.namespace())
        .map(|(_, pod)| pod)
        .filter(|pod| selector.matches(pod.labels()))
        .collect();
    let old = live
        .value()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    let (status, wake_at) = match expected(live.value(), &pods, cache) {
        Ok(expected) => {
            let disrupted = disrupted(live.value(), &pods, setting.now);
            let wake_at = disrupted.recheck_at;
            (
                status(live, &pods, &expected, disrupted, setting.now),
                wake_at,
            )
        }
        Err(why) => (failed(live, &why, setting.now), None),
    };
    let mut decision = Decision {
        actions: Vec::new(),
        wake_at,
    };
    if let Some(patch) = merge_patch(&old, &status) {
        let write = Action::merge_status(live, patch);
        decision.actions.push(if pods.is_empty() {
            write.told(Note::normal(
                COMPONENT,
                live,
                "NoPods",
                "No matching pods found",
            ))
        } else {
            write
        });
    }
    decision
}

/// What a budget expects; an error where nobody can tell how many Pods there
/// should be.
fn expected(budget: &Value, pods: &[&LiveObject], cache: &Cache) -> Result<Expected, String> {
    let bound = |key| budget.at(&["spec", key]);
    if let Some(most) = bound("maxUnavailable") {
        let scale = scale(pods, cache)?;
        let healthy = (scale - share(most, scale)).max(0);
        return Ok(Expected {
            pods: scale,
            healthy,
        });
    }
    match bound("minAvailable") {
        None => Ok(Expected {
            pods: 0,
            healthy: 0,
        }),
        Some(Value::Integer(least)) => Ok(Expected {
            pods: i64::try_from(pods.len()).unwrap_or(i64::MAX),
            healthy: *least,
        }),
        Some(least) => {
            let scale = scale(pods, cache)?;
            Ok(Expected {
                pods: scale,
                healthy: share(least, scale),
            })
        }
    }
}

/// A number, or a percentage of a number, rounded up.
fn share(bound: &Value, of: i64) -> i64 {
    let percent = bound
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
    match (bound, percent) {
        (Value::Integer(number), _) => *number,
        (_, Some(percent)) => {
            (percent * of).div_euclid(100) + i64::from((percent * of).rem_euclid(100) != 0)
        }
        _ => 0,
    }
}

/// How many Pods the controllers of these Pods want in all. Pods without a
/// controller do not count.
fn scale(pods: &[&LiveObject], cache: &Cache) -> Result<i64, String> {
    let mut scales: BTreeMap<Text, i64> = BTreeMap::new();
    for pod in pods {
        let owners = pod
            .value()
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_list);
        let is_controller =
            |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
        let Some(owner) = owners.unwrap_or_default().iter().find(is_controller) else {
            continue;
        };
        let (uid, scale) = scale_of(owner, pod, cache)?;
        scales.insert(uid, scale);
    }
    Ok(scales.into_values().sum())
}

/// The uid and the replicas of the controller of a Pod, or of the Deployment
/// above it.
fn scale_of(owner: &Value, pod: &LiveObject, cache: &Cache) -> Result<(Text, i64), String> {
    let kind = owner.str_at(&["kind"]).unwrap_or_default();
    let scales_not = match kind {
        "DaemonSet" => Some("daemonsets.apps"),
        "Job" => Some("jobs.batch"),
        _ => None,
    };
    if let Some(resource) = scales_not {
        return Err(format!(
            "{resource} does not implement the scale subresource"
        ));
    }
    let unknown = || format!("found no controllers for pod {:?}", pod.name());
    let mut key = cache.controller_of(pod).cloned().ok_or_else(unknown)?;
    if let Some(above) = cache.get(&key).and_then(|it| cache.controller_of(it)) {
        key = above.clone();
    }
    let controller = cache.get(&key).ok_or_else(unknown)?;
    let replicas = controller
        .value()
        .i64_at(&["spec", "replicas"])
        .unwrap_or(1);
    Ok((controller.uid().clone(), replicas))
}

fn disrupted(budget: &Value, pods: &[&LiveObject], now: Timestamp) -> Disrupted {
    let mut disrupted = Disrupted {
        pods: Map::new(),
        recheck_at: None,
    };
    let known = budget
        .at(&["status", "disruptedPods"])
        .unwrap_or(&Value::Null);
    for pod in pods.iter().filter(|pod| pod.deletion_timestamp().is_none()) {
        let Some(due) = time_at(known, &[pod.name()])
            .and_then(|time| time.checked_add(SignedDuration::from_secs(DELETION_S)).ok())
            .filter(|due| *due >= now)
        else {
            continue;
        };
        let first = disrupted.recheck_at.map_or(due, |first| first.min(due));
        disrupted.recheck_at = Some(first);
        disrupted.pods.insert(
            pod.name().clone(),
            known.get(pod.name()).cloned().unwrap_or_default(),
        );
    }
    disrupted
}

fn status(
    live: &LiveObject,
    pods: &[&LiveObject],
    expected: &Expected,
    disrupted: Disrupted,
    now: Timestamp,
) -> Value {
    let healthy = pods
        .iter()
        .filter(|pod| pod.deletion_timestamp().is_none() && is_ready(pod.value()))
        .filter(|pod| !disrupted.pods.contains_key(pod.name()))
        .count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    let spare = if expected.pods > 0 {
        (healthy - expected.healthy).max(0)
    } else {
        0
    };
    let condition = match spare {
        0 => ("False", "InsufficientPods"),
        _ => ("True", "SufficientPods"),
    };
    let mut status = value!({
        "observedGeneration": (live.generation()),
        "disruptionsAllowed": spare,
        "currentHealthy": healthy,
        "desiredHealthy": (expected.healthy),
        "expectedPods": (expected.pods),
    });
    if !disrupted.pods.is_empty() {
        status.set_at(&["disruptedPods"], disrupted.pods.into());
    }
    let conditions = conditions(live, condition, "", live.generation(), now);
    status.set_at(&["conditions"], conditions.into());
    status
}

/// Where the Pods can't be counted nothing is allowed.
fn failed(live: &LiveObject, why: &str, now: Timestamp) -> Value {
    let mut status = live
        .value()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    status.set_at(&["disruptionsAllowed"], 0.into());
    let observed = status.i64_at(&["observedGeneration"]).unwrap_or_default();
    let conditions = conditions(live, ("False", "SyncFailed"), why, observed, now);
    status.set_at(&["conditions"], conditions.into());
    status
}

fn conditions(
    live: &LiveObject,
    (status, reason): (&str, &str),
    message: &str,
    observed: i64,
    now: Timestamp,
) -> Vec<Value> {
    let listed = live
        .value()
        .at(&["status", "conditions"])
        .and_then(Value::as_list);
    let mut conditions = listed.unwrap_or_default().to_vec();
    let since = get(&conditions, ALLOWED)
        .filter(|known| known.str_at(&["status"]) == Some(status))
        .and_then(|known| known.str_at(&["lastTransitionTime"]))
        .map_or_else(|| text_of(now), Text::from);
    let mut condition = value!({
        "type": ALLOWED, "status": status, "lastTransitionTime": since,
        "reason": reason, "message": message,
    });
    if observed != 0 {
        condition.set_at(&["observedGeneration"], observed.into());
    }
    match conditions
        .iter_mut()
        .find(|it| it.str_at(&["type"]) == Some(ALLOWED))
    {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
    conditions
}
