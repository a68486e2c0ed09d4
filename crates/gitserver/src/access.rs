//! Who may talk to the server, and as whom.

use base64::Engine;
use http::{HeaderMap, Uri, header};

/// What a client must present to use a repository.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and password, sent as HTTP basic authentication.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token, sent as a bearer token.
    Bearer {
        /// The token.
        token: String,
    },
}

/// Secrets are not shown.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basic { username, .. } => write!(formatter, "Basic({username}, ***)"),
            Self::Bearer { .. } => formatter.write_str("Bearer(***)"),
        }
    }
}

impl Credentials {
    /// Whether the request presents these credentials.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, value)) = authorization(headers) else {
            return false;
        };
        match self {
            Self::Basic { username, password } if scheme.eq_ignore_ascii_case("basic") => {
                let presented = base64::engine::general_purpose::STANDARD.decode(value.trim());
                presented.is_ok_and(|presented| {
                    same(&presented, format!("{username}:{password}").as_bytes())
                })
            }
            Self::Bearer { token } if scheme.eq_ignore_ascii_case("bearer") => {
                same(value.trim().as_bytes(), token.as_bytes())
            }
            _ => false,
        }
    }
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')
}

/// Compares without telling by its duration where the difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

/// Whether the request is meant for one of our names. A page in a browser
/// that made its own name point here is turned away by this.
pub(crate) fn host_is_allowed(headers: &HeaderMap, uri: &Uri, hosts: &[String]) -> bool {
    let mut named = headers.get_all(header::HOST).iter();
    let header = named.next().and_then(|value| value.to_str().ok());
    if named.next().is_some() {
        return false;
    }
    let allowed = |authority: &str| {
        let host = without_port(authority);
        hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
    };
    let uri_fits = uri
        .authority()
        .is_none_or(|authority| allowed(authority.as_str()));
    uri_fits && header.is_some_and(allowed)
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}
