//! Classes between brackets.

use super::error::{RegexpError, RegexpMistake as Mistake};
use super::escape::{self, Escape};

/// The classes that POSIX names, all of ASCII.
const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A class at the start of `text`, translated, and what follows it.
pub(super) fn translate(text: &str) -> Result<(String, &str), RegexpError> {
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    let mut out = "[".to_owned();
    if let Some(inner) = rest.strip_prefix('^') {
        rest = inner;
        out.push('^');
    }
    let mut is_first = true;
    loop {
        match rest.strip_prefix(']') {
            Some(after) if !is_first => {
                out.push(']');
                return Ok((out, after));
            }
            _ => rest = member(text, rest, &mut out)?,
        }
        is_first = false;
    }
}

/// One member of the class `whole`; returns what follows it.
fn member<'a>(whole: &str, rest: &'a str, out: &mut String) -> Result<&'a str, RegexpError> {
    if let Some((name, after)) = named(rest) {
        let inner = name.strip_prefix('^').unwrap_or(name);
        if !NAMED.contains(&inner) {
            let part = format!("[:{name}:]");
            return Err(RegexpError::new(Mistake::CharacterRange, &part));
        }
        out.push_str(&format!("[:{name}:]"));
        return Ok(after);
    }
    if escape::starts_class(rest)
        && let (Escape::Class(class), after) = escape::read(rest)?
    {
        out.push_str(&class);
        return Ok(after);
    }
    let (low, after) = code(whole, rest)?;
    let upper = after
        .strip_prefix('-')
        .filter(|upper| !upper.is_empty() && !upper.starts_with(']'));
    let Some(upper) = upper else {
        escape::push_codes(out, low, low);
        return Ok(after);
    };
    let (high, after) = code(whole, upper)?;
    if high < low {
        let part = &rest[..rest.len() - after.len()];
        return Err(RegexpError::new(Mistake::CharacterRange, part));
    }
    escape::push_codes(out, low, high);
    Ok(after)
}

/// The name in `[:name:]` and what follows it.
fn named(rest: &str) -> Option<(&str, &str)> {
    rest.strip_prefix("[:")?.split_once(":]")
}

fn code<'a>(whole: &str, rest: &'a str) -> Result<(u32, &'a str), RegexpError> {
    let mut characters = rest.chars();
    match characters.next() {
        None => Err(RegexpError::new(Mistake::MissingBracket, whole)),
        Some('\\') => escape::read_code(rest),
        Some(character) => Ok((character.into(), characters.as_str())),
    }
}
