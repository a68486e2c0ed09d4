//! What keeps texts from being what a field asks for, in the API server's
//! words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What keeps a text from being the name of a port.
pub(in crate::core) fn port_name_errors(name: &str) -> Vec<&'static str> {
    let mut errors = Vec::new();
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.len() > 15 {
        errors.push("must be no more than 15 characters");
    }
    if name.is_empty() || !name.bytes().all(inside) {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
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

const KEY_RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What keeps a text from being a key of a ConfigMap or Secret.
pub(in crate::core) fn config_key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 characters".to_owned());
    }
    if key.is_empty()
        || !key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    {
        errors.push(KEY_RULE.to_owned());
    }
    match key {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        key if key.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// What keeps a text from being the name of an environment variable.
pub(in crate::core) fn variable_name_errors(name: &str) -> Vec<&'static str> {
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push("environment variable name must be non-empty");
    }
    if !name
        .chars()
        .all(|c| (c.is_ascii_graphic() || c == ' ') && c != '=')
    {
        errors.push(
            "a valid environment variable name must consist only of printable ASCII characters other than '='",
        );
    }
    errors
}

/// What keeps a text from being the name of an HTTP header.
pub(in crate::core) fn header_name_errors(name: &str) -> Option<&'static str> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (name.is_empty() || !name.bytes().all(inside)).then_some(
        "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    )
}

/// What keeps a text from being a percentage.
pub(in crate::core) fn percent_errors(text: &str) -> Option<&'static str> {
    let number = text.strip_suffix('%').unwrap_or("");
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (!is_number).then_some(
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    )
}

/// What keeps a text from being a DNS subdomain behind `*.`.
pub(in crate::core) fn wildcard_subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > trueup_object::names::MAX_SUBDOMAIN_BYTES {
        errors.push("must be no more than 253 characters".to_owned());
    }
    let is_wildcard = text
        .strip_prefix("*.")
        .is_some_and(trueup_object::names::is_dns_subdomain);
    if !is_wildcard {
        errors.push("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    errors
}

/// What keeps a text from being a search domain: a DNS subdomain whose labels
/// may hold underscores.
pub(in crate::core) fn search_domain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > trueup_object::names::MAX_SUBDOMAIN_BYTES {
        errors.push("must be no more than 253 characters".to_owned());
    }
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_label = |label: &str| {
        let label = label.strip_prefix('_').unwrap_or(label).as_bytes();
        label.first().is_some_and(|b| edge(*b))
            && label.last().is_some_and(|b| edge(*b))
            && label.iter().all(|b| edge(*b) || b"-_".contains(b))
    };
    if !text.split('.').all(is_label) {
        errors.push("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')".to_owned());
    }
    errors
}

/// An IP address as older fields take it: IPv4 parts may have leading zeros.
pub(in crate::core) fn parse_address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut parts = text.split('.').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<u8>().ok()).flatten()
    });
    let mut next = || parts.next().flatten();
    let address = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    parts.next().is_none().then_some(IpAddr::V4(address))
}

/// What keeps a text from being an IP address.
pub(in crate::core) fn address_errors(text: &str) -> Vec<&'static str> {
    match parse_address(text) {
        None => vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
        Some(IpAddr::V4(_)) if text.parse::<Ipv4Addr>().is_err() => {
            vec!["must not have leading 0s"]
        }
        Some(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            vec!["must not be an IPv4-mapped IPv6 address"]
        }
        Some(_) => Vec::new(),
    }
}

/// A network in CIDR notation: address and length of the prefix.
pub(in crate::core) fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let address = parse_address(address)?;
    let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length: u32 = is_number.then(|| length.parse().ok()).flatten()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then_some((address, length))
}

/// The bits of an address, those of IPv4 at the upper end.
pub(in crate::core) fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The bits that a prefix of a length keeps.
pub(in crate::core) fn prefix_mask(length: u32) -> u128 {
    if length == 0 {
        0
    } else {
        u128::MAX << (128 - length)
    }
}

/// What keeps a text from being a network in CIDR notation.
pub(in crate::core) fn network_errors(text: &str) -> Vec<&'static str> {
    let Some((address, length)) = parse_network(text) else {
        return vec!["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
    };
    let (written, digits) = text.split_once('/').unwrap_or((text, ""));
    if written.parse::<IpAddr>().is_err() || (digits.len() > 1 && digits.starts_with('0')) {
        return vec!["must not have leading 0s in IP or prefix length"];
    }
    if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return vec!["must not have an IPv4-mapped IPv6 address"];
    }
    let bits = address_bits(address);
    if bits & prefix_mask(length) != bits {
        return vec!["must not have bits set beyond the prefix length"];
    }
    Vec::new()
}

/// What keeps an address from being that of an endpoint.
pub(in crate::core) fn endpoint_address_errors(text: &str) -> Vec<String> {
    let Some(address) = parse_address(text) else {
        return vec!["must be a valid IP address".to_owned()];
    };
    let (link_local, link_multicast) = match address {
        IpAddr::V4(address) => (
            address.is_link_local(),
            address.octets()[..3] == [224, 0, 0],
        ),
        IpAddr::V6(address) => (
            address.segments()[0] & 0xffc0 == 0xfe80,
            address.segments()[0] & 0xff0f == 0xff02,
        ),
    };
    let mut errors = Vec::new();
    if address.is_unspecified() {
        errors.push(format!("may not be unspecified ({text})"));
    }
    if address.is_loopback() {
        errors.push("may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned());
    }
    if link_local {
        errors.push("may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned());
    }
    if link_multicast {
        errors.push(
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned(),
        );
    }
    errors
}

/// A path that leaves its directory.
pub(in crate::core) fn backstep_errors(path: &str) -> Option<&'static str> {
    path.split('/')
        .any(|part| part == "..")
        .then_some("must not contain '..'")
}

/// What keeps a path from being one within a directory.
pub(in crate::core) fn descending_path_errors(path: &str) -> Vec<&'static str> {
    let absolute = path.starts_with('/').then_some("must be a relative path");
    absolute.into_iter().chain(backstep_errors(path)).collect()
}

/// What keeps a path from being that of a file of a volume.
pub(in crate::core) fn file_path_errors(path: &str) -> Vec<&'static str> {
    let mut errors = descending_path_errors(path);
    if path.starts_with("..") && !path.starts_with("../") {
        errors.push("must not start with '..'");
    }
    errors
}

/// What keeps a text from being a domain, a slash and a path.
pub(in crate::core) fn domain_path_error(text: &str) -> Option<&'static str> {
    let parts = text.split_once('/');
    parts
        .is_none_or(|(domain, path)| domain.is_empty() || path.is_empty())
        .then_some("must be a domain-prefixed path (such as \"acme.io/foo\")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_strict() {
        for (text, error) in [
            ("10.0.0.1", None),
            ("::1", None),
            ("10.0.0.01", Some("must not have leading 0s")),
            (
                "::ffff:1.2.3.4",
                Some("must not be an IPv4-mapped IPv6 address"),
            ),
            (
                "10.0.0",
                Some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            ),
        ] {
            assert_eq!(address_errors(text).first().copied(), error, "{text}");
        }
        assert!(network_errors("10.0.0.0/8").is_empty());
        assert!(network_errors("2001:db8::/32").is_empty());
        assert_eq!(
            network_errors("10.1.0.0/8"),
            ["must not have bits set beyond the prefix length"]
        );
        assert_eq!(
            network_errors("10.0.0.0/33"),
            ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
        );
    }

    #[test]
    fn paths_of_files_stay_below() {
        assert!(file_path_errors("a/b").is_empty());
        assert_eq!(file_path_errors("/a"), ["must be a relative path"]);
        assert_eq!(file_path_errors("a/../b"), ["must not contain '..'"]);
        assert_eq!(file_path_errors("..a"), ["must not start with '..'"]);
    }

    #[test]
    fn names_of_ports_are_short_and_lower_case() {
        assert!(port_name_errors("http").is_empty());
        assert_eq!(
            port_name_errors("80"),
            ["must contain at least one letter (a-z)"]
        );
        assert_eq!(port_name_errors("a-very-long-port-name").len(), 1);
    }
}
