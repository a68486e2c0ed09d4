//! Which styles a text can be written in.

use super::timestamp::is_timestamp;
use crate::scalar::is_plain_text;

/// What libyaml's emitter finds out about a text before it chooses a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Analysis {
    pub multiline: bool,
    pub plain_allowed: bool,
    pub single_quoted_allowed: bool,
    pub block_allowed: bool,
}

/// Line breaks of YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters that need no escape; none beyond the basic plane counts.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Whether an indicator makes a block context read the text as something
/// else than a plain scalar.
fn has_block_indicator(text: &str) -> bool {
    let bytes = text.as_bytes();
    let blank_at = |at: usize| bytes.get(at).is_none_or(|b| is_blank(char::from(*b)));
    let first = match bytes.first() {
        Some(b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>') => true,
        Some(b'\'' | b'"' | b'%' | b'@' | b'`') => true,
        Some(b'?' | b':' | b'-') => blank_at(1),
        _ => false,
    };
    let inner = |at: usize| match bytes[at] {
        b':' => blank_at(at + 1),
        b'#' => is_blank_or_break_before(&text[..at]),
        _ => false,
    };
    first || text.starts_with("---") || text.starts_with("...") || (1..bytes.len()).any(inner)
}

/// Whether a text is made of letters, digits and signs that mean nothing in
/// YAML wherever they stand.
fn is_word(text: &str) -> bool {
    let inner =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(inner)
}

fn is_blank_or_break_before(before: &str) -> bool {
    before
        .chars()
        .next_back()
        .is_some_and(|c| is_blank(c) || is_break(c))
}

pub(super) fn analyse(text: &str) -> Analysis {
    if is_word(text) {
        return Analysis {
            multiline: false,
            plain_allowed: true,
            single_quoted_allowed: true,
            block_allowed: true,
        };
    }
    let mut previous = 'x';
    let (mut line_breaks, mut special, mut break_space, mut space_break) =
        (false, false, false, false);
    for c in text.chars() {
        line_breaks |= is_break(c);
        special |= !is_printable(c);
        break_space |= c == ' ' && is_break(previous);
        space_break |= is_break(c) && previous == ' ';
        previous = c;
    }
    let edge = |c: char| c == ' ' || is_break(c);
    let outer = text.starts_with(edge) || text.ends_with(edge);
    let unquotable = space_break || special;
    Analysis {
        multiline: line_breaks,
        plain_allowed: !outer
            && !break_space
            && !unquotable
            && !line_breaks
            && !has_block_indicator(text),
        single_quoted_allowed: !break_space && !unquotable,
        block_allowed: !text.is_empty() && !text.ends_with(' ') && !unquotable,
    }
}

/// Whether the text without quotes would read back as text, with other
/// readers of YAML 1.1 too.
pub(super) fn reads_as_text(text: &str) -> bool {
    let single_letter_bool = matches!(text, "y" | "Y" | "n" | "N");
    is_plain_text(text) && !is_timestamp(text) && !single_letter_bool && !is_base_60(text)
}

/// YAML 1.1 knew numbers such as `12:30:45`; Go quotes them for the sake of
/// other readers.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (first, rest) = match unsigned.split_once(':') {
        Some(parts) => parts,
        None => return false,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !number(first) {
        return false;
    }
    let (places, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    number(fraction) && places.split(':').all(is_sixtieth)
}

fn is_sixtieth(place: &str) -> bool {
    match place.as_bytes() {
        [units] => units.is_ascii_digit(),
        [tens, units] => (b'0'..=b'5').contains(tens) && units.is_ascii_digit(),
        _ => false,
    }
}
