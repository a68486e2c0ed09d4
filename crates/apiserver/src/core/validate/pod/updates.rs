//! What may change in a Pod that is there.

use super::{MIRROR, pod, scheduling};
use crate::core::defaults::each;
use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use trueup_object::Value;

const POD_RULE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// A changed Pod.
pub(in crate::core::validate) fn update(new: &Value, live: &Value) -> Causes {
    let mut causes = pod(new);
    annotations(&mut causes, new, live);
    let (spec, old) = (At::root(new).get("spec"), At::root(live).get("spec"));
    for kind in ["containers", "initContainers"] {
        if spec.get(kind).list().len() != old.get(kind).list().len() {
            let detail = "pod updates may not add or remove containers";
            spec.get(kind).forbidden(&mut causes, detail);
            return causes;
        }
        for container in spec.get(kind).items() {
            container.get("image").required_text(&mut causes);
            super::image_whitespace(&mut causes, &container);
        }
    }
    if deadline(&mut causes, &spec, &old) == Verdict::Final {
        return causes;
    }
    tolerations(&mut causes, &spec, &old);
    gates(&mut causes, &spec, &old);
    if spec.value() != old.value() {
        fixed(&mut causes, &spec, &old);
    }
    causes
}

/// Whether a check ends the search for mistakes.
#[derive(PartialEq, Eq)]
enum Verdict {
    Final,
    GoOn,
}

fn annotations(causes: &mut Causes, new: &Value, live: &Value) {
    let path = ["metadata", "annotations"];
    let (new, old) = (At::root(new).at(&path), At::root(live).at(&path));
    let (now, before) = (new.get(MIRROR), old.get(MIRROR));
    let at = now.called(format!("metadata.annotations[{MIRROR}]"));
    match (now.is_set(), before.is_set()) {
        (false, true) => at.forbidden(causes, "may not remove or update mirror pod annotation"),
        (true, false) => at.forbidden(causes, "may not add mirror pod annotation"),
        _ if now.text() != before.text() => {
            at.forbidden(causes, "may not remove or update mirror pod annotation");
        }
        _ => {}
    }
    super::pod_annotations(causes, &new, &At::root(live).get("spec"));
}

fn deadline(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) -> Verdict {
    let key = "activeDeadlineSeconds";
    let (now, before) = (spec.get(key), old.get(key).number());
    let Some(seconds) = now.number() else {
        if before.is_some() {
            let detail = "must not update from a positive integer to nil value";
            causes.push(Cause::invalid(now.path(), "null", detail));
        }
        return Verdict::GoOn;
    };
    let most = i64::from(i32::MAX);
    if !(0..=most).contains(&seconds) {
        now.within(causes, 0, most);
        return Verdict::Final;
    }
    if before.is_some_and(|before| before < seconds) {
        now.invalid(causes, "must be less than or equal to previous value");
        return Verdict::Final;
    }
    Verdict::GoOn
}

fn tolerations(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    let untimed = |toleration: &Value| {
        let mut toleration = toleration.clone();
        toleration.remove_at(&["tolerationSeconds"]);
        toleration
    };
    let now = spec.get("tolerations");
    let kept = old.get("tolerations").list().iter().all(|before| {
        let before = untimed(before);
        now.list().iter().any(|now| untimed(now) == before)
    });
    if kept {
        scheduling::tolerations(causes, &now);
    } else {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        now.forbidden(causes, detail);
    }
}

fn gates(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    let old = old.get("schedulingGates");
    for gate in spec.get("schedulingGates").items() {
        let name = gate.get("name");
        if !old.items().any(|old| old.get("name").text() == name.text()) {
            let gate = name.text();
            let detail =
                format!("only deletion is allowed, but found new scheduling gate '{gate}'");
            name.forbidden(causes, &detail);
        }
    }
}

/// Everything that a Pod keeps for life.
fn fixed(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    let gated = !old.get("schedulingGates").is_empty();
    let (Some(now), Some(before)) = (spec.value(), old.value()) else {
        return;
    };
    let mut munged = without_free(now);
    let mut kept = without_free(before);
    let grace = ["terminationGracePeriodSeconds"];
    if kept.i64_at(&grace).is_some_and(|seconds| seconds < 0) && munged.i64_at(&grace) == Some(1) {
        munged.remove_at(&grace);
        kept.remove_at(&grace);
    }
    if gated {
        node_selector(causes, spec, old);
        for path in [&["nodeSelector"][..], &["affinity", "nodeAffinity"]] {
            munged.remove_at(path);
            kept.remove_at(path);
        }
        drop_empty_affinity(&mut munged);
        drop_empty_affinity(&mut kept);
    }
    if munged != kept {
        spec.forbidden(causes, POD_RULE);
    }
}

fn drop_empty_affinity(spec: &mut Value) {
    let empty = spec
        .get("affinity")
        .and_then(Value::as_map)
        .is_some_and(|map| map.is_empty());
    if empty {
        spec.remove_at(&["affinity"]);
    }
}

fn without_free(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for kind in ["containers", "initContainers"] {
        each(&mut spec, &[kind], |container| {
            container.remove_at(&["image"]);
        });
    }
    for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        spec.remove_at(&[key]);
    }
    spec
}

/// While a Pod waits at a gate, its choice of nodes may become narrower.
fn node_selector(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    let now = spec.get("nodeSelector");
    for (key, value) in old.get("nodeSelector").entries() {
        if now.get(key).text() != value.text() {
            let detail =
                "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            causes.push(Cause::invalid(now.path(), now.shown(), detail));
            return;
        }
    }
}

/// Ephemeral containers are added, never changed or removed.
pub(in crate::core::validate) fn ephemeral_update(new: &Value, live: &Value) -> Causes {
    let mut causes = pod(new);
    let path = ["spec", "ephemeralContainers"];
    let (now, before) = (At::root(new).at(&path), At::root(live).at(&path));
    for old in before.items() {
        let name = old.get("name").text();
        let same = now.items().find(|it| it.get("name").text() == name);
        let detail = match same {
            None => format!("existing ephemeral containers {name:?} may not be removed\n"),
            Some(same) if same.value() != old.value() => {
                format!("existing ephemeral containers {name:?} may not be changed\n")
            }
            Some(_) => continue,
        };
        now.forbidden(&mut causes, &detail);
    }
    causes
}
