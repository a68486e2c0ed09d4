//! One object in several versions of its API.

use super::outcome::ObjectBody;
use super::registry::{Custom, Resource};
use super::store::Stored;
use std::sync::Arc;
use trueup_object::{EcoVec, GroupVersionKind, Text, Value, value};
use trueup_schema::{Schemas, Type, Versions};

/// A stored object in the version of a row; shares the bytes where nothing
/// needs converting.
#[must_use]
pub fn body(stored: Arc<Stored>, resource: &Resource) -> ObjectBody {
    let version = resource.api_version();
    let same = stored.value().str_at(&["apiVersion"]) == Some(&version);
    match &resource.custom {
        None if same => return ObjectBody::Stored(stored),
        Some(custom) if same && stored.is_settled_by(custom.id) => {
            return ObjectBody::Stored(stored);
        }
        Some(custom) if same => {
            let mut object = stored.value().clone();
            custom.schema.apply_defaults(&mut object);
            if object == *stored.value() {
                stored.settle_by(custom.id);
                return ObjectBody::Stored(stored);
            }
            return ObjectBody::Made(object);
        }
        _ => {}
    }
    ObjectBody::Made(convert(
        stored.value(),
        &version,
        resource.custom.as_deref(),
    ))
}

/// An object in another `apiVersion` of its group (or, for events, of the
/// other group that serves them).
#[must_use]
pub fn convert(object: &Value, api_version: &str, custom: Option<&Custom>) -> Value {
    let from = object.str_at(&["apiVersion"]).unwrap_or("");
    if from == api_version {
        let mut object = object.clone();
        if let Some(custom) = custom {
            custom.schema.apply_defaults(&mut object);
        }
        return object;
    }
    let mut object = match (from, api_version) {
        ("autoscaling/v2", "autoscaling/v1") => scaler_to_v1(object),
        ("autoscaling/v1", "autoscaling/v2") => scaler_to_v2(object),
        ("v1", "events.k8s.io/v1") => rename(object, &EVENT_NAMES, Direction::There),
        ("events.k8s.io/v1", "v1") => rename(object, &EVENT_NAMES, Direction::Back),
        _ => object.clone(),
    };
    object.set_at(&["apiVersion"], api_version.into());
    if let Some(custom) = custom {
        custom.schema.apply_defaults(&mut object);
    }
    object
}

/// Fields of core events and their names in events.k8s.io.
const EVENT_NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

enum Direction {
    There,
    Back,
}

fn rename(object: &Value, names: &[(&str, &str)], direction: Direction) -> Value {
    let mut object = object.clone();
    for (there, back) in names {
        let (from, to) = match direction {
            Direction::There => (there, back),
            Direction::Back => (back, there),
        };
        if let Some(moved) = object.remove_at(&[from]) {
            object.set_at(&[to], moved);
        }
    }
    object
}

const METRICS_ANNOTATION: &str = "autoscaling.alpha.kubernetes.io/metrics";

/// A v2 autoscaler as v1 sees it: the CPU metric is a field, others are in an
/// annotation.
fn scaler_to_v1(object: &Value) -> Value {
    let mut object = object.clone();
    let metrics = object.remove_at(&["spec", "metrics"]);
    let mut others: EcoVec<Value> = EcoVec::new();
    for metric in metrics
        .as_ref()
        .and_then(Value::as_list)
        .unwrap_or_default()
    {
        let cpu = metric.str_at(&["resource", "name"]) == Some("cpu");
        match metric.at(&["resource", "target", "averageUtilization"]) {
            Some(percentage) if cpu => object.set_at(
                &["spec", "targetCPUUtilizationPercentage"],
                percentage.clone(),
            ),
            _ => others.push(metric.clone()),
        }
    }
    if !others.is_empty() {
        let text =
            String::from_utf8_lossy(&trueup_object::to_json(&Value::List(others))).into_owned();
        object.set_at(
            &["metadata", "annotations", METRICS_ANNOTATION],
            text.into(),
        );
    }
    object.remove_at(&["spec", "behavior"]);
    let current = object.remove_at(&["status", "currentMetrics"]);
    object.remove_at(&["status", "conditions"]);
    let _ = current;
    if object.get("status").is_some() && object.at(&["status", "currentReplicas"]).is_none() {
        object.set_at(&["status", "currentReplicas"], 0.into());
    }
    object
}

fn scaler_to_v2(object: &Value) -> Value {
    let mut object = object.clone();
    let mut metrics: EcoVec<Value> = EcoVec::new();
    if let Some(percentage) = object.remove_at(&["spec", "targetCPUUtilizationPercentage"]) {
        metrics.push(value!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percentage}},
        }));
    }
    if let Some(text) = object.remove_at(&["metadata", "annotations", METRICS_ANNOTATION])
        && let Some(Value::List(others)) = text
            .as_str()
            .and_then(|text| trueup_object::from_json(text.as_bytes()).ok())
    {
        metrics.extend(others);
    }
    if object
        .at(&["metadata", "annotations"])
        .and_then(Value::as_map)
        .is_some_and(|map| map.is_empty())
    {
        object.remove_at(&["metadata", "annotations"]);
    }
    if !metrics.is_empty() {
        object.set_at(&["spec", "metrics"], Value::List(metrics));
    }
    object
}

/// The versions of one resource, for owners that wrote in another one.
#[derive(Debug)]
pub struct ResourceVersions<'a>(pub &'a Resource);

impl Versions for ResourceVersions<'_> {
    fn convert(&self, object: &Value, api_version: &str) -> Option<(Value, Type)> {
        let typ = match &self.0.custom {
            Some(custom) => custom_type(custom, &self.0.group, api_version)?,
            None => {
                Schemas::builtin().type_for(&GroupVersionKind::new(api_version, &self.0.kind))?
            }
        };
        Some((convert(object, api_version, None), typ))
    }
}

fn custom_type(custom: &Custom, group: &str, api_version: &str) -> Option<Type> {
    let version: Text = api_version.strip_prefix(group)?.strip_prefix('/')?.into();
    custom
        .types
        .iter()
        .find(|(name, _)| *name == version)
        .map(|(_, typ)| typ.clone())
}
