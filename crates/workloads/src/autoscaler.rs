//! What a HorizontalPodAutoscaler does where no metrics are served: it keeps
//! its target between the bounds, and says why it can do no more.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Key, Kind};
use crate::conditions::{Condition, get, set_plain, text_of, time_at};
use crate::decide::Setting;
use crate::difference::merge_patch;
use crate::note::Note;
use jiff::{SignedDuration, Timestamp};
use trueup_cluster::LiveObject;
use trueup_object::{GroupVersionKind, Text, Value, value};

const COMPONENT: &str = "horizontal-pod-autoscaler";
/// How often an autoscaler looks at its target.
const RESYNC_S: i64 = 15;
/// What a client says of metrics that no API serves.
const UNSERVED: &str = "the server could not find the requested resource";

/// Decides about one autoscaler.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let mut state = State {
        live,
        setting,
        status: live
            .value()
            .get("status")
            .cloned()
            .unwrap_or_else(Value::map),
        notes: Vec::new(),
    };
    if let Some(rests_until) = rests_until(live, setting.now) {
        return Decision {
            actions: Vec::new(),
            wake_at: Some(rests_until),
        };
    }
    let write = match target(live, cache) {
        Ok(target) => state.scale(target),
        Err(why) => {
            state.warn("FailedGetScale", &why);
            let message =
                format!("the HPA controller was unable to get the target's current scale: {why}");
            state.set("AbleToScale", "False", "FailedGetScale", &message);
            None
        }
    };
    let old = live
        .value()
        .get("status")
        .cloned()
        .unwrap_or_else(Value::map);
    let mut decision = Decision::nothing();
    decision.actions.extend(write);
    if let Some(patch) = merge_patch(&old, &state.status) {
        // What was said is told anew only when it has changed.
        decision
            .actions
            .extend(state.notes.into_iter().map(Action::Tell));
        decision.actions.push(Action::merge_status(live, patch));
    }
    decision
}

/// After a change of scale nothing is looked at for a while.
fn rests_until(live: &LiveObject, now: Timestamp) -> Option<Timestamp> {
    let conditions = live.value().at(&["status", "conditions"])?.as_list()?;
    get(conditions, "AbleToScale")
        .filter(|it| it.str_at(&["reason"]) == Some("SucceededRescale"))?;
    let scaled = time_at(live.value(), &["status", "lastScaleTime"])?;
    let until = scaled
        .checked_add(SignedDuration::from_secs(RESYNC_S))
        .ok()?;
    (until > now).then_some(until)
}

/// The scaled object; an error in the words of a client that asks for its
/// scale.
fn target<'a>(live: &LiveObject, cache: &'a Cache) -> Result<&'a LiveObject, String> {
    let text = |key| {
        live.value()
            .str_at(&["spec", "scaleTargetRef", key])
            .unwrap_or_default()
    };
    let (api_version, kind, name) = (text("apiVersion"), text("kind"), text("name"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let resource = match (group, kind) {
        ("apps", "Deployment") => "deployments.apps",
        ("apps", "ReplicaSet") => "replicasets.apps",
        ("apps", "StatefulSet") => "statefulsets.apps",
        ("apps", "DaemonSet") | ("batch", "Job") | ("", "Pod") => return Err(UNSERVED.to_owned()),
        _ => return Err(format!("no matches for kind {kind:?} in group {group:?}")),
    };
    let key = Key {
        kind: Kind::of(&GroupVersionKind::new("apps/v1", kind)).ok_or(UNSERVED)?,
        namespace: live.namespace().clone(),
        name: name.into(),
    };
    cache
        .get(&key)
        .ok_or_else(|| format!("{resource} {name:?} not found"))
}

struct State<'a> {
    live: &'a LiveObject,
    setting: &'a Setting,
    status: Value,
    notes: Vec<Note>,
}

impl State<'_> {
    fn warn(&mut self, reason: &str, message: &str) {
        self.notes
            .push(Note::warning(COMPONENT, self.live, reason, message));
    }

    fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let listed = self.status.get("conditions").and_then(Value::as_list);
        let mut conditions = listed.unwrap_or_default().to_vec();
        let condition = Condition {
            kind,
            status,
            reason,
            message,
        };
        set_plain(&mut conditions, &condition, self.setting.now);
        self.status.set_at(&["conditions"], conditions.into());
    }

    fn set_replicas(&mut self, current: i64, desired: i64) {
        for (key, count) in [("currentReplicas", current), ("desiredReplicas", desired)] {
            if count == 0 && key == "currentReplicas" {
                self.status.remove_at(&[key]);
            } else {
                self.status.set_at(&[key], count.into());
            }
        }
    }

    /// Brings the target between the bounds; its write, if it needs one.
    fn scale(&mut self, target: &LiveObject) -> Option<Action> {
        let wanted = |key| self.live.value().i64_at(&["spec", key]);
        let (least, most) = (
            wanted("minReplicas").unwrap_or(1),
            wanted("maxReplicas").unwrap_or(1),
        );
        let current = target.value().i64_at(&["spec", "replicas"]).unwrap_or(1);
        let (desired, why) = match current {
            0 => {
                self.get_scale();
                let message = "scaling is disabled since the replica count of the target is zero";
                self.set("ScalingActive", "False", "ScalingDisabled", message);
                self.set_replicas(0, 0);
                return None;
            }
            current if current > most => {
                (most, "Current number of replicas above Spec.MaxReplicas")
            }
            current if current < least => {
                (least, "Current number of replicas below Spec.MinReplicas")
            }
            current => {
                self.miss_metrics(current);
                return None;
            }
        };
        let message =
            format!("the HPA controller was able to update the target scale to {desired}");
        self.set("AbleToScale", "True", "SucceededRescale", &message);
        self.set_replicas(current, desired);
        self.status.remove_at(&["currentMetrics"]);
        let now = text_of(self.setting.now);
        self.status.set_at(&["lastScaleTime"], now.into());
        let told = format!("New size: {desired}; reason: {why}");
        let note = Note::normal(COMPONENT, self.live, "SuccessfulRescale", told);
        let write = Action::Scale {
            reference: target.reference().clone(),
            resource_version: target.resource_version().clone(),
            replicas: desired,
        };
        Some(write.told(note))
    }

    fn get_scale(&mut self) {
        let message = "the HPA controller was able to get the target's current scale";
        self.set("AbleToScale", "True", "SucceededGetScale", message);
    }

    /// Says that no metric can be had.
    fn miss_metrics(&mut self, current: i64) {
        self.get_scale();
        let listed = self
            .live
            .value()
            .at(&["spec", "metrics"])
            .and_then(Value::as_list);
        let metrics = listed.unwrap_or_default().to_vec();
        let Some(first) = metrics.first() else {
            return;
        };
        let missed = missed(self.live, first);
        for metric in &metrics {
            let missed = self::missed(self.live, metric);
            self.warn(missed.reason, &missed.why);
        }
        let message = format!(
            "the HPA was unable to compute the replica count: {}",
            missed.why
        );
        self.set("ScalingActive", "False", missed.reason, &message);
        let count = metrics.len();
        let all = format!(
            "invalid metrics ({count} invalid out of {count}), first error is: {}: {}",
            missed.what, missed.why
        );
        self.warn("FailedComputeMetricsReplicas", &all);
        let desired = self.status.i64_at(&["desiredReplicas"]).unwrap_or_default();
        self.set_replicas(current, desired);
        self.status.set_at(
            &["currentMetrics"],
            metrics.iter().map(|_| value!({"type": ""})).collect(),
        );
    }
}

/// Why a metric can't be had.
struct Missed {
    reason: &'static str,
    what: String,
    why: String,
}

fn missed(live: &LiveObject, metric: &Value) -> Missed {
    let text = |path: &[&str]| metric.str_at(path).unwrap_or_default();
    let fetch =
        |api: &str, why: &str| format!("unable to fetch metrics from {api} metrics API: {why}");
    let resource = |source: &str| {
        let name = text(&[source, "name"]);
        let why = fetch("resource", &format!("{UNSERVED} (get pods.metrics.k8s.io)"));
        let why = format!("unable to get metrics for resource {name}: {why}");
        match text(&[source, "target", "type"]) {
            "Utilization" => format!("failed to get {name} utilization: {why}"),
            _ => format!("failed to get {name} usage: {why}"),
        }
    };
    let none = "no custom metrics API (custom.metrics.k8s.io) registered";
    match text(&["type"]) {
        "Resource" => Missed {
            reason: "FailedGetResourceMetric",
            what: format!(
                "failed to get {} resource metric value",
                text(&["resource", "name"])
            ),
            why: resource("resource"),
        },
        "ContainerResource" => Missed {
            reason: "FailedGetContainerResourceMetric",
            what: format!(
                "failed to get {} container metric value",
                text(&["containerResource", "container"])
            ),
            why: resource("containerResource"),
        },
        "Pods" => {
            let name = text(&["pods", "metric", "name"]);
            let why = fetch("custom", none);
            Missed {
                reason: "FailedGetPodsMetric",
                what: "failed to get pods metric value".to_owned(),
                why: format!("unable to get metric {name}: {why}"),
            }
        }
        "External" => {
            let name = text(&["external", "metric", "name"]);
            let why = fetch(
                "external",
                &format!("{UNSERVED} (get {name}.external.metrics.k8s.io)"),
            );
            let place = format!("{}/{name}/nil", live.namespace());
            Missed {
                reason: "FailedGetExternalMetric",
                what: format!("failed to get {name} external metric value"),
                why: format!("unable to get external metric {place}: {why}"),
            }
        }
        _ => {
            let name = text(&["object", "metric", "name"]);
            let object: Text = format!(
                "{} on {} {}",
                live.namespace(),
                text(&["object", "describedObject", "kind"]),
                text(&["object", "describedObject", "name"])
            )
            .into();
            let why = fetch("custom", none);
            Missed {
                reason: "FailedGetObjectMetric",
                what: "failed to get object metric value".to_owned(),
                why: format!("unable to get metric {name}: {object}/{why}"),
            }
        }
    }
}
