//! Addresses of this machine for the ports of Pods.

use super::dial::{Dial, Port, ports_of};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use trueup_object::Value;

/// Addresses tried for a Pod before it gets 127.0.0.1.
const MAX_ADDRESSES: u32 = 16;

/// The first of the addresses from which each Pod gets its own: 127.64.0.0/10.
/// All of 127.0.0.0/8 leads to this machine on Linux.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([127, 64, 0, 0]);
const ADDRESS_BITS: u32 = 22;

/// Finds where a Pod's processes can listen: under an address of its own at
/// the numbers of its ports where both can be had, else at free ports of
/// 127.0.0.1. `taken` are the addresses of the node's other Pods.
pub(super) fn find(pod: &Value, uid: &str, taken: &HashSet<IpAddr>) -> io::Result<Dial> {
    let ports = ports_of(pod);
    for attempt in 0..MAX_ADDRESSES {
        let address = IpAddr::V4(own_address(uid, attempt));
        if taken.contains(&address) {
            continue;
        }
        if let Ok(dial) = listen_at(&ports, address) {
            return Ok(dial);
        }
    }
    let free = ports.into_iter().map(|port| {
        let address = bound(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
        Ok((port, address))
    });
    Ok(Dial {
        ports: free.collect::<io::Result<_>>()?,
    })
}

/// The address of a Pod, and further ones should it be taken.
fn own_address(uid: &str, attempt: u32) -> Ipv4Addr {
    let mut digest = Sha256::new();
    digest.update(uid.as_bytes());
    digest.update(attempt.to_be_bytes());
    let bytes = digest.finalize();
    let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ipv4Addr::from(FIRST_ADDRESS + (number >> (32 - ADDRESS_BITS)))
}

/// The ports at one address. A number that only an administrator may listen
/// at becomes a free one; one in use makes the whole address useless.
fn listen_at(ports: &[Port], address: IpAddr) -> io::Result<Dial> {
    let at = ports.iter().map(|port| {
        let wanted = SocketAddr::new(address, port.number.unwrap_or(0));
        let bound = match bound(wanted) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                bound(SocketAddr::new(address, 0))
            }
            outcome => outcome,
        };
        Ok((port.clone(), bound?))
    });
    Ok(Dial {
        ports: at.collect::<io::Result<_>>()?,
    })
}

/// Whether one can listen at an address, and at which exactly. It is free
/// again afterwards: the process is to have it.
fn bound(address: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind(address)?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn pod(port: u16) -> Value {
        value!({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": (i64::from(port))}]}]}})
    }

    #[test]
    fn addresses_are_within_their_range() {
        for attempt in 0..2_000 {
            let [first, second, ..] = own_address("uid", attempt).octets();
            assert!(first == 127 && (64..128).contains(&second));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pods_get_addresses_of_their_own_unless_they_are_taken() {
        let free = find(&pod(18_080), "uid", &HashSet::new()).unwrap();
        let (_, address) = free.ports[0].clone();
        assert_eq!(
            address,
            SocketAddr::new(own_address("uid", 0).into(), 18_080)
        );
        let next = find(&pod(18_080), "uid", &[address.ip()].into()).unwrap();
        assert_eq!(next.ports[0].1.ip(), own_address("uid", 1));
        let _occupied = TcpListener::bind(address).unwrap();
        let again = find(&pod(18_080), "uid", &HashSet::new()).unwrap();
        assert_eq!(again, next);
    }
}
