//! `html`, `js` and `urlquery`.

use trueup_gocompat::fmt::Buffer;
use trueup_gocompat::utf8::{decode_first, is_print};

/// Text that is safe between tags and in quoted attributes.
pub(super) fn html(out: &mut Buffer, text: &[u8]) {
    escape_bytes(out, text, |byte| {
        Some(match byte {
            0 => "\u{fffd}",
            b'"' => "&#34;",
            b'\'' => "&#39;",
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => return None,
        })
    });
}

fn escape_bytes(out: &mut Buffer, text: &[u8], escape: impl Fn(u8) -> Option<&'static str>) {
    let mut start = 0;
    for (index, byte) in text.iter().enumerate() {
        if let Some(escaped) = escape(*byte) {
            out.write(&text[start..index]);
            out.write(escaped.as_bytes());
            start = index + 1;
        }
    }
    out.write(&text[start..]);
}

/// Text that is safe in a string of JavaScript.
pub(super) fn js(out: &mut Buffer, mut text: &[u8]) {
    while let Some((character, width)) = decode_first(text) {
        let (bytes, rest) = text.split_at(width);
        match character {
            '\\' => out.write(b"\\\\"),
            '\'' => out.write(b"\\'"),
            '"' => out.write(b"\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => {
                out.write(format!("\\u{:04X}", u32::from(character)).as_bytes());
            }
            // Go writes DEL as it is.
            '\x7f' => out.write(bytes),
            _ if is_print(character) => out.write(bytes),
            _ => out.write(format!("\\u{:04X}", u32::from(character)).as_bytes()),
        }
        text = rest;
    }
}

/// Text that is safe as a value in the query of a URL.
pub(super) fn url_query(out: &mut Buffer, text: &[u8]) {
    for byte in text {
        match byte {
            b' ' => out.write(b"+"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.write(&[*byte]);
            }
            _ => out.write(format!("%{byte:02X}").as_bytes()),
        }
    }
}
