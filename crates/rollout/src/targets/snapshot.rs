//! What of a target was seen, as a digest and a fence.

use super::defaults::{normal_service_spec, normal_template};
use super::go_json::go_json;
use super::scale::SCALE_TO_ZERO;
use super::{Fence, TargetError, TargetKind, View};
use sha2::{Digest, Sha256};
use trueup_object::{Text, Value};

/// What digests of the second kind begin with; those of Flagger before it
/// depend on the version of its libraries and can't be computed here.
pub const HASH_PREFIX: &str = "v2:";

/// How many bytes of a SHA-256 digest are kept.
const DIGEST_BYTES: usize = 8;

/// The number of a Deployment's rollout, written by its controller.
pub(super) const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";

/// Whether the counter of a fence moves only with the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It does.
    Specification,
    /// It moves with every write: to keep up with it would be a write per
    /// look.
    EveryWrite,
}

/// The part of a target that makes a revision, and which state it was taken
/// from. Both are of one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `v2:` and 16 hexadecimal digits.
    pub hash: Text,
    /// Which state of the object.
    pub fence: Fence,
    /// What moves the counter of the fence.
    pub counter: Counter,
}

/// The snapshot of the target as it was read.
pub fn take_snapshot(view: &View<'_>) -> Result<Snapshot, TargetError> {
    Ok(snapshot_of(view.kind()?, view.target()?))
}

/// The snapshot of an object: of its Pod template for a Deployment or
/// DaemonSet, of its whole spec for a Service.
#[must_use]
pub fn snapshot_of(kind: TargetKind, target: &Value) -> Snapshot {
    let counter = match kind {
        TargetKind::Deployment | TargetKind::DaemonSet => Counter::Specification,
        TargetKind::Service => Counter::EveryWrite,
    };
    Snapshot {
        hash: content_hash(&relevant_part(kind, target)),
        fence: fence_of(kind, target),
        counter,
    }
}

/// The digest of a tree: SHA-256 of its canonical JSON, shortened.
#[must_use]
pub fn content_hash(value: &Value) -> Text {
    format!("{HASH_PREFIX}{}", short_digest(&go_json(value))).into()
}

/// The first bytes of the SHA-256 digest of a text, in hexadecimal digits.
pub(super) fn short_digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let kept = digest.iter().take(DIGEST_BYTES);
    kept.map(|byte| format!("{byte:02x}")).collect()
}

/// What makes a revision, in one form.
pub(super) fn relevant_part(kind: TargetKind, target: &Value) -> Value {
    let part = |path: &[&str]| target.at(path).cloned().unwrap_or_default();
    match kind {
        TargetKind::Service => normal_service_spec(&part(&["spec"])),
        TargetKind::Deployment => normal_template(&part(&["spec", "template"])),
        TargetKind::DaemonSet => {
            let mut template = part(&["spec", "template"]);
            template.remove_at(&["spec", "nodeSelector", SCALE_TO_ZERO]);
            normal_template(&template)
        }
    }
}

fn fence_of(kind: TargetKind, target: &Value) -> Fence {
    let metadata = |key: &str| target.at(&["metadata", key]);
    let text = |key: &str| metadata(key).and_then(Value::as_str).unwrap_or_default();
    let counter: Text = match kind {
        TargetKind::Service => text("resourceVersion").into(),
        TargetKind::Deployment | TargetKind::DaemonSet => metadata("generation")
            .and_then(Value::as_i64)
            .unwrap_or_default()
            .to_string()
            .into(),
    };
    Fence {
        uid: text("uid").into(),
        counter,
        revision: rollout_of(kind, target).into(),
    }
}

/// The number of the rollout, where the controller has seen the template that
/// was read and is free to roll it out.
fn rollout_of(kind: TargetKind, target: &Value) -> &str {
    let observed = target.i64_at(&["status", "observedGeneration"]);
    let caught_up = observed == target.i64_at(&["metadata", "generation"]);
    let paused = target.at(&["spec", "paused"]).and_then(Value::as_bool) == Some(true);
    if kind != TargetKind::Deployment || paused || !caught_up {
        return "";
    }
    target
        .str_at(&["metadata", "annotations", DEPLOYMENT_REVISION])
        .unwrap_or_default()
}
