//! Copies of a `ScaledObject` (KEDA).

use super::super::View;
use super::super::metadata::{map_at, set_map, without_toolkit};
use super::super::template::spec_list;
use super::super::view::primary_name;
use super::{ScalerNames, frame};
use trueup_kinds::canary::AutoscalerReference;
use trueup_object::{Text, Value};

/// Holds the number of replicas while it is set.
pub(super) const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

/// Holds them as they are.
const PAUSED: &str = "autoscaling.keda.sh/paused";

const TARGET_FIELDS: [&str; 3] = ["apiVersion", "kind", "envSourceContainerName"];

/// The path of the settings of the autoscaler that KEDA makes.
const AUTOSCALER: [&str; 2] = ["advanced", "horizontalPodAutoscalerConfig"];

/// The copy: the same triggers, with queries about the primary. A pause of the
/// target's is not the primary's.
pub(super) fn copy_of(view: &View<'_>, names: &ScalerNames<'_>, source: &Value) -> Value {
    let mut copy = frame(view, names, source, &TARGET_FIELDS);
    let labels = without_toolkit(map_at(source, &["metadata", "labels"]));
    set_map(&mut copy, &["metadata", "labels"], labels);
    let mut annotations = without_toolkit(map_at(source, &["metadata", "annotations"]));
    annotations.remove(PAUSED_REPLICAS);
    annotations.remove(PAUSED);
    set_map(&mut copy, &["metadata", "annotations"], annotations);
    let mut spec = source.get("spec").cloned().unwrap_or_default();
    for trigger in spec_list(&mut spec, &["triggers"]).unwrap_or_default() {
        redirect_query(names.reference, &view.canary.spec.target_ref.name, trigger);
    }
    name_autoscaler(&mut spec);
    let target = copy.at(&["spec", "scaleTargetRef"]).cloned();
    spec.set_at(&["scaleTargetRef"], target.unwrap_or_default());
    copy.set_at(&["spec"], spec);
    copy
}

/// An autoscaler with a name of its own gets one for the primary. The settings
/// are there even if they are empty, as in copies that Flagger made: taking
/// these over writes nothing.
fn name_autoscaler(spec: &mut Value) {
    let mut settings = spec.at(&AUTOSCALER).cloned().unwrap_or_default();
    if settings.as_map().is_none() {
        settings = Value::map();
    }
    let name = settings.str_at(&["name"]).filter(|name| !name.is_empty());
    if let Some(name) = name.map(primary_name) {
        settings.set_at(&["name"], name.into());
    }
    spec.set_at(&AUTOSCALER, settings);
}

/// Makes a trigger ask about the primary: by the query that the `Canary`
/// gives for the trigger's name, or by other names in the query that is there.
fn redirect_query(reference: &AutoscalerReference, target: &str, trigger: &mut Value) {
    let given = &reference.primary_scaler_queries;
    let new = if given.is_empty() {
        trigger
            .str_at(&["metadata", "query"])
            .map(|query| about_primary(query, target))
    } else {
        let name = trigger.str_at(&["name"]).unwrap_or_default();
        given.get(name).cloned()
    };
    if let Some(query) = new {
        trigger.set_at(&["metadata", "query"], query.into());
    }
}

/// The query with the primary's name for the target's and the canary's.
fn about_primary(query: &str, target: &str) -> Text {
    if target.is_empty() {
        return query.into();
    }
    let primary = primary_name(target);
    let canary = format!("{target}-canary");
    let settled = query.split(canary.as_str()).map(|part| {
        let pieces: Vec<String> = part
            .split(primary.as_str())
            .map(|piece| piece.replace(target, &primary))
            .collect();
        pieces.join(&primary)
    });
    settled.collect::<Vec<_>>().join(&primary).into()
}
