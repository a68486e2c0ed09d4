//! Ingresses, network policies, endpoints.

use super::at::{At, Causes};
use super::pod::label_selector;
use super::text_rules::{
    address_bits, address_errors, domain_path_error, endpoint_address_errors, network_errors,
    parse_address, parse_network, port_name_errors, prefix_mask, wildcard_subdomain_errors,
};
use crate::core::status::Cause;
use std::collections::HashSet;
use std::net::IpAddr;
use trueup_object::{Value, names};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const MAX_CONTROLLER_BYTES: usize = 250;
const NOT_AN_ADDRESS: &str = "must be a DNS name, not an IP address";

pub(super) fn ingress(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    let (rules, backend) = (spec.get("rules"), spec.get("defaultBackend"));
    if rules.is_empty() && !backend.is_set() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", "null", detail));
    }
    if backend.is_set() {
        ingress_backend(&mut causes, &backend);
    }
    for rule in rules.items() {
        ingress_rule(&mut causes, &rule);
    }
    for tls in spec.get("tls").items() {
        for host in tls.get("hosts").items() {
            hostname(&mut causes, &host);
        }
        tls.get("secretName").optional_subdomain(&mut causes);
    }
    let class = spec.get("ingressClassName");
    if class.is_set() {
        class.dns_subdomain(&mut causes);
    }
    let annotation = root.at(&["metadata", "annotations"]).get(CLASS_ANNOTATION);
    let differs = annotation.is_set() && class.is_set() && annotation.text() != class.text();
    if live.is_none() && differs {
        annotation
            .called(format!("annotations.{CLASS_ANNOTATION}"))
            .invalid(
                &mut causes,
                "must match `ingressClassName` when both are specified",
            );
    }
    causes
}

fn hostname(causes: &mut Causes, host: &At<'_>) {
    if host.text().contains('*') {
        host.rules(causes, wildcard_subdomain_errors(host.text()));
    } else {
        host.dns_subdomain(causes);
    }
}

fn ingress_rule(causes: &mut Causes, rule: &At<'_>) {
    let host = rule.get("host");
    if !host.text().is_empty() {
        if parse_address(host.text()).is_some() {
            host.invalid(causes, NOT_AN_ADDRESS);
        }
        hostname(causes, &host);
    }
    let http = rule.get("http");
    if !http.is_set() {
        return;
    }
    if http.get("paths").is_empty() {
        http.get("paths").required(causes, "");
    }
    for path in http.get("paths").items() {
        ingress_path(causes, &path);
    }
}

fn ingress_path(causes: &mut Causes, at: &At<'_>) {
    const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
    const ABSOLUTE: &str = "must be an absolute path";
    let (kind, path) = (at.get("pathType"), at.get("path"));
    if !kind.is_set() {
        return kind.required(causes, "pathType must be specified");
    }
    match kind.text() {
        "Exact" | "Prefix" => {
            if !path.text().starts_with('/') {
                path.invalid(causes, ABSOLUTE);
            }
            for part in SEQUENCES.iter().filter(|part| path.text().contains(**part)) {
                path.invalid(causes, &format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."] {
                if path.text().ends_with(end) {
                    path.invalid(causes, &format!("cannot end with '{end}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.text().is_empty() && !path.text().starts_with('/') {
                path.invalid(causes, ABSOLUTE);
            }
        }
        _ => kind.unsupported(causes, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    ingress_backend(causes, &at.get("backend"));
}

fn ingress_backend(causes: &mut Causes, backend: &At<'_>) {
    let empty = |causes: &mut Causes, detail: &str| {
        causes.push(Cause::invalid(backend.path(), "\"\"", detail));
    };
    let (resource, service) = (backend.get("resource"), backend.get("service"));
    match (resource.is_set(), service.is_set()) {
        (true, true) => empty(causes, "cannot set both resource and service backends"),
        (true, false) => local_reference(causes, &resource),
        (false, false) => empty(causes, "resource or service backend is required"),
        (false, true) => {
            service.get("name").required_label(causes);
            let (name, number) = (
                service.at(&["port", "name"]),
                service.at(&["port", "number"]),
            );
            let has_number = number.number().unwrap_or(0) != 0;
            match (!name.text().is_empty(), has_number) {
                (true, true) => empty(causes, "cannot set both port name & port number"),
                (true, false) => name.rules(causes, port_name_errors(name.text())),
                (false, true) => number.port_number(causes),
                (false, false) => backend.required(causes, "port name or number is required"),
            }
        }
    }
}

fn local_reference(causes: &mut Causes, reference: &At<'_>) {
    let group = reference.get("apiGroup");
    if group.is_set() {
        group.dns_subdomain(causes);
    }
    for key in ["kind", "name"] {
        let part = reference.get(key);
        if part.text().is_empty() {
            part.required(causes, "");
        } else {
            part.path_segment(causes);
        }
    }
}

pub(super) fn ingress_class(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    let controller = spec.get("controller");
    if live.is_some_and(|live| live.at(&["spec", "controller"]) != controller.value()) {
        controller.invalid(&mut causes, "field is immutable");
    }
    if controller.text().len() > MAX_CONTROLLER_BYTES {
        controller.too_long(&mut causes, MAX_CONTROLLER_BYTES);
    }
    if controller.text().is_empty() {
        controller.required(&mut causes, "");
    } else if let Some(error) = domain_path_error(controller.text()) {
        controller.invalid(&mut causes, error);
    } else {
        let domain = controller.text().split('/').next().unwrap_or("");
        for error in names::dns_subdomain_errors(domain) {
            let shown = format!("{domain:?}");
            causes.push(Cause::invalid(controller.path(), shown, &error));
        }
    }
    let parameters = spec.get("parameters");
    if parameters.is_set() {
        local_reference(&mut causes, &parameters);
        parameters_scope(&mut causes, &parameters);
    }
    causes
}

fn parameters_scope(causes: &mut Causes, parameters: &At<'_>) {
    let (scope, namespace) = (parameters.get("scope"), parameters.get("namespace"));
    match scope.text() {
        "" if !scope.is_set() => scope.required(causes, ""),
        "Namespace" if !namespace.is_set() => {
            namespace.required(causes, "`parameters.scope` is set to 'Namespace'");
        }
        "Namespace" => namespace.dns_label(causes),
        "Cluster" if namespace.is_set() => {
            namespace.forbidden(causes, "`parameters.scope` is set to 'Cluster'");
        }
        "Cluster" => {}
        _ => scope.unsupported(causes, &["Cluster", "Namespace"]),
    }
}

pub(super) fn policy(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    label_selector(&mut causes, &spec.get("podSelector"));
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.get(rules).items() {
            for port in rule.get("ports").items() {
                policy_port(&mut causes, &port);
            }
            for peer in rule.get(peers).items() {
                policy_peer(&mut causes, &peer);
            }
        }
    }
    let kinds = spec.get("policyTypes");
    if kinds.list().len() > 2 {
        kinds.invalid(&mut causes, "may not specify more than two policyTypes");
        return causes;
    }
    for kind in kinds.items() {
        kind.one_of(&mut causes, &["Ingress", "Egress"]);
    }
    causes
}

fn policy_port(causes: &mut Causes, at: &At<'_>) {
    at.get("protocol")
        .optional_one_of(causes, &["TCP", "UDP", "SCTP"]);
    let (port, end) = (at.get("port"), at.get("endPort"));
    match port.value() {
        Some(Value::Integer(number)) => {
            port.port_number(causes);
            if end.number().is_some_and(|end| end < *number) {
                let detail = "must be greater than or equal to `port`";
                causes.push(Cause::invalid(end.path(), number, detail));
            }
            if end.is_set() {
                end.port_number(causes);
            }
        }
        Some(Value::String(name)) => {
            if end.is_set() {
                end.invalid(causes, "may not be specified when `port` is non-numeric");
            }
            port.rules(causes, port_name_errors(name));
        }
        _ if end.is_set() => {
            end.invalid(causes, "may not be specified when `port` is not specified");
        }
        _ => {}
    }
}

fn policy_peer(causes: &mut Causes, peer: &At<'_>) {
    let mut count = 0;
    for key in ["podSelector", "namespaceSelector"] {
        let selector = peer.get(key);
        count += usize::from(selector.is_set());
        label_selector(causes, &selector);
    }
    let block = peer.get("ipBlock");
    if block.is_set() {
        ip_block(causes, &block);
        if count > 0 {
            peer.forbidden(causes, "may not specify both ipBlock and another peer");
        }
    } else if count == 0 {
        peer.required(causes, "must specify a peer");
    }
}

fn ip_block(causes: &mut Causes, block: &At<'_>) {
    let network = block.get("cidr");
    if network.text().is_empty() {
        return network.required(causes, "");
    }
    network.rules(causes, network_errors(network.text()));
    let Some((address, length)) = parse_network(network.text()) else {
        return;
    };
    for except in block.get("except").items() {
        except.rules(causes, network_errors(except.text()));
        let Some((inner, inner_length)) = parse_network(except.text()) else {
            continue;
        };
        let mask = prefix_mask(length);
        let within = inner.is_ipv4() == address.is_ipv4()
            && address_bits(inner) & mask == address_bits(address) & mask
            && inner_length > length;
        if !within {
            except.invalid(causes, "must be a strict subset of `cidr`");
        }
    }
}

pub(super) fn endpoints(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    if live.is_some_and(|live| live.get("subsets") == object.get("subsets")) {
        return causes;
    }
    for subset in At::root(object).get("subsets").items() {
        let lists = ["addresses", "notReadyAddresses"];
        if lists.iter().all(|list| subset.get(list).is_empty()) {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            subset.required(&mut causes, detail);
        }
        for address in lists.iter().flat_map(|list| subset.get(list).items()) {
            endpoint_address(&mut causes, &address);
        }
        let several = subset.get("ports").list().len() > 1;
        for port in subset.get("ports").items() {
            endpoint_port(&mut causes, &port, several);
        }
    }
    causes
}

fn endpoint_address(causes: &mut Causes, at: &At<'_>) {
    let address = at.get("ip");
    address.rules(causes, address_errors(address.text()));
    if !at.get("hostname").text().is_empty() {
        at.get("hostname").dns_label(causes);
    }
    if at.get("nodeName").is_set() {
        at.get("nodeName").dns_subdomain(causes);
    }
    address.rules(causes, endpoint_address_errors(address.text()));
}

fn endpoint_port(causes: &mut Causes, port: &At<'_>, several: bool) {
    let name = port.get("name");
    if !name.text().is_empty() {
        name.dns_label(causes);
    } else if several {
        name.required(causes, "");
    }
    port.get("port").port_number(causes);
    port.get("protocol").required_one_of(causes, &PROTOCOLS);
    if port.get("appProtocol").is_set() {
        port.get("appProtocol").qualified_name(causes);
    }
}

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_PORTS: usize = 20_000;
const MAX_HINTS: usize = 8;

pub(super) fn endpoint_slice(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let kind = root.get("addressType");
    kind.required_one_of(&mut causes, &["FQDN", "IPv4", "IPv6"]);
    slice_ports(&mut causes, &root.get("ports"));
    let endpoints = root.get("endpoints");
    let same = live.is_some_and(|live| live.get("endpoints") == endpoints.value());
    if !same && endpoints.list().len() > MAX_ENDPOINTS {
        endpoints.too_many(&mut causes, MAX_ENDPOINTS);
    } else if !same {
        for endpoint in endpoints.items() {
            slice_endpoint(&mut causes, &endpoint, kind.text());
        }
    }
    if live.is_some_and(|live| live.get("addressType") != kind.value()) {
        kind.invalid(&mut causes, "field is immutable");
    }
    causes
}

fn slice_ports(causes: &mut Causes, ports: &At<'_>) {
    if ports.list().len() > MAX_PORTS {
        return ports.too_many(causes, MAX_PORTS);
    }
    let mut seen = HashSet::new();
    for port in ports.items() {
        let name = port.get("name");
        if !name.text().is_empty() {
            name.dns_label(causes);
        }
        if !seen.insert(name.text()) {
            name.duplicate(causes);
        }
        port.get("protocol").one_of(causes, &PROTOCOLS);
        if port.get("appProtocol").is_set() {
            port.get("appProtocol").qualified_name(causes);
        }
    }
}

fn slice_endpoint(causes: &mut Causes, endpoint: &At<'_>, kind: &str) {
    let addresses = endpoint.get("addresses");
    if addresses.is_empty() {
        addresses.required(causes, "must contain at least 1 address");
    } else if addresses.list().len() > MAX_ADDRESSES {
        addresses.too_many(causes, MAX_ADDRESSES);
    }
    for address in addresses.items() {
        slice_address(causes, &address, &addresses, kind);
    }
    if endpoint.get("nodeName").is_set() {
        endpoint.get("nodeName").dns_subdomain(causes);
    }
    if endpoint.get("hostname").is_set() {
        endpoint.get("hostname").dns_label(causes);
    }
    let zones = endpoint.at(&["hints", "forZones"]);
    if zones.list().len() > MAX_HINTS {
        return zones.too_many(causes, MAX_HINTS);
    }
    let mut seen = HashSet::new();
    for zone in zones.items() {
        let name = zone.get("name");
        if !seen.insert(name.text()) {
            name.duplicate(causes);
        }
        name.rules(causes, names::label_value_errors(name.text()));
    }
}

fn slice_address(causes: &mut Causes, address: &At<'_>, list: &At<'_>, kind: &str) {
    let text = address.text();
    let family = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
    match kind {
        "IPv4" | "IPv6" => {
            let errors = address_errors(text);
            if !errors.is_empty() {
                return address.rules(causes, errors);
            }
            let found = parse_address(text).map_or("", family);
            if found != kind {
                address
                    .called(list.path().to_owned())
                    .invalid(causes, &format!("must be an {kind} address"));
            }
            address.rules(causes, endpoint_address_errors(text));
        }
        "FQDN" => {
            let name = text.strip_suffix('.').unwrap_or(text);
            let errors = names::dns_subdomain_errors(name);
            if name.is_empty() {
                address.required(causes, "");
            } else if !errors.is_empty() {
                address.invalid(causes, &errors.join(","));
            } else if !name.contains('.') {
                let detail = "should be a domain with at least two segments separated by dots";
                address.invalid(causes, detail);
            }
        }
        _ => {}
    }
}
