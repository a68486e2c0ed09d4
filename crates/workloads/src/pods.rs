//! Pods out of templates, and what they have come to.

use crate::cache::Kind;
use crate::conditions::{get, time_at};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, to_json, value};

/// Letters and digits that can't form words, as Kubernetes uses in names.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A short text that stands for a value; equal values give equal texts.
/// `salt` tells apart what must not share a name.
pub(crate) fn hash_of(template: &Value, salt: i64) -> Text {
    let mut digest = Sha256::new();
    digest.update(to_json(template));
    if salt != 0 {
        digest.update(salt.to_be_bytes());
    }
    let letters = digest.finalize();
    letters
        .iter()
        .take(10)
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

/// A Pod from the template of its controller; the name is set by the caller.
pub(crate) fn pod_of(
    owner: &LiveObject,
    kind: Kind,
    template: &Value,
    node: Option<&str>,
) -> Value {
    let mut metadata = value!({"namespace": owner.namespace().clone()});
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(part) = template.at(&["metadata", key]) {
            metadata.set_at(&[key], part.clone());
        }
    }
    metadata.set_at(
        &["ownerReferences"],
        value!([(owner_reference(owner, kind))]),
    );
    let mut spec = template.get("spec").cloned().unwrap_or_else(Value::map);
    if let Some(node) = node {
        spec.set_at(&["nodeName"], node.into());
    }
    value!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// A reference to the controller of an object.
pub(crate) fn owner_reference(owner: &LiveObject, kind: Kind) -> Value {
    value!({
        "apiVersion": (kind.api_version()), "kind": (kind.name()),
        "name": (owner.name().clone()), "uid": (owner.uid().clone()),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// `status.phase`.
pub(crate) fn phase(pod: &Value) -> &str {
    pod.str_at(&["status", "phase"]).unwrap_or("Pending")
}

/// Neither ended nor about to end.
pub(crate) fn is_active(pod: &LiveObject) -> bool {
    pod.deletion_timestamp().is_none() && !is_ended(pod.value())
}

/// Whether all its containers have ended.
pub(crate) fn is_ended(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether it is ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    ready_condition(pod).is_some_and(|condition| condition.str_at(&["status"]) == Some("True"))
}

fn ready_condition(pod: &Value) -> Option<&Value> {
    get(pod.at(&["status", "conditions"])?.as_list()?, "Ready")
}

/// Since when it has been ready; `None` while it is not.
pub(crate) fn ready_since(pod: &Value) -> Option<Timestamp> {
    let ready = ready_condition(pod).filter(|_| is_ready(pod))?;
    time_at(ready, &["lastTransitionTime"])
}

/// When a Pod counts as available: ready for `min_ready_s`; at once where that
/// is 0. `None` while it is not ready, or does not tell since when.
pub(crate) fn available_at(pod: &Value, min_ready_s: i64) -> Option<Timestamp> {
    if min_ready_s == 0 {
        return is_ready(pod).then_some(Timestamp::UNIX_EPOCH);
    }
    ready_since(pod)?
        .checked_add(SignedDuration::from_secs(min_ready_s))
        .ok()
}

/// How many of the Pods are ready and available, and when the next becomes
/// available.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub total: i64,
    pub ready: i64,
    pub available: i64,
    pub next: Option<Timestamp>,
}

/// Counts Pods at a time.
pub(crate) fn tally<'a>(
    pods: impl Iterator<Item = &'a LiveObject>,
    min_ready_s: i64,
    now: Timestamp,
) -> Tally {
    let mut tally = Tally::default();
    for pod in pods {
        tally.total += 1;
        tally.ready += i64::from(is_ready(pod.value()));
        let Some(at) = available_at(pod.value(), min_ready_s) else {
            continue;
        };
        if at <= now {
            tally.available += 1;
        } else {
            tally.next = Some(tally.next.map_or(at, |next| next.min(at)));
        }
    }
    tally
}
