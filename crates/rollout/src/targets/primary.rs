//! The primary when it is made.

use super::configs::{configs_of, copy_configs, names_of};
use super::discovery::{Discovery, discover_pods};
use super::metadata::{
    controlling_canary, included, is_controlled_by, map_at, owned_metadata, primary_labels,
    set_map, without_toolkit,
};
use super::template::primary_template;
use super::{TargetError, TargetKind, View, Write, service_target};
use trueup_object::{Text, Value, value};

/// Fields of a Deployment's spec that the primary has in common with the
/// target, beside the template.
pub(super) const DEPLOYMENT_FIELDS: &[&str] = &[
    "progressDeadlineSeconds",
    "minReadySeconds",
    "revisionHistoryLimit",
    "strategy",
];

/// The same of a DaemonSet.
pub(super) const DAEMON_SET_FIELDS: &[&str] =
    &["minReadySeconds", "revisionHistoryLimit", "updateStrategy"];

/// Makes the primary, and before it its copies of ConfigMaps and Secrets; does
/// nothing where there is a primary. For a Service the copies of the Service
/// are made, and that of the canary follows the target.
///
/// `flagger_id` is the value of the annotation of that name on the Pods, see
/// [`super::flagger_id`]. A primary that somebody else made and that gets no
/// traffic of the primary's Service is refused.
pub fn initialize_primary(view: &View<'_>, flagger_id: &str) -> Result<Vec<Write>, TargetError> {
    let (kind, step) = match view.kind()? {
        TargetKind::Service => return service_target::initialize(view),
        kind @ TargetKind::Deployment => (kind, "createPrimaryDeployment failed"),
        kind @ TargetKind::DaemonSet => (kind, "createPrimaryDaemonSet failed"),
    };
    initialize(view, kind, flagger_id).map_err(|error| error.within(step))
}

fn initialize(
    view: &View<'_>,
    kind: TargetKind,
    flagger_id: &str,
) -> Result<Vec<Write>, TargetError> {
    let target = view.target()?;
    check_strategy(view, kind, target)?;
    let discovery = discover_pods(view)?;
    if let Some(primary) = view.observed.optional(&view.primary_ref()?)? {
        check_ownership(view, kind, &discovery, primary)?;
        return Ok(Vec::new());
    }
    let configs = configs_of(view, target)?;
    let mut writes = copy_configs(view, &configs, None)?;
    let template = primary_template(view, &discovery, target, &names_of(&configs), flagger_id);
    writes.push(Write::Create(new_primary(
        view, kind, &discovery, target, template,
    )));
    Ok(writes)
}

/// A DaemonSet whose Pods are not replaced by themselves can't be rolled out.
fn check_strategy(view: &View<'_>, kind: TargetKind, target: &Value) -> Result<(), TargetError> {
    let strategy = target
        .str_at(&["spec", "updateStrategy", "type"])
        .unwrap_or_default();
    if kind != TargetKind::DaemonSet || strategy.is_empty() || strategy == "RollingUpdate" {
        return Ok(());
    }
    Err(TargetError::refused(format!(
        "daemonset {}.{} must have RollingUpdate strategy but have {strategy}",
        view.canary.spec.target_ref.name,
        view.namespace()
    )))
}

/// Refuses a primary that is not ours: one that another `Canary` controls, or
/// whose Pods the primary's Service does not select.
fn check_ownership(
    view: &View<'_>,
    kind: TargetKind,
    discovery: &Discovery,
    primary: &Value,
) -> Result<(), TargetError> {
    let name = view.canary.spec.primary_name();
    let refuse = |why: String| {
        Err(TargetError::refused(format!(
            "{} {name}.{} {why}",
            kind.word(),
            view.namespace()
        )))
    };
    if is_controlled_by(primary, view.canary) {
        return Ok(());
    }
    if let Some(other) = controlling_canary(primary) {
        return refuse(format!("belongs to Canary {other}"));
    }
    let (label, value) = (&discovery.label, &discovery.primary_value);
    let selected = primary.str_at(&["spec", "selector", "matchLabels", label]);
    if selected != Some(value.as_str()) {
        return refuse(format!(
            "was not made for this Canary and its Pods do not have the label {label}={value}"
        ));
    }
    Ok(())
}

fn new_primary(
    view: &View<'_>,
    kind: TargetKind,
    discovery: &Discovery,
    target: &Value,
    template: Value,
) -> Value {
    let type_of = kind.group_version_kind();
    let mut primary = value!({
        "apiVersion": (type_of.api_version()),
        "kind": (type_of.kind),
        "metadata": (owned_metadata(view.canary, &view.canary.spec.primary_name())),
    });
    primary.set_at(&["metadata", "labels"], own_labels(view, discovery, target));
    let annotations = without_toolkit(map_at(target, &["metadata", "annotations"]));
    set_map(&mut primary, &["metadata", "annotations"], annotations);
    copy_fields(&mut primary, kind, target);
    if kind == TargetKind::Deployment {
        primary.set_at(&["spec", "replicas"], first_replicas(target).into());
    }
    primary.set_at(
        &["spec", "selector", "matchLabels", &discovery.label],
        Value::from(discovery.primary_value.clone()),
    );
    primary.set_at(&["spec", "template"], template);
    primary
}

/// As many as the target has, and never none.
fn first_replicas(target: &Value) -> i64 {
    target.i64_at(&["spec", "replicas"]).unwrap_or(1).max(1)
}

/// Labels of the primary itself.
pub(super) fn own_labels(view: &View<'_>, discovery: &Discovery, target: &Value) -> Value {
    let labels = map_at(target, &["metadata", "labels"]);
    let kept = included(labels, &view.options.include_label_prefixes);
    primary_labels(kept, &discovery.label, &discovery.primary_value).into()
}

/// Makes the common fields those of the target.
pub(super) fn copy_fields(primary: &mut Value, kind: TargetKind, target: &Value) {
    let fields = match kind {
        TargetKind::Deployment => DEPLOYMENT_FIELDS,
        TargetKind::DaemonSet => DAEMON_SET_FIELDS,
        TargetKind::Service => &[],
    };
    for field in fields {
        match target.at(&["spec", field]) {
            Some(member) => primary.set_at(&["spec", field], member.clone()),
            None => {
                primary.remove_at(&["spec", field]);
            }
        }
    }
}

/// The text of a name, for messages.
pub(super) fn full_name(view: &View<'_>, name: &Text) -> String {
    format!("{name}.{}", view.namespace())
}
