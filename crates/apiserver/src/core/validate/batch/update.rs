//! What may change in a Job.

use super::super::at::{At, Causes};
use crate::core::status::Cause;
use trueup_object::Value;

const IMMUTABLE: &str = "field is immutable";

/// What may not change, or not so.
pub(super) fn updated(causes: &mut Causes, spec: &At<'_>, live: &Value) {
    let old = At::root(live).get("spec");
    completions(causes, spec, &old);
    immutable(causes, spec, &old, "selector");
    template(causes, spec, live);
    for key in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        immutable(causes, spec, &old, key);
    }
}

fn immutable(causes: &mut Causes, new: &At<'_>, old: &At<'_>, key: &str) {
    let now = new.get(key);
    if now.value() == old.get(key).value() {
        return;
    }
    let shown = if now.is_set() {
        now.shown()
    } else {
        "null".to_owned()
    };
    causes.push(Cause::invalid(now.path(), shown, IMMUTABLE));
}

fn completions(causes: &mut Causes, spec: &At<'_>, old: &At<'_>) {
    if spec.get("completionMode").text() != "Indexed" {
        return immutable(causes, spec, old, "completions");
    }
    let now = spec.get("completions");
    let changed = now.value() != old.get("completions").value();
    if changed && now.is_set() && now.value() != spec.get("parallelism").value() {
        let detail = "can only be modified in tandem with spec.parallelism";
        now.invalid(causes, detail);
    }
}

/// A template may change in a Job that is suspended and has not started, in
/// where its Pods run and what they need.
fn template(causes: &mut Causes, spec: &At<'_>, live: &Value) {
    let root = At::root(live);
    let old = root.get("spec");
    let (now, before) = (spec.get("template"), old.get("template"));
    let waits =
        old.get("suspend").is_true() && root.at(&["status", "active"]).number().unwrap_or(0) == 0;
    if !waits {
        return immutable(causes, spec, &old, "template");
    }
    let fixed = |template: &At<'_>| {
        let mut template = template.value().cloned().unwrap_or_default();
        for path in [
            &["metadata"][..],
            &["spec", "nodeSelector"],
            &["spec", "tolerations"],
            &["spec", "schedulingGates"],
            &["spec", "affinity"],
        ] {
            template.remove_at(path);
        }
        for kind in ["containers", "initContainers"] {
            crate::core::defaults::each(&mut template, &["spec", kind], |container| {
                container.remove_at(&["resources"]);
            });
        }
        template
    };
    if fixed(&now) != fixed(&before) {
        let spec = now.get("spec");
        spec.invalid(causes, IMMUTABLE);
    }
}
