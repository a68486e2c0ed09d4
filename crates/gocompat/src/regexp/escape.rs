//! What `\` starts.

use super::error::{RegexpError, RegexpMistake as Mistake};
use regex::Regex;

/// What an escape stands for.
#[derive(Debug)]
pub(super) enum Escape {
    /// A class, translated.
    Class(String),
    /// A character; the halves of surrogate pairs match nothing.
    Code(u32),
}

const LARGEST_CODE: u32 = 0x0010_FFFF;
const SURROGATES: std::ops::RangeInclusive<u32> = 0xD800..=0xDFFF;

/// Classes of ASCII, which is all that these mean in Go.
const PERL: [(char, &str); 6] = [
    ('d', "[0-9]"),
    ('D', "[^0-9]"),
    ('s', r"[\t\n\f\r ]"),
    ('S', r"[^\t\n\f\r ]"),
    ('w', "[0-9A-Za-z_]"),
    ('W', "[^0-9A-Za-z_]"),
];

/// Writes a character that stands for itself.
pub(super) fn push_character(out: &mut String, character: char) {
    match character.is_alphanumeric() || character == '_' {
        true => out.push(character),
        false => push_code(out, character.into()),
    }
}

/// Writes a character by its number.
pub(super) fn push_code(out: &mut String, code: u32) {
    match SURROGATES.contains(&code) {
        true => out.push_str(r"[^\x{0}-\x{10ffff}]"),
        false => out.push_str(&format!(r"\x{{{code:x}}}")),
    }
}

/// Writes the characters from `low` to `high` as a member of a class.
pub(super) fn push_codes(out: &mut String, low: u32, high: u32) {
    let (first, last) = (*SURROGATES.start(), *SURROGATES.end());
    let low = if SURROGATES.contains(&low) {
        last + 1
    } else {
        low
    };
    let high = if SURROGATES.contains(&high) {
        first - 1
    } else {
        high
    };
    match low <= high {
        true => out.push_str(&format!(r"\x{{{low:x}}}-\x{{{high:x}}}")),
        false => push_code(out, first),
    }
}

/// Whether `text` starts with `\d`, `\p` or another class.
pub(super) fn starts_class(text: &str) -> bool {
    text.strip_prefix('\\')
        .is_some_and(|rest| rest.starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']))
}

/// The escape at the start of `text`, and what follows it.
pub(super) fn read(text: &str) -> Result<(Escape, &str), RegexpError> {
    let mut characters = text.chars().skip(1);
    let letter = characters.next();
    if let Some('p' | 'P') = letter {
        return unicode(text);
    }
    if let Some((_, class)) = PERL.iter().find(|(perl, _)| Some(*perl) == letter) {
        return Ok((Escape::Class((*class).to_owned()), &text[2..]));
    }
    let (code, rest) = read_code(text)?;
    Ok((Escape::Code(code), rest))
}

/// The character that an escape at the start of `text` stands for.
pub(super) fn read_code(text: &str) -> Result<(u32, &str), RegexpError> {
    let rest = text.strip_prefix('\\').unwrap_or(text);
    let Some(letter) = rest.chars().next() else {
        return Err(RegexpError::new(Mistake::TrailingBackslash, ""));
    };
    let after = &rest[letter.len_utf8()..];
    let simple = |code: u32| Ok((code, after));
    match letter {
        'a' => simple(0x07),
        't' => simple(0x09),
        'n' => simple(0x0A),
        'v' => simple(0x0B),
        'f' => simple(0x0C),
        'r' => simple(0x0D),
        'x' => hexadecimal(text, after),
        '0' => Ok(octal(rest)),
        // A single digit would refer back to a group.
        '1'..='7' if after.starts_with(|digit: char| digit.is_digit(8)) => Ok(octal(rest)),
        _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => simple(letter.into()),
        _ => Err(refused(text, after)),
    }
}

fn refused(text: &str, rest: &str) -> RegexpError {
    RegexpError::new(Mistake::Escape, &text[..text.len() - rest.len()])
}

/// Up to three octal digits.
fn octal(digits: &str) -> (u32, &str) {
    let values = digits.chars().map_while(|digit| digit.to_digit(8)).take(3);
    let (length, code) = values.fold((0, 0), |(length, code), value| {
        (length + 1, code * 8 + value)
    });
    (code, &digits[length..])
}

/// `\x7f` or `\x{10ffff}`; `text` starts at the backslash, `digits` behind
/// the `x`.
fn hexadecimal<'a>(text: &str, digits: &'a str) -> Result<(u32, &'a str), RegexpError> {
    if let Some(inner) = digits.strip_prefix('{') {
        return braced(text, inner);
    }
    let pair: Vec<char> = digits.chars().take(2).collect();
    let length: usize = pair.iter().map(|character| character.len_utf8()).sum();
    let rest = &digits[length..];
    let values: Option<Vec<u32>> = pair.iter().map(|digit| digit.to_digit(16)).collect();
    match values.as_deref() {
        Some([high, low]) => Ok((high * 16 + low, rest)),
        _ => Err(refused(text, rest)),
    }
}

fn braced<'a>(text: &str, digits: &'a str) -> Result<(u32, &'a str), RegexpError> {
    let mut code = 0;
    for (at, character) in digits.char_indices() {
        let rest = &digits[at + character.len_utf8()..];
        match character.to_digit(16) {
            Some(digit) => code = code * 16 + digit,
            None if character == '}' && at > 0 => return Ok((code, rest)),
            None => return Err(refused(text, rest)),
        }
        if code > LARGEST_CODE {
            return Err(refused(text, rest));
        }
    }
    Err(refused(text, ""))
}

/// `\pL`, `\p{Greek}`, `\P{^Lu}`.
fn unicode(text: &str) -> Result<(Escape, &str), RegexpError> {
    let refused = |part: &str| RegexpError::new(Mistake::CharacterRange, part);
    let body = &text[2..];
    let (name, rest) = match body.strip_prefix('{') {
        Some(inner) => inner.split_once('}').ok_or_else(|| refused(text))?,
        None => {
            let letter = body.chars().next().ok_or_else(|| refused(text))?;
            body.split_at(letter.len_utf8())
        }
    };
    let positive = name.strip_prefix('^');
    let is_negated = text.starts_with(r"\P") != positive.is_some();
    let class = property(positive.unwrap_or(name), is_negated)
        .ok_or_else(|| refused(&text[..text.len() - rest.len()]))?;
    Ok((Escape::Class(class), rest))
}

/// The class of a general category or a script.
fn property(name: &str, is_negated: bool) -> Option<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "_- ".contains(character);
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    let letter = if is_negated { 'P' } else { 'p' };
    ["gc", "sc"]
        .iter()
        .map(|kind| format!(r"\{letter}{{{kind}={name}}}"))
        .find(|class| Regex::new(class).is_ok())
}
