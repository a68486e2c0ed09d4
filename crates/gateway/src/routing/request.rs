//! Which requests a rule is for.

use super::host::host_name;
use super::unsupported::{Unsupported, at};
use crate::api::{MatchSpec, PathKind, TextKind, TextSpec};
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderName, Method, Request};
use regex::bytes::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::cmp::Reverse;
use trueup_object::Text;

/// How large a regular expression may be, compiled.
pub const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// What is known of a request when its backend is chosen.
#[derive(Clone, Debug)]
pub struct RequestFacts<'a> {
    /// The host's name, in lower case and without port.
    pub host: String,
    /// The method.
    pub method: &'a Method,
    /// The path as it was sent.
    pub path: &'a str,
    /// What is behind the question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
}

impl<'a> RequestFacts<'a> {
    /// The facts of a request.
    #[must_use]
    pub fn of<B>(request: &'a Request<B>) -> Self {
        let uri = request.uri();
        let header = request.headers().get(HOST);
        let host = uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or_else(|| header?.to_str().ok());
        Self {
            host: host_name(host.unwrap_or_default()),
            method: request.method(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            headers: request.headers(),
        }
    }
}

/// Conditions on a request that must hold together.
#[derive(Clone, Debug)]
pub(crate) struct RequestMatch {
    path: PathMatch,
    method: Option<Method>,
    headers: Vec<(HeaderName, TextMatch)>,
    query: Vec<(Text, TextMatch)>,
}

#[derive(Clone, Debug)]
enum PathMatch {
    Exact(Text),
    /// Without a slash at its end.
    Prefix(Text),
    Pattern(Regex, usize),
}

#[derive(Clone, Debug)]
enum TextMatch {
    Exact(Text),
    Pattern(Regex),
}

/// Which of several matches counts: the smallest. Whole paths before patterns
/// before prefixes (where patterns stand is left open by the API), the longer
/// path before the shorter, then whether there is a method, then the number of
/// headers and of parameters.
pub(crate) type Precedence = Reverse<(u8, usize, bool, usize, usize)>;

impl RequestMatch {
    pub(crate) fn read(place: &str, spec: &MatchSpec) -> Result<Self, Unsupported> {
        let value = spec.path.value.clone().unwrap_or_else(|| "/".into());
        let path = match spec.path.kind {
            PathKind::Exact => PathMatch::Exact(value),
            PathKind::PathPrefix => PathMatch::Prefix(value.trim_end_matches('/').into()),
            PathKind::RegularExpression => {
                PathMatch::Pattern(pattern(&at(place, "path.value"), &value)?, value.len())
            }
        };
        let method = spec.method.as_ref().map(|method| {
            Method::from_bytes(method.as_bytes())
                .map_err(|_| Unsupported::new(&at(place, "method"), method))
        });
        Ok(Self {
            path,
            method: method.transpose()?,
            headers: headers(place, &spec.headers)?,
            query: query(place, &spec.query_params)?,
        })
    }

    /// The prefix that paths begin with, without a slash at its end; `None`
    /// where paths are compared otherwise.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match &self.path {
            PathMatch::Prefix(prefix) => Some(prefix),
            _ => None,
        }
    }

    pub(crate) fn precedence(&self) -> Precedence {
        let (kind, length) = match &self.path {
            PathMatch::Exact(path) => (2, path.len()),
            PathMatch::Pattern(_, length) => (1, *length),
            PathMatch::Prefix(prefix) => (0, prefix.len()),
        };
        let (headers, query) = (self.headers.len(), self.query.len());
        Reverse((kind, length, self.method.is_some(), headers, query))
    }

    pub(crate) fn holds(&self, facts: &RequestFacts<'_>) -> bool {
        self.path.holds(facts.path)
            && self.method.as_ref().is_none_or(|it| it == facts.method)
            && self.headers.iter().all(|(name, condition)| {
                header(facts.headers, name).is_some_and(|value| condition.holds(&value))
            })
            && self.query.iter().all(|(name, condition)| {
                parameter(facts.query, name).is_some_and(|value| condition.holds(&value))
            })
    }
}

impl PathMatch {
    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            // By whole elements: /a is a prefix of /a and /a/b, not of /ab.
            Self::Prefix(prefix) => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Pattern(pattern, _) => pattern.is_match(path.as_bytes()),
        }
    }
}

impl TextMatch {
    fn read(place: &str, spec: &TextSpec) -> Result<Self, Unsupported> {
        match spec.kind {
            TextKind::Exact => Ok(Self::Exact(spec.value.clone())),
            TextKind::RegularExpression => {
                pattern(&at(place, "value"), &spec.value).map(Self::Pattern)
            }
        }
    }

    fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact.as_bytes() == value,
            Self::Pattern(pattern) => pattern.is_match(value),
        }
    }
}

/// A pattern that has to match the whole text.
fn pattern(place: &str, text: &str) -> Result<Regex, Unsupported> {
    RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(MAX_PATTERN_BYTES)
        .build()
        .map_err(|_| Unsupported::new(place, text))
}

/// Of headers that are named more than once the first counts.
fn headers(place: &str, specs: &[TextSpec]) -> Result<Vec<(HeaderName, TextMatch)>, Unsupported> {
    let mut read: Vec<(HeaderName, TextMatch)> = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let place = at(place, &format!("headers[{index}]"));
        let name = HeaderName::from_bytes(spec.name.as_bytes())
            .map_err(|_| Unsupported::new(&at(&place, "name"), &spec.name))?;
        let condition = TextMatch::read(&place, spec)?;
        if !read.iter().any(|(known, _)| *known == name) {
            read.push((name, condition));
        }
    }
    Ok(read)
}

fn query(place: &str, specs: &[TextSpec]) -> Result<Vec<(Text, TextMatch)>, Unsupported> {
    let mut read: Vec<(Text, TextMatch)> = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let condition = TextMatch::read(&at(place, &format!("queryParams[{index}]")), spec)?;
        if !read.iter().any(|(known, _)| *known == spec.name) {
            read.push((spec.name.clone(), condition));
        }
    }
    Ok(read)
}

/// The value of a header; lines of the same name as one, as in RFC 9110 §5.3
/// (cookies as in RFC 6265 §5.4).
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.as_bytes();
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b"," };
    Some(lines.fold(Cow::Borrowed(first), |joined, line| {
        Cow::Owned([&*joined, separator, line.as_bytes()].concat())
    }))
}

/// The first value of a parameter of the query.
fn parameter(query: &str, name: &str) -> Option<Vec<u8>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, _)| form_decoded(key) == name.as_bytes())?;
    Some(form_decoded(value))
}

/// Text as forms encode it: `+` is a space, `%` leads two hexadecimal digits.
fn form_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let escape = bytes.get(index + 1..index + 3).filter(|_| byte == b'%');
        let escaped = escape.and_then(hexadecimal);
        index += if escaped.is_some() { 3 } else { 1 };
        let plain = if byte == b'+' { b' ' } else { byte };
        decoded.push(escaped.unwrap_or(plain));
    }
    decoded
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digits
        .iter()
        .try_fold(0, |value, byte| Some(value * 16 + digit(*byte)?));
    value.and_then(|value| u8::try_from(value).ok())
}
