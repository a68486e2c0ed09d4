//! A target that is a Service: its copies lead to wherever it led.

use super::metadata::{
    included, is_controlled_by, map_at, owned_metadata, set_map, without_toolkit,
};
use super::{TargetError, View, Write};
use trueup_kinds::names::LAST_APPLIED;
use trueup_object::{Map, ObjectRef, Value};

/// What the API server gives a Service, and keeps.
const ALLOCATED: [&str; 5] = [
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
];

/// The address of a Service that has none.
const NO_ADDRESS: &str = "None";

/// Makes the canary's copy follow the target, and the primary's once.
pub(super) fn initialize(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let target = view.target()?;
    let (canary, primary) = (canary_ref(view), view.primary_ref()?);
    view.observed.all_read([&canary, &primary])?;
    let mut writes = Vec::new();
    let metadata = CopiedMetadata::All;
    match view.observed.optional(&canary)? {
        None => writes.push(Write::Create(new_copy(view, target, &canary))),
        Some(existing) => writes.extend(updated(view, target, existing, metadata)?),
    }
    if view.observed.optional(&primary)?.is_none() {
        writes.push(Write::Create(new_copy(view, target, &primary)));
    }
    Ok(writes)
}

/// Makes the primary's copy lead where the target does.
pub(super) fn promote(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let update = updated(
        view,
        view.target()?,
        view.primary()?,
        CopiedMetadata::Included,
    )?;
    Ok(update.into_iter().collect())
}

/// Which labels and annotations a copy gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CopiedMetadata {
    /// All that are not another controller's.
    All,
    /// Those that the installation includes.
    Included,
}

fn canary_ref(view: &View<'_>) -> ObjectRef {
    view.service_ref(&format!("{}-canary", view.canary.spec.target_ref.name))
}

fn new_copy(view: &View<'_>, target: &Value, copy_ref: &ObjectRef) -> Value {
    let mut copy = Value::map();
    copy.set_at(&["apiVersion"], "v1".into());
    copy.set_at(&["kind"], "Service".into());
    copy.set_at(&["metadata"], owned_metadata(view.canary, &copy_ref.name));
    put_metadata(view, target, &mut copy, CopiedMetadata::All);
    copy.set_at(&["spec"], copied_spec(view, target, None));
    copy
}

/// The copy as it should be; `None` if it is.
fn updated(
    view: &View<'_>,
    target: &Value,
    existing: &Value,
    metadata: CopiedMetadata,
) -> Result<Option<Write>, TargetError> {
    if !is_controlled_by(existing, view.canary) {
        let name = existing.str_at(&["metadata", "name"]).unwrap_or_default();
        return Err(TargetError::refused(format!(
            "service {name}.{} was not made for this Canary; it is not overwritten by a copy",
            view.namespace()
        )));
    }
    let mut next = existing.clone();
    put_metadata(view, target, &mut next, metadata);
    next.set_at(&["spec"], copied_spec(view, target, Some(existing)));
    Ok((next != *existing).then_some(Write::Replace(next)))
}

fn put_metadata(view: &View<'_>, target: &Value, copy: &mut Value, metadata: CopiedMetadata) {
    for member in ["labels", "annotations"] {
        let path = ["metadata", member];
        let source = map_at(target, &path);
        let mut kept: Map = match metadata {
            CopiedMetadata::All => without_toolkit(source),
            CopiedMetadata::Included => included(source, &view.options.include_label_prefixes),
        };
        kept.remove(LAST_APPLIED);
        set_map(copy, &path, kept);
    }
}

/// The target's spec with the addresses and node ports of the copy, if there
/// is one already, and without any otherwise: the server gives new ones.
fn copied_spec(view: &View<'_>, target: &Value, existing: Option<&Value>) -> Value {
    let mut spec = target.get("spec").cloned().unwrap_or_default();
    let headless = spec.str_at(&["clusterIP"]) == Some(NO_ADDRESS);
    for key in ALLOCATED {
        spec.remove_at(&[key]);
        if let Some(member) = existing.and_then(|it| it.at(&["spec", key])) {
            spec.set_at(&[key], member.clone());
        }
    }
    if headless && existing.is_none() {
        spec.set_at(&["clusterIP"], NO_ADDRESS.into());
    }
    copy_node_ports(&mut spec, existing);
    let distribution = &view.canary.spec.service.traffic_distribution;
    if !distribution.is_empty() {
        spec.set_at(&["trafficDistribution"], distribution.clone().into());
    }
    spec
}

fn copy_node_ports(spec: &mut Value, existing: Option<&Value>) {
    let known = existing
        .and_then(|it| it.at(&["spec", "ports"]))
        .and_then(Value::as_list)
        .unwrap_or_default();
    for port in super::template::spec_list(spec, &["ports"]).unwrap_or_default() {
        port.remove_at(&["nodePort"]);
        let same = |old: &&Value| {
            ["name", "port", "protocol"]
                .iter()
                .all(|key| old.get(key) == port.get(key))
        };
        let number = known.iter().find(same).and_then(|old| old.get("nodePort"));
        if let Some(number) = number.cloned() {
            port.set_at(&["nodePort"], number);
        }
    }
}
