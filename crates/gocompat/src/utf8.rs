//! Characters in bytes that need not be UTF-8, as Go's `unicode/utf8` and
//! `unicode` packages see them.

use regex::Regex;
use std::sync::LazyLock;

/// What Go shows for a byte that belongs to no character.
pub const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// The first character of the bytes and its width in bytes. A byte that
/// belongs to no character gives [`REPLACEMENT`] and width 1; no bytes give
/// `None`.
#[must_use]
pub fn decode_first(bytes: &[u8]) -> Option<(char, usize)> {
    let width = match *bytes.first()? {
        byte @ 0..=0x7f => return Some((char::from(byte), 1)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let character = bytes
        .get(..width)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    Some(character.map_or((REPLACEMENT, 1), |character| (character, width)))
}

/// How many characters Go counts in the bytes.
#[must_use]
pub fn count_characters(mut bytes: &[u8]) -> usize {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.chars().count();
    }
    let mut count = 0;
    while let Some((_, width)) = decode_first(bytes) {
        bytes = &bytes[width..];
        count += 1;
    }
    count
}

/// The longest beginning that has no more than so many characters.
#[must_use]
pub fn first_characters(bytes: &[u8], count: usize) -> &[u8] {
    let mut end = 0;
    for _ in 0..count {
        match decode_first(&bytes[end..]) {
            Some((_, width)) => end += width,
            None => break,
        }
    }
    &bytes[..end]
}

/// Whether Go's `unicode.IsLetter` holds: category L.
#[must_use]
pub fn is_letter(character: char) -> bool {
    static LETTER: LazyLock<Regex> = LazyLock::new(|| class(r"\p{L}"));
    if character.is_ascii() {
        return character.is_ascii_alphabetic();
    }
    matches(&LETTER, character)
}

/// Whether Go's `unicode.IsDigit` holds: category Nd.
#[must_use]
pub fn is_digit(character: char) -> bool {
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| class(r"\p{Nd}"));
    if character.is_ascii() {
        return character.is_ascii_digit();
    }
    matches(&DIGIT, character)
}

/// Whether Go prints the character as it is: letters, marks, numbers,
/// punctuation, symbols and the space of ASCII.
#[must_use]
pub fn is_print(character: char) -> bool {
    static PRINT: LazyLock<Regex> = LazyLock::new(|| class(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]"));
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    matches(&PRINT, character)
}

fn class(class: &str) -> Regex {
    Regex::new(&format!("^{class}$")).expect("the class is a constant")
}

fn matches(class: &Regex, character: char) -> bool {
    class.is_match(character.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_bytes_are_characters_of_their_own() {
        assert_eq!(decode_first(b""), None);
        assert_eq!(decode_first(b"\xff\xfe"), Some((REPLACEMENT, 1)));
        assert_eq!(decode_first(b"\xe2\x98"), Some((REPLACEMENT, 1)));
        assert_eq!(decode_first("☃x".as_bytes()), Some(('☃', 3)));
        // A surrogate half and an overlong form are no characters.
        assert_eq!(decode_first(b"\xed\xa0\x80"), Some((REPLACEMENT, 1)));
        assert_eq!(count_characters(b"a\xff\xc3\xa9"), 3);
        assert_eq!(first_characters("héllo".as_bytes(), 2), "hé".as_bytes());
        assert_eq!(first_characters(b"ab", 9), b"ab");
    }

    #[test]
    fn classes_are_those_of_go() {
        assert!(is_letter('é') && is_letter('今') && !is_letter('1') && !is_letter('_'));
        // A combining mark and a roman numeral are no letters in Go.
        assert!(!is_letter('\u{0301}') && !is_letter('Ⅷ'));
        assert!(is_digit('٣') && !is_digit('½'));
        assert!(is_print('é') && is_print('☃') && !is_print('\u{fffe}') && !is_print('\u{a0}'));
    }
}
