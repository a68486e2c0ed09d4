//! Answers as HTTP knows them, and the JSON texts that clients expect.

use super::encode::encode_value;
use super::negotiation::Format;
use super::watch::WatchBody;
use crate::core::ApiError;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use trueup_object::{Value, to_json};

/// The media type of most answers.
pub const JSON: &str = "application/json";
/// The media type of texts for people.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// One answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// What follows.
    pub body: ReplyBody,
    /// The newest revision that the answer tells of; it leaves the server
    /// only when that is durable.
    pub revision: u64,
}

/// What follows the headers.
#[derive(Debug)]
pub enum ReplyBody {
    /// A whole body.
    Full(Bytes),
    /// A stream of events.
    Watch(Box<WatchBody>),
}

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One line.
    #[default]
    Compact,
    /// Indented by two spaces, for people.
    Pretty,
}

impl Reply {
    /// An answer with a whole body.
    #[must_use]
    pub fn full(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Self {
            status,
            headers: HeaderMap::new(),
            body: ReplyBody::Full(body.into()),
            revision: 0,
        };
        reply
            .with_header(CONTENT_TYPE, content_type)
            .with_header(CACHE_CONTROL, "no-cache, private")
    }

    /// A text for people.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::full(status, TEXT, body.into())
    }

    /// A JSON document, on one line with its end.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        Self::full(status, JSON, line(to_json(value)))
    }

    /// A JSON document that is always indented.
    #[must_use]
    pub fn json_for_people(status: u16, value: &Value) -> Self {
        Self::full(status, JSON, pretty(&to_json(value)))
    }

    /// An error as a `Status`.
    #[must_use]
    pub fn error(error: &ApiError, format: impl Into<Format>) -> Self {
        let plain = encode_value(error.code, &error.to_value(), format.into());
        let reply = error.warnings.iter().fold(plain, |reply, warning| {
            reply.with_header(HeaderName::from_static("warning"), warning)
        });
        match error
            .details
            .as_ref()
            .and_then(|details| details.retry_after_seconds)
        {
            Some(seconds) => reply.with_header(http::header::RETRY_AFTER, &seconds.to_string()),
            None => reply,
        }
    }

    /// What Go's router says of a path that nobody has.
    #[must_use]
    pub fn page_not_found() -> Self {
        Self::text(404, "404 page not found\n")
            .with_header(HeaderName::from_static("x-content-type-options"), "nosniff")
    }

    /// What is said of a path of the old watches that names nothing.
    #[must_use]
    pub fn unclear_path(path: &str) -> Self {
        let message = format!(
            "Internal Server Error: {path:?}: failed to create RequestInfo: unable to determine kind and namespace from url, {path}\n"
        );
        Self::text(500, message)
            .with_header(HeaderName::from_static("x-content-type-options"), "nosniff")
    }

    /// The same answer with a header more; a value that HTTP can't carry is
    /// left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }
}

/// Compact JSON with the line end that a genuine server adds.
pub fn line(mut json: Vec<u8>) -> Vec<u8> {
    json.push(b'\n');
    json
}

/// JSON indented by two spaces, keys in the order given.
#[must_use]
pub fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut previous = 0_u8;
    for &byte in json {
        if quoted {
            out.push(byte);
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            quoted = byte == b'"';
            match byte {
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if previous != b'{' && previous != b'[' {
                        new_line(&mut out, depth);
                    }
                    out.push(byte);
                }
                _ => {
                    if matches!(previous, b'{' | b'[' | b',') {
                        new_line(&mut out, depth);
                    }
                    out.push(byte);
                    depth += usize::from(matches!(byte, b'{' | b'['));
                    if byte == b':' {
                        out.push(b' ');
                    }
                }
            }
        }
        previous = byte;
    }
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

/// A `Status` in the order of keys that scripts have come to know.
#[must_use]
pub fn status_json(status: &Value) -> Vec<u8> {
    serde_json::to_vec(&StatusInOrder(status)).unwrap_or_else(|_| to_json(status))
}

struct StatusInOrder<'a>(&'a Value);

struct InOrder<'a>(&'a Value, &'a [&'static str]);

impl Serialize for StatusInOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = [
            "kind",
            "apiVersion",
            "metadata",
            "status",
            "message",
            "reason",
            "details",
            "code",
        ];
        InOrder(self.0, &keys).serialize(serializer)
    }
}

impl Serialize for InOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        for key in self.1 {
            match self.0.get(key) {
                None => {}
                Some(details) if *key == "details" => {
                    let keys = [
                        "name",
                        "group",
                        "kind",
                        "uid",
                        "causes",
                        "retryAfterSeconds",
                    ];
                    map.serialize_entry(key, &InOrder(details, &keys))?;
                }
                Some(value) => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_json_keeps_the_order_and_leaves_texts_alone() {
        let json = br#"{"b":[1,{"x":"a:{,\"}"}],"a":{},"c":[]}"#;
        let expected = "{\n  \"b\": [\n    1,\n    {\n      \"x\": \"a:{,\\\"}\"\n    }\n  ],\n  \"a\": {},\n  \"c\": []\n}";
        assert_eq!(String::from_utf8(pretty(json)).unwrap(), expected);
    }

    #[test]
    fn a_status_begins_with_its_kind() {
        let json = String::from_utf8(status_json(
            &ApiError::not_found("", "configmaps", "nope").to_value(),
        ))
        .unwrap();
        assert_eq!(
            json,
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps \"nope\" not found","reason":"NotFound","details":{"name":"nope","kind":"configmaps"},"code":404}"#
        );
    }
}
