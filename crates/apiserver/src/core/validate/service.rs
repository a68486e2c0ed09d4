//! Services.

use super::at::{At, Causes};
use super::text_rules::{address_errors, endpoint_address_errors, network_errors};
use crate::core::status::Cause;
use std::collections::HashSet;
use std::net::IpAddr;
use trueup_object::{Value, names};

const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const MAX_AFFINITY_SECONDS: i64 = 86_400;
const BALANCERS_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
const ONCE_SET: &str = "may not change once set";
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn service(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    let kind = spec.get("type").text();
    // Addresses are looked at before anything is allocated.
    if kind != "ExternalName" {
        cluster_ips(&mut causes, &spec, live);
        if !causes.is_empty() {
            return causes;
        }
    }
    if let Some(live) = live {
        changed(&mut causes, object, live);
    }
    let ports = spec.get("ports");
    if ports.is_empty() && !is_headless(&spec) && kind != "ExternalName" {
        ports.required(&mut causes, "");
    }
    by_type(&mut causes, &spec);
    service_ports(&mut causes, &ports);
    spec.get("selector").labels(&mut causes);
    session_affinity(&mut causes, &spec);
    external_ips(&mut causes, &spec, live);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    spec.get("type").required_one_of(&mut causes, &kinds);
    node_ports(&mut causes, &spec);
    duplicate_ports(&mut causes, &ports);
    load_balancer(&mut causes, &root, live);
    traffic(&mut causes, &spec);
    causes
}

/// Whether a Service has no address of its own.
fn is_headless(spec: &At<'_>) -> bool {
    let addresses = spec.get("clusterIPs");
    match addresses.list() {
        [] => spec.get("clusterIP").text() == "None",
        [one] => one.as_str() == Some("None"),
        _ => false,
    }
}

fn by_type(causes: &mut Causes, spec: &At<'_>) {
    const RULE: &str = "may not be set for ExternalName services";
    let kind = spec.get("type").text();
    match kind {
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            let path = spec.child("clusterIPs[0]");
            let detail = format!("may not be set to 'None' for {kind} services");
            causes.push(Cause::invalid(path, "\"None\"", &detail));
        }
        "ExternalName" => {
            for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                let field = spec.get(key);
                if field.is_set() && (key == "ipFamilyPolicy" || !field.is_empty()) {
                    field.forbidden(causes, RULE);
                }
            }
            let name = spec.get("externalName");
            let plain = name.text().strip_suffix('.').unwrap_or(name.text());
            if plain.is_empty() {
                return name.required(causes, "");
            }
            for error in names::dns_subdomain_errors(plain) {
                causes.push(Cause::invalid(name.path(), format!("{plain:?}"), &error));
            }
        }
        _ => {}
    }
}

fn service_ports(causes: &mut Causes, ports: &At<'_>) {
    let several = ports.list().len() > 1;
    let mut seen = HashSet::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.text().is_empty() {
            name.dns_label(causes);
            if !seen.insert(name.text()) {
                name.duplicate(causes);
            }
        } else if several {
            name.required(causes, "");
        }
        port.get("port").port_number(causes);
        port.get("protocol").required_one_of(causes, &PROTOCOLS);
        port.get("targetPort").port(causes);
        if port.get("appProtocol").is_set() {
            port.get("appProtocol").qualified_name(causes);
        }
    }
}

fn session_affinity(causes: &mut Causes, spec: &At<'_>) {
    let affinity = spec.get("sessionAffinity");
    affinity.required_one_of(causes, &["ClientIP", "None"]);
    let config = spec.get("sessionAffinityConfig");
    if affinity.text() == "None" && config.is_set() {
        config.forbidden(causes, "must not be set when session affinity is None");
    }
    if affinity.text() != "ClientIP" {
        return;
    }
    const MISSING: &str = "when session affinity type is ClientIP";
    let timeout = config.at(&["clientIP", "timeoutSeconds"]);
    let Some(seconds) = timeout.number() else {
        return timeout.required(causes, MISSING);
    };
    if seconds <= 0 || seconds > MAX_AFFINITY_SECONDS {
        let detail = format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
        timeout.invalid(causes, &detail);
    }
}

fn cluster_ips(causes: &mut Causes, spec: &At<'_>, live: Option<&Value>) {
    let (one, all) = (spec.get("clusterIP"), spec.get("clusterIPs"));
    let first = all.list().first().and_then(Value::as_str);
    match (one.text(), first) {
        ("", Some(_)) => all.invalid(causes, "must be empty when `clusterIP` is not specified"),
        ("", None) => {}
        (_, None) => all.required(causes, ""),
        (one, Some(first)) if one != first => {
            all.invalid(causes, "first value must match `clusterIP`");
        }
        _ => {}
    }
    families(causes, spec);
    if !addresses(causes, &all, live) {
        return;
    }
    let parsed: Vec<Option<IpAddr>> = all.items().map(|it| it.text().parse().ok()).collect();
    if parsed.len() > 1 {
        let four = parsed.iter().flatten().filter(|it| it.is_ipv4()).count();
        if four == 0 || four == parsed.len() {
            all.invalid(causes, "may specify no more than one IP for each IP family");
        }
    }
    if is_headless(spec) {
        return;
    }
    let families = spec.get("ipFamilies");
    for (index, (address, family)) in all.items().zip(families.items()).enumerate() {
        let found = match parsed[index] {
            Some(IpAddr::V6(_)) => "IPv6",
            _ => "IPv4",
        };
        let wanted = family.text();
        if ["IPv4", "IPv6"].contains(&wanted) && wanted != found {
            let detail =
                format!("expected an {wanted} value as indicated by `ipFamilies[{index}]`");
            address.invalid(causes, &detail);
        }
    }
}

fn families(causes: &mut Causes, spec: &At<'_>) {
    let mut seen = HashSet::new();
    for family in spec.get("ipFamilies").items() {
        family.one_of(causes, &["IPv4", "IPv6"]);
        if !seen.insert(family.text()) {
            family.duplicate(causes);
        }
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    spec.get("ipFamilyPolicy")
        .optional_one_of(causes, &policies);
}

/// Whether all addresses are addresses.
fn addresses(causes: &mut Causes, all: &At<'_>, live: Option<&Value>) -> bool {
    let known = live.map(|live| At::root(live).at(&["spec", "clusterIPs"]));
    let before = causes.len();
    for (index, address) in all.items().enumerate() {
        if index == 0 && address.text() == "None" {
            if all.list().len() > 1 {
                all.invalid(causes, "'None' must be the first and only value");
            }
            continue;
        }
        let is_known = known
            .as_ref()
            .is_some_and(|known| known.items().any(|old| old.text() == address.text()));
        if !is_known {
            address.rules(causes, address_errors(address.text()));
        }
    }
    let valid = causes.len() == before;
    if all.list().len() > 2 {
        all.invalid(causes, "may only hold up to 2 values");
    }
    valid
}

fn external_ips(causes: &mut Causes, spec: &At<'_>, live: Option<&Value>) {
    let known = live.map(|live| At::root(live).at(&["spec", "externalIPs"]));
    for address in spec.get("externalIPs").items() {
        let is_known = known
            .as_ref()
            .is_some_and(|known| known.items().any(|old| old.text() == address.text()));
        let errors = address_errors(address.text());
        if !is_known && !errors.is_empty() {
            address.rules(causes, errors);
        } else {
            address.rules(causes, endpoint_address_errors(address.text()));
        }
    }
}

fn node_ports(causes: &mut Causes, spec: &At<'_>) {
    let mut seen = HashSet::new();
    for port in spec.get("ports").items() {
        let number = port.get("nodePort");
        if number.number().unwrap_or(0) != 0 && spec.get("type").text() == "ClusterIP" {
            number.forbidden(causes, "may not be used when `type` is 'ClusterIP'");
        }
    }
    for port in spec.get("ports").items() {
        let number = port.get("nodePort");
        let key = (port.get("protocol").text(), number.number().unwrap_or(0));
        if key.1 != 0 && !seen.insert(key) {
            number.duplicate(causes);
        }
    }
}

fn duplicate_ports(causes: &mut Causes, ports: &At<'_>) {
    let mut seen = HashSet::new();
    for port in ports.items() {
        let number = port.get("port").number().unwrap_or(0);
        let protocol = port.get("protocol").text();
        if !seen.insert((number, protocol)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            causes.push(Cause::duplicate(port.path(), shown));
        }
    }
}

fn load_balancer(causes: &mut Causes, root: &At<'_>, live: Option<&Value>) {
    let spec = root.get("spec");
    let is_balancer = spec.get("type").text() == "LoadBalancer";
    let ranges = spec
        .get("loadBalancerSourceRanges")
        .called(spec.child("LoadBalancerSourceRanges"));
    let annotation = root.at(&["metadata", "annotations"]).get(SOURCE_RANGES);
    let annotation = annotation.called(format!("metadata.annotations[{SOURCE_RANGES}]"));
    if !ranges.is_empty() {
        source_ranges(causes, &ranges, is_balancer, live);
    } else if annotation.is_set() {
        if !is_balancer {
            annotation.forbidden(causes, BALANCERS_ONLY);
        }
        let ranges = annotation.text().split(',').map(str::trim);
        for range in ranges.filter(|range| !range.is_empty()) {
            for error in network_errors(range) {
                let shown = format!("{range:?}");
                causes.push(Cause::invalid(annotation.path(), shown, error));
            }
        }
    }
    let allocates = spec.get("allocateLoadBalancerNodePorts");
    if allocates.is_set() && !is_balancer {
        allocates.forbidden(causes, BALANCERS_ONLY);
    }
    balancer_class(causes, &spec);
}

/// Only a balancer has a class.
fn balancer_class(causes: &mut Causes, spec: &At<'_>) {
    let class = spec.get("loadBalancerClass");
    if class.is_set() && spec.get("type").text() == "LoadBalancer" {
        class.qualified_name(causes);
    } else if class.is_set() {
        class.forbidden(causes, BALANCERS_ONLY);
    }
}

fn source_ranges(causes: &mut Causes, ranges: &At<'_>, is_balancer: bool, live: Option<&Value>) {
    if !is_balancer {
        ranges.forbidden(causes, BALANCERS_ONLY);
    }
    let known = live.map(|live| At::root(live).at(&["spec", "loadBalancerSourceRanges"]));
    for range in ranges.items() {
        let text = range.text().trim();
        let is_known = known
            .as_ref()
            .is_some_and(|known| known.items().any(|old| old.text().trim() == text));
        if is_known {
            continue;
        }
        for error in network_errors(text) {
            causes.push(Cause::invalid(range.path(), format!("{text:?}"), error));
        }
    }
}

fn traffic(causes: &mut Causes, spec: &At<'_>) {
    let kind = spec.get("type").text();
    let external = spec.get("externalTrafficPolicy");
    let accessible = ["LoadBalancer", "NodePort"].contains(&kind)
        || (kind == "ClusterIP" && !spec.get("externalIPs").is_empty());
    if accessible {
        external.required_one_of(causes, &["Cluster", "Local"]);
    } else if !external.text().is_empty() {
        external.invalid(causes, "may only be set for externally-accessible services");
    }
    let health = spec.get("healthCheckNodePort");
    let checked = kind == "LoadBalancer" && external.text() == "Local";
    if !checked && health.number().unwrap_or(0) != 0 {
        let detail =
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        health.invalid(causes, detail);
    }
    let internal = spec.get("internalTrafficPolicy");
    if internal.is_set() {
        internal.one_of(causes, &["Cluster", "Local"]);
    } else if ["NodePort", "LoadBalancer", "ClusterIP"].contains(&kind) {
        internal.required(causes, "");
    }
    let distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    spec.get("trafficDistribution")
        .optional_one_of(causes, &distributions);
}

/// What a Service keeps while it has addresses.
fn changed(causes: &mut Causes, new: &Value, live: &Value) {
    let (spec, old) = (At::root(new).get("spec"), At::root(live).get("spec"));
    let external = |spec: &At<'_>| spec.get("type").text() == "ExternalName";
    if !external(&spec) && !external(&old) {
        let (now, before) = (is_headless(&spec), is_headless(&old));
        if !(now && before) {
            changed_list(causes, &spec, &old, "clusterIPs");
        }
        if !now && !before {
            changed_list(causes, &spec, &old, "ipFamilies");
        }
    }
    let balancer = |spec: &At<'_>| spec.get("type").text() == "LoadBalancer";
    let class = spec.get("loadBalancerClass");
    if balancer(&spec) && balancer(&old) && class.value() != old.get("loadBalancerClass").value() {
        let shown = if class.is_set() {
            class.shown()
        } else {
            "null".to_owned()
        };
        causes.push(Cause::invalid(class.path(), shown, ONCE_SET));
    }
    // The genuine server looks at the class again with the rest.
    balancer_class(causes, &spec);
    let checked =
        |spec: &At<'_>| balancer(spec) && spec.get("externalTrafficPolicy").text() == "Local";
    let health = spec.get("healthCheckNodePort");
    let kept = health.value() == old.get("healthCheckNodePort").value();
    if checked(&spec) && checked(&old) && !kept {
        health.forbidden(causes, "field is immutable");
    }
}

/// The first address and family stay; the second may come and go.
fn changed_list(causes: &mut Causes, spec: &At<'_>, old: &At<'_>, key: &str) {
    let (now, before) = (spec.get(key), old.get(key));
    let (new, live) = (now.list(), before.list());
    let mut fault = |index: usize, detail: &str| {
        let shown = if now.is_set() {
            now.shown()
        } else {
            "null".to_owned()
        };
        causes.push(Cause::invalid(
            format!("{}[{index}]", now.path()),
            shown,
            detail,
        ));
    };
    if new.len() == live.len() {
        for (index, _) in new
            .iter()
            .zip(live)
            .enumerate()
            .filter(|(_, (a, b))| a != b)
        {
            let index = if key == "clusterIPs" { index } else { 0 };
            fault(index, ONCE_SET);
        }
        return;
    }
    match (new.first(), live.first()) {
        (None, Some(_)) if key == "clusterIPs" => fault(0, "primary clusterIP can not be unset"),
        (None, Some(_)) => fault(0, "primary ipFamily can not be unset"),
        (Some(now), Some(before)) if now != before => fault(0, ONCE_SET),
        _ => {}
    }
    let policy = spec.get("ipFamilyPolicy");
    if new.len() < live.len() && new.len() == 1 && policy.text() != "SingleStack" {
        let what = if key == "clusterIPs" {
            "clusterIP"
        } else {
            "ipFamily"
        };
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {what}");
        policy.invalid(causes, &detail);
    }
}
