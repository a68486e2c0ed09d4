//! Go's string and character literals, as `strconv` writes and reads them.

use crate::utf8::{REPLACEMENT, decode_first, is_print};

/// Which characters stay as they are between quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plain {
    /// All that Go prints.
    Printable,
    /// Those of ASCII alone.
    Ascii,
}

/// The text between double quotes, as `strconv.Quote` and
/// `strconv.QuoteToASCII` write it.
#[must_use]
pub fn quote(text: &[u8], plain: Plain) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while let Some((character, width)) = decode_first(rest) {
        if width == 1 && character == REPLACEMENT {
            out.extend(format!("\\x{:02x}", rest[0]).bytes());
        } else {
            escape(&mut out, character, '"', plain);
        }
        rest = &rest[width..];
    }
    out.push(b'"');
    out
}

/// The character between single quotes, as `strconv.QuoteRune` and
/// `strconv.QuoteRuneToASCII` write it.
#[must_use]
pub fn quote_character(character: char, plain: Plain) -> Vec<u8> {
    let mut out = vec![b'\''];
    escape(&mut out, character, '\'', plain);
    out.push(b'\'');
    out
}

fn escape(out: &mut Vec<u8>, character: char, quote: char, plain: Plain) {
    let stays = is_print(character) && (plain == Plain::Printable || character.is_ascii());
    let code = u32::from(character);
    let text = match character {
        '\\' => "\\\\".to_owned(),
        _ if character == quote => format!("\\{quote}"),
        _ if stays => character.to_string(),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\0'..='\u{1f}' | '\u{7f}' => format!("\\x{code:02x}"),
        '\u{80}'..='\u{ffff}' => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    out.extend(text.bytes());
}

/// Whether the text can stand between backquotes unchanged, as
/// `strconv.CanBackquote` says.
#[must_use]
pub fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars().all(|character| match character {
            '\t' => true,
            '\0'..='\u{1f}' | '`' | '\u{7f}' | '\u{feff}' => false,
            _ => true,
        })
    })
}

/// The text of a string literal between double quotes or backquotes, as
/// `strconv.Unquote` reads it; `None` where Go says "invalid syntax".
#[must_use]
pub fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let (quote, inner) = match literal {
        [first, inner @ .., last] if first == last => (*first, inner),
        _ => return None,
    };
    match quote {
        b'`' if inner.contains(&b'`') => None,
        b'`' => Some(inner.iter().copied().filter(|b| *b != b'\r').collect()),
        b'"' => unquote_double(inner),
        _ => None,
    }
}

fn unquote_double(mut inner: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inner.len());
    while !inner.is_empty() {
        if inner[0] == b'\n' {
            return None;
        }
        let (unquoted, width) = unquote_first(inner, b'"')?;
        match unquoted {
            Unquoted::Byte(byte) => out.push(byte),
            Unquoted::Character(character) => {
                out.extend(character.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        inner = &inner[width..];
    }
    Some(out)
}

/// What stands at one place in a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unquoted {
    /// A byte given by number, which alone need not be UTF-8.
    Byte(u8),
    /// A character.
    Character(char),
}

impl Unquoted {
    /// The number of the byte or character.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Byte(byte) => byte.into(),
            Self::Character(character) => character.into(),
        }
    }
}

/// The first character or escape of what stands between quotes and its
/// length, as `strconv.UnquoteChar` reads it; `None` where Go says "invalid
/// syntax".
#[must_use]
pub fn unquote_first(text: &[u8], quote: u8) -> Option<(Unquoted, usize)> {
    let (character, width) = decode_first(text)?;
    if character == char::from(quote) {
        return None;
    }
    if character != '\\' {
        return Some((Unquoted::Character(character), width));
    }
    let letter = *text.get(1)?;
    let simple = |byte| Some((Unquoted::Byte(byte), 2));
    match letter {
        b'a' => simple(7),
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        b'v' => simple(11),
        b'\\' => simple(b'\\'),
        b'\'' | b'"' if letter == quote => simple(letter),
        b'x' => {
            let code = number(text.get(2..4)?, 16)?;
            Some((Unquoted::Byte(u8::try_from(code).ok()?), 4))
        }
        b'u' => character_escape(text, 6),
        b'U' => character_escape(text, 10),
        b'0'..=b'7' => {
            let code = number(text.get(1..4)?, 8)?;
            Some((Unquoted::Byte(u8::try_from(code).ok()?), 4))
        }
        _ => None,
    }
}

fn character_escape(text: &[u8], end: usize) -> Option<(Unquoted, usize)> {
    let code = number(text.get(2..end)?, 16)?;
    Some((Unquoted::Character(char::from_u32(code)?), end))
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    digits.iter().try_fold(0u32, |code, digit| {
        let digit = char::from(*digit).to_digit(base)?;
        code.checked_mul(base)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(text: &[u8]) -> String {
        String::from_utf8(quote(text, Plain::Printable)).unwrap()
    }

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        assert_eq!(
            quoted(b"a\"b\\'\n\x07\x01\x7f\xff"),
            r#""a\"b\\'\n\a\x01\x7f\xff""#
        );
        assert_eq!(
            quoted("é☃\u{fffe}\u{a0}\u{10ffff}".as_bytes()),
            r#""é☃\ufffe\u00a0\U0010ffff""#
        );
        assert_eq!(quote("é".as_bytes(), Plain::Ascii), br#""\u00e9""#);
        assert_eq!(quote_character('\'', Plain::Printable), br"'\''");
        assert!(can_backquote(b"a\tb\"") && !can_backquote(b"a`") && !can_backquote(b"\xff"));
    }

    #[test]
    fn literals_are_read_as_go_reads_them() {
        for (literal, text) in [
            (r#""a\x41\101\u00e9\n""#, Some("aAA\u{e9}\n".as_bytes())),
            (r#""\xff""#, Some(b"\xff".as_slice())),
            (r#""\'""#, None),
            (r#""\q""#, None),
            (r#""\400""#, None),
            (r#""\ud800""#, None),
            (r#""\u12""#, None),
            ("`a\r\n\\n`", Some(b"a\n\\n".as_slice())),
            ("\"a\nb\"", None),
            ("\"", None),
        ] {
            assert_eq!(unquote(literal.as_bytes()).as_deref(), text, "{literal}");
        }
        // A byte that is no character turns into one.
        assert_eq!(unquote(b"\"\xff\""), Some("\u{fffd}".as_bytes().to_vec()));
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text: Vec<u8>) {
            prop_assert_eq!(unquote(&quote(&text, Plain::Printable)), Some(text.clone()));
            prop_assert_eq!(unquote(&quote(&text, Plain::Ascii)), Some(text));
        }
    }
}
