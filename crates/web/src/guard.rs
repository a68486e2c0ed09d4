//! Which names of a host are answered to.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// The names under which a request may come, by its `Host` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any: the network around decides who gets here.
    Any,
    /// `localhost`, its subdomains, and loopback addresses.
    ThisMachine,
}

impl Hosts {
    /// What suits a listener: one on a loopback address is for this machine.
    #[must_use]
    pub fn for_listener(address: SocketAddr) -> Self {
        if address.ip().is_loopback() {
            Self::ThisMachine
        } else {
            Self::Any
        }
    }

    fn allow(&self, host: Option<&str>) -> bool {
        *self == Self::Any || host.is_some_and(is_this_machine)
    }
}

fn is_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase();
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = named.or_else(|| {
        request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
    });
    if hosts.allow(host) {
        return next.run(request).await;
    }
    (
        StatusCode::MISDIRECTED_REQUEST,
        "this server is not known by that name\n",
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_machine_is_refused_on_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:9090",
            "[::1]:9090",
            "git.localhost:1",
        ] {
            assert!(Hosts::ThisMachine.allow(Some(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "10.0.0.1",
            "",
        ] {
            assert!(!Hosts::ThisMachine.allow(Some(host)), "{host}");
        }
        assert!(!Hosts::ThisMachine.allow(None));
        assert!(Hosts::Any.allow(None));
    }
}
