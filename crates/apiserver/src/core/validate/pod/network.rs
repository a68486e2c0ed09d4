//! Names, name servers and ports of Pods.

use super::Holder;
use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::{address_errors, search_domain_errors};

const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCH_DOMAINS: usize = 32;
const MAX_SEARCH_CHARACTERS: usize = 2048;
const MAX_HOSTNAME_BYTES: usize = 64;

/// On the network of the node, a port is the same within and without.
pub(super) fn host_ports(causes: &mut Causes, spec: &At<'_>, holder: Holder<'_>) {
    if !spec.get("hostNetwork").is_true() {
        return;
    }
    for container in spec.get("containers").items() {
        for port in container.get("ports").items() {
            let host = port.get("hostPort").number().unwrap_or(0);
            let within = port.get("containerPort").number().unwrap_or(0);
            if host != within && (host != 0 || holder != Holder::Template) {
                causes.push(Cause::invalid(
                    port.child("hostPort"),
                    host,
                    "must match `containerPort` when `hostNetwork` is true",
                ));
            }
        }
    }
}

pub(super) fn dns_config(causes: &mut Causes, spec: &At<'_>) {
    let config = spec.get("dnsConfig");
    let servers = config.get("nameservers");
    if spec.get("dnsPolicy").text() == "None" {
        if !config.is_set() {
            return config.required(causes, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        if servers.is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return servers.required(causes, detail);
        }
    }
    if servers.list().len() > MAX_NAMESERVERS {
        servers.invalid(causes, "must not have more than 3 nameservers");
    }
    for server in servers.items() {
        server.rules(causes, address_errors(server.text()));
    }
    search_domains(causes, &config.get("searches"));
    for option in config.get("options").items() {
        if option.get("name").text().is_empty() {
            option.required(causes, "must not be empty");
        }
    }
}

fn search_domains(causes: &mut Causes, searches: &At<'_>) {
    if searches.list().len() > MAX_SEARCH_DOMAINS {
        searches.invalid(causes, "must not have more than 32 search paths");
    }
    let bytes: usize = searches.items().map(|it| it.text().len() + 1).sum();
    if bytes.saturating_sub(1) > MAX_SEARCH_CHARACTERS {
        let detail =
            "must not have more than 2048 characters (including spaces) in the search list";
        searches.invalid(causes, detail);
    }
    for search in searches.items().filter(|search| search.text() != ".") {
        let name = search.text().strip_suffix('.').unwrap_or(search.text());
        for error in search_domain_errors(name) {
            super::invalid(causes, search.path(), name, &error);
        }
    }
}

pub(super) fn hostname_override(causes: &mut Causes, spec: &At<'_>) {
    let hostname = spec.get("hostnameOverride");
    if !hostname.is_set() {
        return;
    }
    if spec.get("setHostnameAsFQDN").is_true() {
        hostname.forbidden(
            causes,
            "may not be specified when setHostnameAsFQDN is true",
        );
    }
    if spec.get("hostNetwork").is_true() {
        hostname.forbidden(causes, "may not be specified when hostNetwork is true");
    }
    if hostname.text().len() > MAX_HOSTNAME_BYTES {
        hostname.too_long(causes, MAX_HOSTNAME_BYTES);
    }
    hostname.dns_subdomain(causes);
}

pub(super) fn host_aliases(causes: &mut Causes, aliases: &At<'_>) {
    for alias in aliases.items() {
        let address = alias.get("ip");
        address.rules(causes, address_errors(address.text()));
        for hostname in alias.get("hostnames").items() {
            hostname.dns_subdomain(causes);
        }
    }
}
