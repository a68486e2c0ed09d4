//! Probes and lifecycle hooks.

use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::header_name_errors;

/// The probes of a container.
pub(super) fn all(causes: &mut Causes, container: &At<'_>, spec: &At<'_>) {
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = container.get(kind);
        if !probe.is_set() {
            continue;
        }
        timing(causes, &probe, spec);
        if kind == "readinessProbe" {
            let grace = probe.get("terminationGracePeriodSeconds");
            if grace.is_set() {
                grace.invalid(causes, "must not be set for readinessProbes");
            }
        } else if probe.get("successThreshold").number() != Some(1) {
            probe.get("successThreshold").invalid(causes, "must be 1");
        }
    }
}

fn timing(causes: &mut Causes, probe: &At<'_>, spec: &At<'_>) {
    handler(
        causes,
        probe,
        &["exec", "httpGet", "tcpSocket", "grpc"],
        spec,
    );
    for key in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        probe.get(key).not_negative(causes);
    }
    let grace = probe.get("terminationGracePeriodSeconds");
    if grace.number().is_some_and(|seconds| seconds <= 0) {
        grace.invalid(causes, "must be greater than 0");
    }
}

/// What happens when a container starts and stops.
pub(super) fn lifecycle(causes: &mut Causes, container: &At<'_>, spec: &At<'_>) {
    let lifecycle = container.get("lifecycle");
    for hook in ["postStart", "preStop"] {
        if lifecycle.get(hook).is_set() {
            let kinds = ["exec", "httpGet", "tcpSocket", "sleep"];
            handler(causes, &lifecycle.get(hook), &kinds, spec);
        }
    }
}

fn handler(causes: &mut Causes, at: &At<'_>, kinds: &[&str], spec: &At<'_>) {
    let mut given = kinds.iter().filter(|kind| at.get(kind).is_set());
    let Some(first) = given.next() else {
        return at.required(causes, "must specify a handler type");
    };
    let action = at.get(first);
    match *first {
        "exec" if action.get("command").is_empty() => action.get("command").required(causes, ""),
        "exec" => {}
        "httpGet" => http_get(causes, &action),
        "sleep" => sleep(causes, &action, spec),
        _ => action.get("port").port(causes),
    }
    for kind in given {
        at.get(kind)
            .forbidden(causes, "may not specify more than 1 handler type");
    }
}

fn http_get(causes: &mut Causes, action: &At<'_>) {
    action.get("path").required_text(causes);
    action.get("port").port(causes);
    action.get("scheme").one_of(causes, &["HTTP", "HTTPS"]);
    for header in action.get("httpHeaders").items() {
        let name = header.get("name").called(action.child("httpHeaders"));
        name.rules(causes, header_name_errors(name.text()));
    }
}

fn sleep(causes: &mut Causes, action: &At<'_>, spec: &At<'_>) {
    let seconds = action.get("seconds").number().unwrap_or(0);
    let Some(grace) = spec.get("terminationGracePeriodSeconds").number() else {
        return;
    };
    if seconds < 0 || seconds > grace {
        let detail =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        causes.push(crate::core::status::Cause::invalid(
            action.path(),
            seconds,
            &detail,
        ));
    }
}
