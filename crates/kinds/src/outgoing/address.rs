//! Absolute `http` and `https` addresses.

use super::escape::{percent_decode, query_escape};
use std::fmt;

/// The longest address.
pub const MAX_ADDRESS_BYTES: usize = 8 << 10;

/// What an address begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

impl Scheme {
    /// The word in front of `://`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text is no address; the text itself may be a secret and is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Over [`MAX_ADDRESS_BYTES`].
    #[error("it is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
    /// Neither `http://` nor `https://` in front.
    #[error("it begins with neither http:// nor https://")]
    Scheme,
    /// Control characters, blanks or backslashes.
    #[error("it holds blanks, backslashes or control characters")]
    Characters,
    /// No host, or one that can be none.
    #[error("its host is missing or can be none")]
    Host,
    /// A port that is no number up to 65535.
    #[error("its port is no number up to 65535")]
    Port,
    /// A `%` without two hexadecimal digits.
    #[error("it has a % without two hexadecimal digits")]
    Escape,
}

/// An absolute `http` or `https` address without fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAddress {
    scheme: Scheme,
    user: Option<(String, String)>,
    host: String,
    port: Option<u16>,
    path: String,
    query: String,
}

impl HttpAddress {
    /// Reads an address; the host is in lower case afterwards, and characters
    /// beyond ASCII in path and query are percent-encoded.
    ///
    /// # Errors
    /// What is no absolute `http` or `https` address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let (scheme, rest) = split_scheme(text).ok_or(AddressError::Scheme)?;
        if rest
            .chars()
            .any(|it| it.is_control() || it.is_whitespace() || it == '\\')
        {
            return Err(AddressError::Characters);
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, place) = rest.split_at(end);
        let (path, query) = place.split_once('?').unwrap_or((place, ""));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(read_user(user)?), authority),
            None => (None, authority),
        };
        let (host, port) = read_authority(authority)?;
        percent_decode_bytes_exist(path)?;
        Ok(Self {
            scheme,
            user,
            host,
            port,
            path: ascii_only(path),
            query: ascii_only(query),
        })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port, in lower case; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none is given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.scheme.default_port())
    }

    /// Host and port, where one is given, as the header `Host` has them.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Scheme, host and port: what a message may show of an address.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.name(), self.authority())
    }

    /// The path as it is sent, percent-encoded, perhaps empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query as it is sent, without `?`, perhaps empty.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The whole address without user and password: not for messages, since
    /// path and query may hold secrets.
    #[must_use]
    pub fn to_url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{}", self.origin(), self.path, self.query)
    }

    /// The same address with a path in the place of its own, and no query.
    /// The path is percent-encoded already.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        Self {
            path: ascii_only(path),
            query: String::new(),
            ..self.clone()
        }
    }

    /// The same address with `path` behind its own, one slash between them,
    /// and no query.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let parts = self.path.split('/').chain(path.split('/'));
        let mut joined = String::new();
        for part in parts.filter(|part| !matches!(*part, "" | ".")) {
            joined.push('/');
            joined.push_str(part);
        }
        self.with_path(&joined)
    }

    /// As [`HttpAddress::join`], with the query as it is.
    #[must_use]
    pub fn join_keeping_query(&self, path: &str) -> Self {
        Self {
            query: self.query.clone(),
            ..self.join(path)
        }
    }

    /// The same address with these names and values, encoded as a form does,
    /// as its query.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", query_escape(name), query_escape(value)))
            .collect();
        Self {
            query: pairs.join("&"),
            ..self.clone()
        }
    }

    /// The address without user and password, and these, decoded.
    pub(super) fn without_user(mut self) -> (Self, Option<(String, String)>) {
        let user = self.user.take();
        (self, user)
    }

    /// The user and password of the address, decoded.
    #[must_use]
    pub fn user(&self) -> Option<(&str, &str)> {
        let (user, password) = self.user.as_ref()?;
        Some((user, password))
    }

    /// Where a `Location` leads from here: an absolute address, or a path on
    /// the same host, relative or from the root.
    ///
    /// # Errors
    /// What leads to no address.
    pub fn resolve(&self, location: &str) -> Result<Self, AddressError> {
        if split_scheme(location).is_some() {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme.name()));
        }
        if location
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|it| it.contains(':'))
        {
            return Err(AddressError::Scheme);
        }
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let place = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') | None => format!("{}{location}", self.path),
            Some(_) => format!("{folder}/{location}"),
        };
        Self::parse(&format!("{}{place}", self.origin()))
    }
}

/// The origin only: user, path and query may hold secrets.
impl fmt::Debug for HttpAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HttpAddress({}/…)", self.origin())
    }
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|it| scheme.eq_ignore_ascii_case(it.name()))
        .map(|it| (it, rest))
}

fn read_user(text: &str) -> Result<(String, String), AddressError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |text| percent_decode(text).ok_or(AddressError::Escape);
    Ok((decode(user)?, decode(password)?))
}

fn read_authority(text: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let possible = match inner {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_');
            !host.is_empty() && host.chars().all(allowed)
        }
    };
    if !possible {
        return Err(AddressError::Host);
    }
    Ok((host.to_ascii_lowercase(), port.map(read_port).transpose()?))
}

fn read_port(text: &str) -> Result<u16, AddressError> {
    if text.bytes().any(|it| !it.is_ascii_digit()) {
        return Err(AddressError::Port);
    }
    text.parse().map_err(|_| AddressError::Port)
}

fn percent_decode_bytes_exist(path: &str) -> Result<(), AddressError> {
    let whole = path.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    whole.then_some(()).ok_or(AddressError::Escape)
}

fn ascii_only(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_graphic() {
            encoded.push(character);
        } else {
            encoded.push_str(&super::percent_encode(character.encode_utf8(&mut [0; 4])));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> HttpAddress {
        HttpAddress::parse(text).unwrap()
    }

    #[test]
    fn addresses_are_read() {
        let address = parse("HTTPS://u:p%40@Example.COM:8443/a%20b/ü?x=1#frag");
        assert_eq!(address.host(), "example.com");
        assert_eq!(address.port(), 8443);
        assert_eq!(address.user(), Some(("u", "p@")));
        assert_eq!(
            address.to_url(),
            "https://example.com:8443/a%20b/%C3%BC?x=1"
        );
        assert_eq!(parse("http://[::1]:9090").authority(), "[::1]:9090");
        assert_eq!(parse("http://[::1]").port(), 80);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("", AddressError::Scheme),
            (":::", AddressError::Scheme),
            ("prometheus:9090", AddressError::Scheme),
            ("ftp://a", AddressError::Scheme),
            ("file:///etc/passwd", AddressError::Scheme),
            ("http://", AddressError::Host),
            ("http:///path", AddressError::Host),
            ("http://a b", AddressError::Characters),
            ("http://a\r\nX: y", AddressError::Characters),
            ("http://a\\b", AddressError::Characters),
            ("http://a:99999", AddressError::Port),
            ("http://a:+80", AddressError::Port),
            ("http://[::1", AddressError::Host),
            ("http://[zz]", AddressError::Host),
            ("http://a;b", AddressError::Host),
            ("http://a/%zz", AddressError::Escape),
            ("http://%zz@a/", AddressError::Escape),
        ] {
            assert_eq!(HttpAddress::parse(text), Err(error), "{text}");
        }
        let long = format!("http://a/{}", "b".repeat(MAX_ADDRESS_BYTES));
        assert_eq!(HttpAddress::parse(&long), Err(AddressError::TooLong));
    }

    #[test]
    fn paths_are_joined_with_one_slash() {
        for (base, joined) in [
            ("http://p:9090", "http://p:9090/api/v1/query"),
            ("http://p:9090/", "http://p:9090/api/v1/query"),
            ("http://p/prom//x/?a=b", "http://p/prom/x/api/v1/query"),
        ] {
            assert_eq!(parse(base).join("api/v1/query").to_url(), joined);
        }
    }

    #[test]
    fn locations_are_resolved() {
        let here = parse("http://a.example:80/x/y?z=1");
        for (location, there) in [
            ("/p?q", "http://a.example:80/p?q"),
            ("w", "http://a.example:80/x/w"),
            ("//b.example/c", "http://b.example/c"),
            ("https://c.example", "https://c.example"),
            ("?n=2", "http://a.example:80/x/y?n=2"),
        ] {
            assert_eq!(here.resolve(location).unwrap().to_url(), there);
        }
        for location in ["javascript:alert(1)", "gopher://x", "http://"] {
            assert!(here.resolve(location).is_err(), "{location}");
        }
    }
}
