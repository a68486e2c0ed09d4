//! Pods and pod templates.

use super::{list, quoted, text};
use crate::core::status::Cause;
use std::collections::HashSet;
use trueup_object::{Quantity, Value, names};

pub(super) fn pod(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(spec) = object.get("spec") {
        pod_spec(&mut causes, spec, "spec");
    }
    causes
}

pub(super) fn template(object: &Value, field: &str, path: &[&str]) -> Vec<Cause> {
    template_with_claims(object, field, path, &[])
}

/// The rules of a template whose Pods get a volume for each claim too.
pub(super) fn template_with_claims(
    object: &Value,
    field: &str,
    path: &[&str],
    claims: &[Value],
) -> Vec<Cause> {
    let mut causes = Vec::new();
    let Some(template) = object.at(path) else {
        return causes;
    };
    super::metadata::labels(
        &mut causes,
        template.at(&["metadata", "labels"]),
        &format!("{field}.labels"),
    );
    if let Some(spec) = template.get("spec") {
        let claimed = claims
            .iter()
            .filter_map(|claim| claim.str_at(&["metadata", "name"]));
        spec_with_volumes(&mut causes, spec, &format!("{field}.spec"), claimed);
    }
    causes
}

/// The rules of a pod's spec.
pub(super) fn pod_spec(causes: &mut Vec<Cause>, spec: &Value, field: &str) {
    spec_with_volumes(causes, spec, field, std::iter::empty());
}

fn spec_with_volumes<'a>(
    causes: &mut Vec<Cause>,
    spec: &'a Value,
    field: &str,
    further: impl Iterator<Item = &'a str>,
) {
    let mut volumes = volumes(
        causes,
        list(spec, &["volumes"]),
        &format!("{field}.volumes"),
    );
    volumes.extend(further);
    let containers = list(spec, &["containers"]);
    if containers.is_empty() {
        causes.push(Cause::required(format!("{field}.containers"), ""));
    }
    let mut seen = HashSet::new();
    for (kind, items) in [
        ("containers", containers),
        ("initContainers", list(spec, &["initContainers"])),
    ] {
        for (index, container) in items.iter().enumerate() {
            let at = format!("{field}.{kind}[{index}]");
            container_rules(causes, container, &at, &mut seen, &volumes);
        }
    }
    let policy = text(spec, &["restartPolicy"]);
    if !["Always", "OnFailure", "Never"].contains(&policy) && !policy.is_empty() {
        causes.push(Cause::unsupported(
            format!("{field}.restartPolicy"),
            quoted(policy),
            &["Always", "OnFailure", "Never"],
        ));
    }
    let dns = text(spec, &["dnsPolicy"]);
    let allowed = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    if !allowed.contains(&dns) && !dns.is_empty() {
        causes.push(Cause::unsupported(
            format!("{field}.dnsPolicy"),
            quoted(dns),
            &allowed,
        ));
    }
    let account = text(spec, &["serviceAccountName"]);
    if !account.is_empty() {
        for error in names::dns_subdomain_errors(account) {
            causes.push(Cause::invalid(
                format!("{field}.serviceAccountName"),
                quoted(account),
                &error,
            ));
        }
    }
}

fn volumes<'a>(causes: &mut Vec<Cause>, volumes: &'a [Value], field: &str) -> HashSet<&'a str> {
    let mut seen = HashSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let name = text(volume, &["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else {
            for error in names::dns_label_errors(name) {
                causes.push(Cause::invalid(format!("{at}.name"), quoted(name), &error));
            }
        }
        if !seen.insert(name) {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(name)));
        }
        for source in sources(volume).into_iter().skip(1) {
            causes.push(Cause::forbidden(
                format!("{at}.{source}"),
                "may not specify more than 1 volume type",
            ));
        }
    }
    seen
}

/// The sources of a volume in the order in which they are checked.
fn sources(volume: &Value) -> Vec<&str> {
    const ORDER: [&str; 9] = [
        "emptyDir",
        "hostPath",
        "gitRepo",
        "secret",
        "nfs",
        "persistentVolumeClaim",
        "downwardAPI",
        "configMap",
        "projected",
    ];
    let mut sources: Vec<&str> = ORDER
        .into_iter()
        .filter(|source| volume.get(source).is_some())
        .collect();
    let others = volume
        .as_map()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str());
    sources.extend(others.filter(|key| *key != "name" && !ORDER.contains(key)));
    sources
}

fn container_rules<'a>(
    causes: &mut Vec<Cause>,
    container: &'a Value,
    at: &str,
    seen: &mut HashSet<&'a str>,
    volumes: &HashSet<&str>,
) {
    let name = text(container, &["name"]);
    if name.is_empty() {
        causes.push(Cause::required(format!("{at}.name"), ""));
    } else {
        for error in names::dns_label_errors(name) {
            causes.push(Cause::invalid(format!("{at}.name"), quoted(name), &error));
        }
    }
    if !name.is_empty() && !seen.insert(name) {
        causes.push(Cause::duplicate(format!("{at}.name"), quoted(name)));
    }
    let image = text(container, &["image"]);
    if image.is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    } else if image.trim() != image {
        causes.push(Cause::invalid(
            format!("{at}.image"),
            quoted(image),
            "must not have leading or trailing whitespace",
        ));
    }
    ports(causes, list(container, &["ports"]), &format!("{at}.ports"));
    environment(causes, list(container, &["env"]), &format!("{at}.env"));
    mounts(
        causes,
        list(container, &["volumeMounts"]),
        &format!("{at}.volumeMounts"),
        volumes,
    );
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(value) = container.get(probe) {
            probe_rules(causes, value, &format!("{at}.{probe}"));
        }
    }
    let policy = text(container, &["imagePullPolicy"]);
    let allowed = ["Always", "IfNotPresent", "Never"];
    if !policy.is_empty() && !allowed.contains(&policy) {
        causes.push(Cause::unsupported(
            format!("{at}.imagePullPolicy"),
            quoted(policy),
            &allowed,
        ));
    }
    resources(causes, container, &format!("{at}.resources"));
}

fn ports(causes: &mut Vec<Cause>, ports: &[Value], field: &str) {
    let mut names_seen = HashSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let name = text(port, &["name"]);
        if !name.is_empty() && !names_seen.insert(name) {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(name)));
        }
        match port.i64_at(&["containerPort"]).unwrap_or(0) {
            0 => causes.push(Cause::required(format!("{at}.containerPort"), "")),
            number => port_range(causes, &format!("{at}.containerPort"), number),
        }
        if let Some(number) = port.i64_at(&["hostPort"]).filter(|number| *number != 0) {
            port_range(causes, &format!("{at}.hostPort"), number);
        }
        super::one_of(
            causes,
            &format!("{at}.protocol"),
            text(port, &["protocol"]),
            &["SCTP", "TCP", "UDP"],
        );
    }
}

/// A port number must be one.
pub(super) fn port_range(causes: &mut Vec<Cause>, field: &str, number: i64) {
    if !(1..=65535).contains(&number) {
        causes.push(Cause::invalid(
            field,
            number,
            "must be between 1 and 65535, inclusive",
        ));
    }
}

fn environment(causes: &mut Vec<Cause>, variables: &[Value], field: &str) {
    for (index, variable) in variables.iter().enumerate() {
        let at = format!("{field}[{index}]");
        if text(variable, &["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        let Some(source) = variable.get("valueFrom").and_then(Value::as_map) else {
            continue;
        };
        let value = text(variable, &["value"]);
        if source.is_empty() {
            let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
            causes.push(Cause::invalid(format!("{at}.valueFrom"), "\"\"", detail));
        } else if !value.is_empty() {
            causes.push(Cause::invalid(
                format!("{at}.valueFrom"),
                "\"\"",
                "may not be specified when `value` is not empty",
            ));
        }
    }
}

fn mounts(causes: &mut Vec<Cause>, mounts: &[Value], field: &str, volumes: &HashSet<&str>) {
    let mut paths = HashSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let name = text(mount, &["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !volumes.contains(name) {
            causes.push(Cause::new(
                "FieldValueNotFound",
                format!("{at}.name"),
                format!("Not found: {name:?}"),
            ));
        }
        let path = text(mount, &["mountPath"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        } else if !paths.insert(path) {
            causes.push(Cause::invalid(
                format!("{at}.mountPath"),
                quoted(path),
                "must be unique",
            ));
        }
    }
}

fn probe_rules(causes: &mut Vec<Cause>, probe: &Value, at: &str) {
    const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];
    let given: Vec<&str> = HANDLERS
        .into_iter()
        .filter(|handler| probe.get(handler).is_some())
        .collect();
    if given.is_empty() {
        causes.push(Cause::required(at, "must specify a handler type"));
    }
    for handler in given.iter().skip(1) {
        causes.push(Cause::forbidden(
            format!("{at}.{handler}"),
            "may not specify more than 1 handler type",
        ));
    }
    for handler in ["httpGet", "tcpSocket"] {
        let field = format!("{at}.{handler}.port");
        match probe.at(&[handler, "port"]) {
            Some(Value::Integer(number)) => port_range(causes, &field, *number),
            Some(Value::String(name)) => {
                for error in super::network::port_name_errors(name) {
                    causes.push(Cause::invalid(&field, quoted(name), error));
                }
            }
            _ => {}
        }
    }
    for key in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        super::not_negative(causes, &format!("{at}.{key}"), probe.i64_at(&[key]));
    }
}

fn resources(causes: &mut Vec<Cause>, container: &Value, field: &str) {
    let quantity = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .and_then(|text| Quantity::parse(text).ok())
    };
    let requests = container
        .at(&["resources", "requests"])
        .and_then(Value::as_map);
    for (resource, amount) in requests.into_iter().flatten() {
        let limit = quantity(container.at(&["resources", "limits", resource]));
        let request = quantity(Some(amount));
        if let (Some(limit), Some(request)) = (limit, request)
            && request.nanos() > limit.nanos()
        {
            let detail = format!("must be less than or equal to {resource} limit of {limit}");
            causes.push(Cause::invalid(
                format!("{field}.requests"),
                quoted(&request.to_string()),
                &detail,
            ));
        }
    }
}
