//! Requests as values: pure crates say what is to be sent, a shell sends it.
//!
//! Addresses and headers may carry secrets, so that neither `Debug` nor any
//! message shows more of a request than its method and where it goes.

mod address;
mod credentials;
mod escape;
mod redirect;

pub use address::{AddressError, HttpAddress, MAX_ADDRESS_BYTES, Scheme};
pub use credentials::Credentials;
pub use escape::{percent_decode, percent_encode, query_escape};
pub use redirect::{MAX_OUTGOING_REDIRECTS, Redirect};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The most bytes of an answer that a shell reads, where a request doesn't
/// say less.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;
/// The most bytes of an answer that a message quotes.
pub const MAX_QUOTED_BYTES: usize = 1024;

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

impl Method {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Whether the certificate of an `https` server has to be a trusted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificates {
    /// It has to be trusted and be the host's.
    #[default]
    Verified,
    /// Any will do: `insecureSkipVerify`, `disableTLS`.
    Unverified,
}

/// A request as it is to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// How.
    pub method: Method,
    /// Where to; its user and password, if any, are a header already.
    pub address: HttpAddress,
    /// Names, in the case given, and values, in order; a name may come twice.
    pub headers: Vec<(String, String)>,
    /// What is sent; nothing for a `GET`.
    pub body: Vec<u8>,
    /// How long one attempt may take as a whole, in milliseconds.
    pub timeout_ms: u64,
    /// Whether the server's certificate is verified.
    pub certificates: Certificates,
    /// The proxy that the request goes through.
    pub proxy: Option<HttpAddress>,
    /// The most bytes of the answer that are read; what is longer is an error.
    pub max_answer_bytes: usize,
}

impl OutgoingRequest {
    /// A `GET` without headers but that of the address's own user.
    #[must_use]
    pub fn get(address: HttpAddress, timeout_ms: u64) -> Self {
        Self::new(Method::Get, address, Vec::new(), timeout_ms)
    }

    /// A `POST` of a body with its content type.
    #[must_use]
    pub fn post(address: HttpAddress, content_type: &str, body: Vec<u8>, timeout_ms: u64) -> Self {
        let mut request = Self::new(Method::Post, address, body, timeout_ms);
        request.set_header("Content-Type", content_type);
        request
    }

    fn new(method: Method, address: HttpAddress, body: Vec<u8>, timeout_ms: u64) -> Self {
        let (address, user) = address.without_user();
        let mut request = Self {
            method,
            address,
            headers: Vec::new(),
            body,
            timeout_ms,
            certificates: Certificates::Verified,
            proxy: None,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        if let Some((user, password)) = user {
            request.set_basic_auth(&user, &password);
        }
        request
    }

    /// Sets a header in the place of all of that name.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers
            .retain(|(it, _)| !it.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Sets `Authorization: Bearer`.
    pub fn set_bearer(&mut self, token: &str) {
        self.set_header("Authorization", &format!("Bearer {token}"));
    }

    /// Sets `Authorization: Basic`.
    pub fn set_basic_auth(&mut self, user: &str, password: &str) {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.set_header("Authorization", &format!("Basic {encoded}"));
    }

    /// The value of a header, the first of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Method, origin, names of headers and the length of the body: nothing that
/// could be a secret.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("address", &self.address)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("timeout_ms", &self.timeout_ms)
            .field("certificates", &self.certificates)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReceivedAnswer {
    /// The status code.
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl ReceivedAnswer {
    /// An answer of a status and a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    /// The body as a message may quote it: without line breaks and blanks at
    /// its ends, without control characters, and cut after
    /// [`MAX_QUOTED_BYTES`].
    #[must_use]
    pub fn quoted_body(&self) -> String {
        quoted(&String::from_utf8_lossy(&self.body))
    }
}

/// The status and how long the body is: a body may quote what was sent.
impl fmt::Debug for ReceivedAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReceivedAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A text of somebody else's as a message may quote it, see
/// [`ReceivedAnswer::quoted_body`].
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim().chars() {
        if shown.len() + character.len_utf8() > MAX_QUOTED_BYTES {
            shown.push('…');
            break;
        }
        let plain = matches!(character, '\n' | '\t') || !character.is_control();
        shown.push(if plain { character } else { ' ' });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> OutgoingRequest {
        let address = HttpAddress::parse("https://user:pa%3Ass@example.com/hook?t=s3cret").unwrap();
        let mut request = OutgoingRequest::post(address, "application/json", vec![1, 2], 5_000);
        request.set_header("X-Token", "t0ken");
        request
    }

    #[test]
    fn a_user_in_the_address_becomes_a_header() {
        let request = request();
        assert_eq!(
            request.header("authorization"),
            Some("Basic dXNlcjpwYTpzcw==")
        );
        assert_eq!(
            request.address.to_url(),
            "https://example.com/hook?t=s3cret"
        );
    }

    #[test]
    fn what_debug_shows_holds_no_secret() {
        let mut request = request();
        request.proxy = Some(HttpAddress::parse("http://me:hidden@proxy:3128").unwrap());
        let shown = format!("{request:?}");
        for secret in ["s3cret", "t0ken", "dXNlcj", "hook", "hidden"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("https://example.com"), "{shown}");
    }

    #[test]
    fn a_header_that_is_set_again_stands_once() {
        let mut request = request();
        request.set_bearer("a");
        request.set_bearer("b");
        let values: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name == "Authorization")
            .collect();
        assert_eq!(values, [&("Authorization".into(), "Bearer b".into())]);
    }

    #[test]
    fn quotes_are_short_and_printable() {
        let answer = ReceivedAnswer::new(500, format!(" a\u{7}b\r\n{}", "é".repeat(2_000)));
        let shown = answer.quoted_body();
        assert!(shown.starts_with("a b \né"), "{shown}");
        assert!(shown.ends_with('…'));
        assert!(shown.len() <= MAX_QUOTED_BYTES + '…'.len_utf8());
    }
}
