//! Names of hosts, as listeners and routes give them.

use trueup_object::Text;

/// The hosts that a listener or a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// All.
    Any,
    /// Those that end so, after at least one label: `.example.com` of
    /// `*.example.com`.
    Below(Text),
    /// This one.
    Exact(Text),
}

impl HostPattern {
    /// The pattern of a `hostname`; the empty text is every host.
    #[must_use]
    pub fn of(hostname: &str) -> Self {
        let lower: Text = hostname.to_ascii_lowercase().into();
        match lower.strip_prefix('*') {
            _ if lower.is_empty() => Self::Any,
            Some(below) => Self::Below(below.into()),
            None => Self::Exact(lower),
        }
    }

    /// Whether a host, in lower case and without its port, is meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Below(end) => host.len() > end.len() && host.ends_with(end.as_str()),
            Self::Exact(name) => name == host,
        }
    }

    /// The hosts that both mean; `None` if there are none.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, both) | (both, Self::Any) => Some(both.clone()),
            (Self::Exact(name), pattern) | (pattern, Self::Exact(name)) => {
                pattern.matches(name).then(|| Self::Exact(name.clone()))
            }
            (Self::Below(one), Self::Below(two)) => {
                let (long, short) = if one.len() < two.len() {
                    (two, one)
                } else {
                    (one, two)
                };
                long.ends_with(short.as_str())
                    .then(|| Self::Below(long.clone()))
            }
        }
    }

    /// The greater, the fewer hosts are meant: whole names before patterns,
    /// then by length.
    #[must_use]
    pub fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::Below(end) => (1, end.len()),
            Self::Exact(name) => (2, name.len()),
        }
    }
}

/// A `Host` header's name: in lower case, without port and final dot.
pub(crate) fn host_name(header: &str) -> String {
    let name = match header.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => header,
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_as_the_api_says() {
        for (pattern, host, expected) in [
            ("", "shop.example.com", true),
            ("shop.example.com", "shop.example.com", true),
            ("Shop.Example.com", "shop.example.com", true),
            ("shop.example.com", "a.shop.example.com", false),
            ("*.example.com", "shop.example.com", true),
            ("*.example.com", "a.shop.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "badexample.com", false),
        ] {
            assert_eq!(
                HostPattern::of(pattern).matches(host),
                expected,
                "{pattern} {host}"
            );
        }
    }

    #[test]
    fn listener_and_route_meet_in_the_narrower_pattern() {
        for (one, two, both) in [
            ("", "", Some("")),
            ("", "a.example", Some("a.example")),
            ("*.example", "a.example", Some("a.example")),
            ("*.example", "*.b.example", Some("*.b.example")),
            ("*.example", "*.example", Some("*.example")),
            ("*.example", "a.test", None),
            ("a.example", "b.example", None),
            ("*.b.example", "*.c.example", None),
            ("*.le", "*.example", None),
        ] {
            let (one, two) = (HostPattern::of(one), HostPattern::of(two));
            let both = both.map(HostPattern::of);
            assert_eq!(one.intersection(&two), both);
            assert_eq!(two.intersection(&one), both);
        }
    }

    #[test]
    fn a_port_is_no_part_of_the_name() {
        for (header, name) in [
            ("Shop.Example:8080", "shop.example"),
            ("shop.example.", "shop.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_name(header), name);
        }
    }
}
