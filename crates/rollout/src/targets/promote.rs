//! The primary becomes what the target is.

use super::configs::{configs_of, copy_configs, names_of};
use super::discovery::discover_pods;
use super::metadata::{included, map_at, set_map};
use super::primary::{copy_fields, full_name, own_labels};
use super::snapshot::{DEPLOYMENT_REVISION, take_snapshot};
use super::template::primary_template;
use super::{TargetError, TargetKind, View, Write, service_target};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use trueup_object::{Map, Text, Value};

/// Makes the primary equal to the target: its ConfigMaps and Secrets, its
/// template and settings, and its replicas where no autoscaler has them. A
/// target without replicas leaves the primary's as they are. Refused if the
/// target is no longer of `revision` (the hash of its snapshot), so that
/// nothing is promoted that was not looked at.
///
/// The primary's Pods are replaced if their template changes, and `flagger_id`
/// is part of it: with an id that depends on what is promoted (see
/// [`promotion_seed`]) a promotion that is done twice writes nothing the
/// second time, and one of a ConfigMap's new content still replaces the Pods.
pub fn promote(
    view: &View<'_>,
    revision: &str,
    flagger_id: &str,
) -> Result<Vec<Write>, TargetError> {
    let kind = view.kind()?;
    check_revision(view, kind, revision)?;
    let what = match kind {
        TargetKind::Service => "spec",
        TargetKind::Deployment | TargetKind::DaemonSet => "template spec",
    };
    let writes = match kind {
        TargetKind::Service => service_target::promote(view),
        _ => promote_workload(view, kind, flagger_id),
    };
    writes.map_err(|error| {
        let primary = full_name(view, &view.canary.spec.primary_name());
        error.within(&format!("updating {} {primary} {what} failed", kind.word()))
    })
}

fn check_revision(view: &View<'_>, kind: TargetKind, revision: &str) -> Result<(), TargetError> {
    if take_snapshot(view)?.hash == revision {
        return Ok(());
    }
    let target = full_name(view, &view.canary.spec.target_ref.name);
    Err(TargetError::refused(format!(
        "{} {target} has changed since it was looked at; it is not promoted",
        kind.word()
    )))
}

fn promote_workload(
    view: &View<'_>,
    kind: TargetKind,
    flagger_id: &str,
) -> Result<Vec<Write>, TargetError> {
    let target = view.target()?;
    let discovery = discover_pods(view)?;
    let primary = view.primary()?;
    let configs = configs_of(view, target)?;
    let mut writes = copy_configs(view, &configs, Some(primary))?;
    let mut next = primary.clone();
    copy_fields(&mut next, kind, target);
    if kind == TargetKind::Deployment && view.canary.spec.autoscaler_ref.is_none() {
        copy_replicas(&mut next, target);
    }
    let template = primary_template(view, &discovery, target, &names_of(&configs), flagger_id);
    put_template(&mut next, &template);
    next.set_at(
        &["metadata", "labels"],
        own_labels(view, &discovery, target),
    );
    let annotations = own_annotations(view, target, primary);
    set_map(&mut next, &["metadata", "annotations"], annotations);
    if next != *primary {
        writes.push(Write::Replace(next));
    }
    Ok(writes)
}

/// A target that was scaled to zero meanwhile does not take the primary's Pods
/// away.
fn copy_replicas(primary: &mut Value, target: &Value) {
    match target.i64_at(&["spec", "replicas"]) {
        Some(replicas) if replicas > 0 => {
            primary.set_at(&["spec", "replicas"], replicas.into());
        }
        _ => {}
    }
}

fn put_template(primary: &mut Value, template: &Value) {
    for path in [
        &["metadata", "labels"][..],
        &["metadata", "annotations"],
        &["spec"],
    ] {
        let member = template.at(path).cloned().unwrap_or_default();
        primary.set_at(&[&["spec", "template"][..], path].concat(), member);
    }
}

/// Annotations of the primary itself: the target's that copies get, and the
/// number that the Deployment's own controller keeps there.
fn own_annotations(view: &View<'_>, target: &Value, primary: &Value) -> Map {
    let annotations = map_at(target, &["metadata", "annotations"]);
    let mut kept = included(annotations, &view.options.include_label_prefixes);
    kept.remove(DEPLOYMENT_REVISION);
    let rollout = primary.at(&["metadata", "annotations", DEPLOYMENT_REVISION]);
    if let Some(rollout) = rollout {
        kept.insert(DEPLOYMENT_REVISION, rollout.clone());
    }
    kept
}

/// How many bytes a UUID has.
const UUID_BYTES: usize = 16;

/// The value of the annotation `flagger-id`: a UUID of version 4 (RFC 9562)
/// made of 16 random bytes, or of a [`promotion_seed`].
#[must_use]
pub fn flagger_id(mut bytes: [u8; UUID_BYTES]) -> Text {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text.into()
}

/// Bytes for [`flagger_id`] that depend on what is promoted and nothing else:
/// the digest of the target and those of its configurations.
#[must_use]
pub fn promotion_seed(hash: &str, configs: &BTreeMap<Text, Text>) -> [u8; UUID_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(hash.as_bytes());
    for (name, digest) in configs {
        hasher.update(format!("\n{name} {digest}").as_bytes());
    }
    let mut seed = [0; UUID_BYTES];
    for (byte, digested) in seed.iter_mut().zip(hasher.finalize()) {
        *byte = digested;
    }
    seed
}
