//! Services, Ingresses, NetworkPolicies.

use super::pod::port_range;
use super::{list, quoted, text};
use crate::core::status::Cause;
use std::collections::HashSet;
use std::net::IpAddr;
use trueup_object::{Value, names};

pub(super) fn service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let kind = text(object, &["spec", "type"]);
    let ports = list(object, &["spec", "ports"]);
    let headless = text(object, &["spec", "clusterIP"]) == "None";
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" && text(object, &["spec", "externalName"]).is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    }
    service_ports(&mut causes, ports, headless);
    super::metadata::labels(
        &mut causes,
        object.at(&["spec", "selector"]),
        "spec.selector",
    );
    let affinity = text(object, &["spec", "sessionAffinity"]);
    super::one_of(
        &mut causes,
        "spec.sessionAffinity",
        affinity,
        &["ClientIP", "None"],
    );
    super::one_of(
        &mut causes,
        "spec.type",
        kind,
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    );
    duplicate_ports(&mut causes, ports);
    cluster_ips(&mut causes, object);
    causes
}

fn service_ports(causes: &mut Vec<Cause>, ports: &[Value], headless: bool) {
    let mut seen = HashSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        let name = text(port, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                causes.push(Cause::required(format!("{at}.name"), ""));
            }
        } else {
            for error in names::dns_label_errors(name) {
                causes.push(Cause::invalid(format!("{at}.name"), quoted(name), &error));
            }
            if !seen.insert(name) {
                causes.push(Cause::duplicate(format!("{at}.name"), quoted(name)));
            }
        }
        port_range(
            causes,
            &format!("{at}.port"),
            port.i64_at(&["port"]).unwrap_or(0),
        );
        super::one_of(
            causes,
            &format!("{at}.protocol"),
            text(port, &["protocol"]),
            &["SCTP", "TCP", "UDP"],
        );
        let _ = headless;
        match port.get("targetPort") {
            Some(Value::Integer(number)) => {
                port_range(causes, &format!("{at}.targetPort"), *number)
            }
            Some(Value::String(name)) => {
                for error in port_name_errors(name) {
                    causes.push(Cause::invalid(
                        format!("{at}.targetPort"),
                        quoted(name),
                        error,
                    ));
                }
            }
            _ => {}
        }
    }
}

/// What keeps a text from being the name of a port.
pub(super) fn port_name_errors(name: &str) -> Vec<&'static str> {
    let mut errors = Vec::new();
    if name.len() > 15 {
        errors.push("must be no more than 15 characters");
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        errors.clear();
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        return errors;
    }
    if !name.chars().any(|c| c.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        errors.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        errors.push("must not begin or end with a hyphen");
    }
    errors
}

fn duplicate_ports(causes: &mut Vec<Cause>, ports: &[Value]) {
    let mut seen = HashSet::new();
    for (index, port) in ports.iter().enumerate() {
        let (number, protocol) = (
            port.i64_at(&["port"]).unwrap_or(0),
            text(port, &["protocol"]),
        );
        if !seen.insert((number, protocol)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            causes.push(Cause::duplicate(format!("spec.ports[{index}]"), shown));
        }
    }
}

fn cluster_ips(causes: &mut Vec<Cause>, object: &Value) {
    let first = list(object, &["spec", "clusterIPs"])
        .first()
        .and_then(Value::as_str);
    let Some(address) = first
        .or_else(|| object.str_at(&["spec", "clusterIP"]))
        .filter(|text| !text.is_empty() && *text != "None")
    else {
        return;
    };
    let Ok(parsed) = address.parse::<IpAddr>() else {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            quoted(address),
            detail,
        ));
        return;
    };
    let family = list(object, &["spec", "ipFamilies"])
        .first()
        .and_then(Value::as_str);
    let expected = if parsed.is_ipv4() { "IPv4" } else { "IPv6" };
    if let Some(family) = family.filter(|family| *family != expected) {
        let detail = format!("expected an {family} value as indicated by `ipFamilies[0]`");
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            quoted(address),
            &detail,
        ));
    }
}

pub(super) fn ingress(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let rules = list(object, &["spec", "rules"]);
    if rules.is_empty() && object.at(&["spec", "defaultBackend"]).is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid(
            "spec",
            super::shown(object.get("spec")),
            detail,
        ));
    }
    for (index, rule) in rules.iter().enumerate() {
        for (place, path) in list(rule, &["http", "paths"]).iter().enumerate() {
            ingress_path(
                &mut causes,
                path,
                &format!("spec.rules[{index}].http.paths[{place}]"),
            );
        }
    }
    causes
}

fn ingress_path(causes: &mut Vec<Cause>, path: &Value, at: &str) {
    let kind = text(path, &["pathType"]);
    if kind.is_empty() {
        causes.push(Cause::required(
            format!("{at}.pathType"),
            "pathType must be specified",
        ));
    } else if !["Exact", "ImplementationSpecific", "Prefix"].contains(&kind) {
        causes.push(Cause::unsupported(
            format!("{at}.pathType"),
            quoted(kind),
            &["Exact", "ImplementationSpecific", "Prefix"],
        ));
    }
    let value = text(path, &["path"]);
    if ["Exact", "Prefix"].contains(&kind) && !value.starts_with('/') {
        causes.push(Cause::invalid(
            format!("{at}.path"),
            quoted(value),
            "must be an absolute path",
        ));
    }
    let Some(service) = path.at(&["backend", "service"]) else {
        return;
    };
    if text(service, &["name"]).is_empty() {
        causes.push(Cause::required(format!("{at}.backend.service.name"), ""));
    }
    let (name, number) = (
        text(service, &["port", "name"]),
        service.i64_at(&["port", "number"]).unwrap_or(0),
    );
    if name.is_empty() && number == 0 {
        causes.push(Cause::required(
            format!("{at}.backend"),
            "port name or number is required",
        ));
    }
}

pub(super) fn policy(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, kind) in list(object, &["spec", "policyTypes"]).iter().enumerate() {
        let kind = kind.as_str().unwrap_or("");
        if !["Ingress", "Egress"].contains(&kind) {
            causes.push(Cause::unsupported(
                format!("spec.policyTypes[{index}]"),
                quoted(kind),
                &["Egress", "Ingress"],
            ));
        }
    }
    causes
}
