//! Upper and lower case, one sign for one, as Go's `strings` maps them.

/// Every sign in lower case.
pub(super) fn lower(bytes: &[u8]) -> Vec<u8> {
    mapped(bytes, lower_sign)
}

/// Every sign in upper case.
pub(super) fn upper(bytes: &[u8]) -> Vec<u8> {
    mapped(bytes, upper_sign)
}

/// The first sign in lower case, the rest as it is.
pub(super) fn lower_first(bytes: &[u8]) -> Vec<u8> {
    with_first(bytes, lower_sign)
}

/// The first sign in upper case, the rest as it is.
pub(super) fn upper_first(bytes: &[u8]) -> Vec<u8> {
    with_first(bytes, upper_sign)
}

fn mapped(bytes: &[u8], map: fn(char) -> char) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(map).collect::<String>().into_bytes()
}

fn with_first(bytes: &[u8], map: fn(char) -> char) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let (sign, length) = super::glob::first_sign(bytes);
    let mut out = map(sign).to_string().into_bytes();
    out.extend_from_slice(&bytes[length..]);
    out
}

fn lower_sign(sign: char) -> char {
    // Its full form is two signs.
    if sign == '\u{130}' {
        return 'i';
    }
    only(sign, sign.to_lowercase())
}

fn upper_sign(sign: char) -> char {
    match sign {
        // Greek letters with an iota below: their full forms are two signs.
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => {
            moved(sign, 8)
        }
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => moved(sign, 9),
        _ => only(sign, sign.to_uppercase()),
    }
}

fn moved(sign: char, distance: u32) -> char {
    char::from_u32(sign as u32 + distance).unwrap_or(sign)
}

/// The one sign of a mapping, or the sign itself where there are several.
fn only(sign: char, mut mapping: impl Iterator<Item = char>) -> char {
    match (mapping.next(), mapping.next()) {
        (Some(one), None) => one,
        _ => sign,
    }
}
