//! Where requests may go: not to addresses of the link alone, at which clouds
//! hand out the identity of the machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error::{Failure, FetchErrorKind};

/// Where machines of some clouds ask for their identity at addresses that are
/// no link-local ones: Amazon's over IPv6, and Alibaba's.
const AMAZON_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const CAUSE: &str = "link-local addresses are not asked: they belong to the machine";

/// Whether nobody's repository or file is at an address.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => {
            embedded(address).is_some_and(is_forbidden_v4)
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address == AMAZON_METADATA
        }
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address == ALIBABA_METADATA
}

/// The address of version 4 that one of version 6 leads to: mapped or
/// compatible (RFC 4291), behind NAT64 (RFC 6052, RFC 8215) or 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x2002, high, low, ..] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0, 0, 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

/// Refuses a URL whose host is written as such an address, in whatever way:
/// the parser has read `0xa9fea9fe` and `169.16689662` as what they are.
pub(crate) fn check(url: &Url) -> Result<(), Failure> {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse() {
        Ok(address) if is_forbidden(address) => {
            Err(Failure::new(FetchErrorKind::Unreachable, CAUSE))
        }
        _ => Ok(()),
    }
}

/// Looks names up as the system does, and leaves those addresses out. The
/// connection is made to what is answered here, so that a name that changes
/// its mind changes nothing.
#[derive(Debug)]
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| not_found(&name, &error))?;
            let allowed = allowed(found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn not_found(name: &Name, error: &std::io::Error) -> std::io::Error {
    std::io::Error::other(format!("{:?} is not looked up: {error}", name.as_str()))
}

fn allowed(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, std::io::Error> {
    let (forbidden, allowed): (Vec<_>, Vec<_>) = found.partition(|one| is_forbidden(one.ip()));
    if allowed.is_empty() && !forbidden.is_empty() {
        return Err(std::io::Error::other(CAUSE));
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_writing_a_link_local_address_is_let_through() {
        for host in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]",
            "[::a9fe:a9fe]",
            "[::]",
            "100.100.100.200",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "0.0.0.0",
            "0",
        ] {
            let url = Url::parse(&format!("http://{host}/latest/meta-data")).unwrap();
            assert!(check(&url).is_err(), "{url}");
        }
        for host in [
            "127.0.0.1",
            "10.0.0.1",
            "[::1]",
            "git.example.com",
            "169.253.1.1",
        ] {
            assert!(check(&Url::parse(&format!("http://{host}/")).unwrap()).is_ok());
        }
    }

    #[test]
    fn a_name_that_means_such_an_address_is_not_followed_there() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let mixed = [at("169.254.169.254"), at("192.0.2.1")];
        assert_eq!(allowed(mixed.into_iter()).unwrap(), [at("192.0.2.1")]);
        let error = allowed([at("fe80::1")].into_iter()).unwrap_err();
        assert!(error.to_string().contains("link-local"), "{error}");
    }
}
