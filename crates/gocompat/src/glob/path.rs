//! The patterns of Go's `filepath.Match`, on systems where `/` separates.

use super::{MAX_GLOB_BYTES, push_literal, push_range, start, whole};
use std::iter::Peekable;
use std::str::Chars;

/// A pattern that is not well formed, or longer than [`MAX_GLOB_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Whether the pattern matches the whole name: `*` and `?` stand for any
/// characters but `/`, `[a-z]` and `[^a-z]` for one, `\` takes a character as
/// it is. As in Go, a mistake is an error only where what stands before it,
/// up to a `*`, matches.
pub fn match_path(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    if pattern.len() > MAX_GLOB_BYTES {
        return Err(BadPattern);
    }
    let (expression, end) = expression(pattern);
    match end {
        Ok(()) => Ok(whole(&expression).ok_or(BadPattern)?.is_match(name)),
        Err(mistake) => match start(&expression).ok_or(mistake)?.is_match(name) {
            true => Err(mistake),
            false => Ok(false),
        },
    }
}

/// The pattern as an expression, or what stands before the last `*` in front
/// of a mistake.
fn expression(pattern: &str) -> (String, Result<(), BadPattern>) {
    let mut expression = String::new();
    let mut checked = 0;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '*' {
            checked = expression.len();
            expression.push_str("[^/]*");
        } else if let Err(mistake) = item(character, &mut characters, &mut expression) {
            expression.truncate(checked);
            return (expression, Err(mistake));
        }
    }
    (expression, Ok(()))
}

fn item(
    character: char,
    characters: &mut Peekable<Chars<'_>>,
    expression: &mut String,
) -> Result<(), BadPattern> {
    match character {
        '?' => expression.push_str("[^/]"),
        '[' => class(characters, expression)?,
        '\\' => push_literal(expression, characters.next().ok_or(BadPattern)?),
        _ => push_literal(expression, character),
    }
    Ok(())
}

/// The characters between brackets; the opening one is read already.
fn class(characters: &mut Peekable<Chars<'_>>, expression: &mut String) -> Result<(), BadPattern> {
    let negated = characters.next_if_eq(&'^').is_some();
    // A class of nothing but impossible ranges matches nothing.
    expression.push_str(if negated { "[^" } else { "[" });
    expression.push_str(r"[^\x{0}-\x{10ffff}]");
    let mut ranges = 0;
    loop {
        if ranges > 0 && characters.next_if_eq(&']').is_some() {
            expression.push(']');
            return Ok(());
        }
        let low = member(characters)?;
        let high = match characters.next_if_eq(&'-') {
            Some(_) => member(characters)?,
            None => low,
        };
        push_range(expression, low, high);
        ranges += 1;
    }
}

fn member(characters: &mut Peekable<Chars<'_>>) -> Result<char, BadPattern> {
    match characters.next().ok_or(BadPattern)? {
        '-' | ']' => Err(BadPattern),
        '\\' => characters.next().ok_or(BadPattern),
        character => Ok(character),
    }
}
