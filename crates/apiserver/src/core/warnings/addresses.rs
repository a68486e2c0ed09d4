//! Addresses in forms that are read, but had better not be written, and
//! fields of Services that do nothing.

use super::super::validate::at::At;
use super::super::validate::text_rules::{address_bits, parse_address, parse_network, prefix_mask};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use trueup_object::Value;

/// What is said of an address.
pub(super) fn address(warnings: &mut Vec<String>, path: &str, text: &str) {
    let Some(parsed) = parse_address(text) else {
        return;
    };
    let canonical = parsed.to_canonical();
    let mapped = canonical != parsed;
    if text.parse::<IpAddr>().is_err() || mapped {
        warnings.push(format!(
            "{path}: non-standard IP address {text:?} is invalid: use \"{canonical}\""
        ));
    } else if parsed.is_ipv6() && parsed.to_string() != text {
        warnings.push(format!(
            "{path}: IPv6 address {text:?} should be in RFC 5952 canonical format (\"{parsed}\")"
        ));
    }
}

/// What is said of a network.
pub(super) fn network(warnings: &mut Vec<String>, path: &str, text: &str) {
    let Some((address, length)) = parse_network(text) else {
        return;
    };
    let bits = address_bits(address);
    let base = bits & prefix_mask(length);
    let (base_address, whole) = match address {
        IpAddr::V4(_) => (
            IpAddr::V4(Ipv4Addr::from(u32::try_from(base >> 96).unwrap_or(0))),
            32,
        ),
        IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::from(base)), 128),
    };
    let mut said = false;
    if base != bits {
        said = true;
        warnings.push(format!(
            "{path}: CIDR value {text:?} is ambiguous in this context (should be \"{base_address}/{length}\" or \"{address}/{whole}\"?)"
        ));
    }
    let written = text.split('/').next().unwrap_or("");
    if written.parse::<IpAddr>().is_err() {
        said = true;
        warnings.push(format!(
            "{path}: non-standard CIDR value {text:?} is invalid: use \"{base_address}/{length}\""
        ));
    }
    if !said && address.is_ipv6() && format!("{address}/{length}") != text {
        warnings.push(format!(
            "{path}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format (\"{address}/{length}\")"
        ));
    }
}

const OLD_HINTS: &str = "service.kubernetes.io/topology-aware-hints";

/// Fields of a Service that do nothing, or soon will.
pub(super) fn service(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let spec = root.get("spec");
    if root.at(&["metadata", "annotations", OLD_HINTS]).is_set() {
        warnings.push(format!(
            "annotation {OLD_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead"
        ));
    }
    let kind = spec.get("type").text();
    let own = spec.get("clusterIP").text();
    if !own.is_empty() && own != "None" {
        for item in spec.get("clusterIPs").items() {
            address(&mut warnings, item.path(), item.text());
        }
    }
    let headless = kind == "ClusterIP" && own == "None";
    let external = spec.get("externalIPs");
    if headless {
        ignored_without_address(&mut warnings, &spec);
    }
    for item in external.items() {
        address(&mut warnings, item.path(), item.text());
    }
    if !external.is_empty() && !headless && kind != "ExternalName" {
        let text =
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warnings.push(text.to_owned());
    }
    let balancer = spec.get("loadBalancerIP");
    address(&mut warnings, balancer.path(), balancer.text());
    for range in spec.get("loadBalancerSourceRanges").items() {
        network(&mut warnings, range.path(), range.text());
    }
    by_type(&mut warnings, &spec, kind);
    warnings
}

fn ignored_without_address(warnings: &mut Vec<String>, spec: &At<'_>) {
    if !spec.get("loadBalancerIP").text().is_empty() {
        let text = "spec.loadBalancerIP is ignored for headless services";
        warnings.push(text.to_owned());
    }
    if !spec.get("externalIPs").is_empty() {
        warnings.push("spec.externalIPs is ignored for headless services".to_owned());
    }
    if spec.get("sessionAffinity").text() != "None" {
        let text = "spec.SessionAffinity is ignored for headless services";
        warnings.push(text.to_owned());
    }
}

fn by_type(warnings: &mut Vec<String>, spec: &At<'_>, kind: &str) {
    if kind == "ExternalName" && !spec.get("externalIPs").is_empty() {
        let text = "spec.externalIPs is ignored when spec.type is \"ExternalName\"";
        warnings.push(text.to_owned());
    }
    if kind != "ExternalName" && !spec.get("externalName").text().is_empty() {
        let text = "spec.externalName is ignored when spec.type is not \"ExternalName\"";
        warnings.push(text.to_owned());
    }
    if spec.get("trafficDistribution").text() == "PreferClose" {
        warnings.push(
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""
                .to_owned(),
        );
    }
}

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

pub(super) fn endpoints(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if root.at(&["metadata", "labels", MANAGED_BY]).text() == "endpoint-controller" {
        return warnings;
    }
    for subset in root.get("subsets").items() {
        for list in ["addresses", "notReadyAddresses"] {
            for item in subset.get(list).items() {
                let ip = item.get("ip");
                address(&mut warnings, ip.path(), ip.text());
            }
        }
    }
    warnings
}

pub(super) fn endpoint_slice(root: &At<'_>, live: Option<&Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    if live.is_none() && root.get("addressType").text() == "FQDN" {
        warnings.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
    }
    for endpoint in root.get("endpoints").items() {
        for item in endpoint.get("addresses").items() {
            address(&mut warnings, item.path(), item.text());
        }
    }
    warnings
}

pub(super) fn network_policy(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in root.at(&["spec", rules]).items() {
            for peer in rule.get(peers).items() {
                let block = peer.get("ipBlock");
                let cidr = block.get("cidr");
                network(&mut warnings, cidr.path(), cidr.text());
                for except in block.get("except").items() {
                    network(&mut warnings, except.path(), except.text());
                }
            }
        }
    }
    warnings
}
