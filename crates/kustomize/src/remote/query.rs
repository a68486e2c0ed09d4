//! The query of a URL of a repository.

use trueup_gocompat::parse_duration;

/// How long fetching a repository may take where its URL doesn't say.
pub const DEFAULT_REMOTE_TIMEOUT_MS: u64 = 27_000;

/// What a query asks for.
pub(super) struct Query {
    pub reference: Option<String>,
    pub timeout_ms: u64,
    pub submodules: bool,
}

impl Query {
    /// Reads `ref=v1&timeout=90s&submodules=false`. A query that can't be
    /// read, and values that make no sense, ask for nothing.
    pub fn parse(query: &str) -> Self {
        let pairs = pairs(query).unwrap_or_default();
        let first = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let reference = match first("ref") {
            "" => first("version"),
            given => given,
        };
        Self {
            reference: (!reference.is_empty()).then(|| reference.to_owned()),
            timeout_ms: timeout_ms(first("timeout")).unwrap_or(DEFAULT_REMOTE_TIMEOUT_MS),
            submodules: truth(first("submodules")).unwrap_or(true),
        }
    }
}

/// Whole seconds, or a duration with units; `None` unless it is above zero.
fn timeout_ms(text: &str) -> Option<u64> {
    let seconds = text.parse::<i64>().ok().filter(|seconds| *seconds > 0);
    if let Some(seconds) = seconds {
        return u64::try_from(seconds).ok()?.checked_mul(1_000);
    }
    let duration = parse_duration(text).ok()?.to_std()?;
    let milliseconds = u64::try_from(duration.as_millis()).ok()?;
    (!duration.is_zero()).then_some(milliseconds.max(1))
}

/// The truth values that Go reads.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The pairs of a query; `None` if one of them is malformed.
fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (!part.contains(';')).then_some(())?;
            Some((unescaped(key)?, unescaped(value)?))
        })
        .collect()
}

/// A text with its escapes undone; `None` for a percent sign without digits.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
