//! Percent encoding, as RFC 3986 and HTML forms have it.

use std::fmt::Write;

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// Every byte but RFC 3986's unreserved ones as `%XX`.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        push_encoded(&mut encoded, byte);
    }
    encoded
}

fn push_encoded(encoded: &mut String, byte: u8) {
    if is_unreserved(byte) {
        encoded.push(char::from(byte));
    } else {
        write!(encoded, "%{byte:02X}").expect("a string takes any text");
    }
}

/// As a name or value of a query is written by forms and by Go's
/// `url.QueryEscape`: [`percent_encode`] with `+` for a blank.
#[must_use]
pub fn query_escape(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b' ' {
            encoded.push('+');
        } else {
            push_encoded(&mut encoded, byte);
        }
    }
    encoded
}

/// `%XX` as bytes; `None` where a `%` has no two hexadecimal digits behind
/// it, or where the bytes are no UTF-8.
#[must_use]
pub fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped_as_go_does() {
        assert_eq!(
            query_escape("sum(rate(a{b=~\"c.+\"}[1m])) * 100"),
            "sum%28rate%28a%7Bb%3D~%22c.%2B%22%7D%5B1m%5D%29%29+%2A+100"
        );
        assert_eq!(query_escape("é"), "%C3%A9");
        assert_eq!(percent_encode("a b"), "a%20b");
    }

    #[test]
    fn decoding_undoes_encoding_and_refuses_halves() {
        for text in ["", "a:b", "ü€%", "100% +"] {
            assert_eq!(percent_decode(&percent_encode(text)).as_deref(), Some(text));
        }
        for text in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(text), None, "{text}");
        }
    }
}
