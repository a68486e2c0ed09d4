//! The primary's Pod template, made from the target's.

use super::TargetKind;
use super::configs::{ConfigRef, visit_references};
use super::discovery::Discovery;
use super::metadata::{map_at, primary_labels, set_map, without_toolkit};
use super::scale::SCALE_TO_ZERO;
use super::snapshot::relevant_part;
use super::view::{PRIMARY_SUFFIX, View, primary_name};
use std::collections::BTreeSet;
use trueup_object::{Map, Text, Value};

/// The annotation whose change makes the primary's Pods be replaced even if
/// only the content of a ConfigMap has changed.
pub(super) const FLAGGER_ID: &str = "flagger-id";

/// Where a Pod's spec says which Pods it keeps away from.
const SPREAD_LISTS: [(&[&str], &[&str]); 3] = [
    (&["topologySpreadConstraints"], &["labelSelector"]),
    (
        &[
            "affinity",
            "podAntiAffinity",
            "preferredDuringSchedulingIgnoredDuringExecution",
        ],
        &["podAffinityTerm", "labelSelector"],
    ),
    (
        &[
            "affinity",
            "podAntiAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ],
        &["labelSelector"],
    ),
];

/// The template of the primary: labels of its own, copies of the tracked
/// ConfigMaps and Secrets, and kept away from itself instead of the target.
pub(super) fn primary_template(
    view: &View<'_>,
    discovery: &Discovery,
    target: &Value,
    tracked: &BTreeSet<ConfigRef>,
    flagger_id: &str,
) -> Value {
    let template = target
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let mut annotations = without_toolkit(map_at(&template, &["metadata", "annotations"]));
    annotations.insert(FLAGGER_ID, flagger_id);
    let labels = primary_labels(
        map_at(&template, &["metadata", "labels"]),
        &discovery.label,
        &discovery.primary_value,
    );
    let mut spec = template.get("spec").cloned().unwrap_or_default();
    spec.remove_at(&["nodeSelector", SCALE_TO_ZERO]);
    rename_configs(&mut spec, tracked);
    let spread = |key: &str, value: &str| is_own_label(view, discovery, key, value);
    each_spread_value(&mut spec, &mut |key, value| {
        if spread(key, value) {
            *value = primary_name(value);
        }
    });
    let mut copy = Value::map();
    copy.set_at(&["metadata", "labels"], labels.into());
    copy.set_at(&["metadata", "annotations"], annotations.into());
    copy.set_at(&["spec"], spec);
    copy
}

fn rename_configs(spec: &mut Value, tracked: &BTreeSet<ConfigRef>) {
    visit_references(spec, &mut |reference, _, name| {
        if tracked.contains(&reference) {
            *name = primary_name(name);
        }
    });
}

/// Whether a label in a rule of spreading means the target's own Pods.
fn is_own_label(view: &View<'_>, discovery: &Discovery, key: &str, value: &str) -> bool {
    let by_name = view
        .options
        .selector_labels
        .iter()
        .any(|label| label == key)
        && value == view.canary.spec.target_ref.name;
    let by_label = key == discovery.label && value == discovery.value;
    by_name || by_label
}

/// Does something to each value that a rule of spreading selects by.
fn each_spread_value(spec: &mut Value, change: &mut dyn FnMut(&str, &mut Text)) {
    for (list, selector) in SPREAD_LISTS {
        let Some(terms) = spec_list(spec, list) else {
            continue;
        };
        for term in terms {
            if let Some(selector) = value_at_mut(term, selector) {
                each_selector_value(selector, change);
            }
        }
    }
}

fn each_selector_value(selector: &mut Value, change: &mut dyn FnMut(&str, &mut Text)) {
    if let Some(Value::Map(labels)) = value_at_mut(selector, &["matchLabels"]) {
        for (key, value) in labels.iter_mut() {
            if let Value::String(text) = value {
                change(key, text);
            }
        }
    }
    for expression in spec_list(selector, &["matchExpressions"]).unwrap_or_default() {
        let key: Text = expression.str_at(&["key"]).unwrap_or_default().into();
        for value in spec_list(expression, &["values"]).unwrap_or_default() {
            if let Value::String(text) = value {
                change(&key, text);
            }
        }
    }
}

/// The value at a path, for changing.
pub(super) fn value_at_mut<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter()
        .try_fold(value, |here, key| here.as_map_mut()?.get_mut(key))
}

/// The items of the list at a path, for changing.
pub(super) fn spec_list<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut [Value]> {
    Some(value_at_mut(value, path)?.as_list_mut()?.make_mut())
}

/// A template without what copying changes, so that target and primary can be
/// compared: it is the same for both exactly where one is a copy of the other.
pub(super) fn origin_template(view: &View<'_>, kind: TargetKind, workload: &Value) -> Value {
    let mut template = relevant_part(kind, workload);
    let mut labels = without_toolkit(map_at(&template, &["metadata", "labels"]));
    labels.retain(|key, _| {
        !view
            .options
            .selector_labels
            .iter()
            .any(|label| label == key)
    });
    let mut annotations: Map = without_toolkit(map_at(&template, &["metadata", "annotations"]));
    annotations.remove(FLAGGER_ID);
    set_map(&mut template, &["metadata", "labels"], labels);
    set_map(&mut template, &["metadata", "annotations"], annotations);
    if let Some(spec) = value_at_mut(&mut template, &["spec"]) {
        visit_references(spec, &mut |_, _, name| strip_suffix(name));
        each_spread_value(spec, &mut |_, value| strip_suffix(value));
    }
    template
}

fn strip_suffix(name: &mut Text) {
    if let Some(stem) = name.strip_suffix(PRIMARY_SUFFIX) {
        *name = stem.into();
    }
}
