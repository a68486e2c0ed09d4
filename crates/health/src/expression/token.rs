//! The words and signs of a text, by the grammar of the CEL specification.

use super::literal;

/// A part of a text.
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) source: &'a str,
}

/// What a part of a text is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Spaces or a comment.
    Blank,
    /// A name or a number.
    Operand,
    /// A text or bytes, written as the parser reads it right.
    Literal(String),
    /// Punctuation, an operator, or the word `in`.
    Sign,
}

/// Splits a text. What is no token is refused here: behind it the parser
/// might find others than we do.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (kind, length) = first(rest)?;
        let (source, after) = rest.split_at(length);
        tokens.push(Token { kind, source });
        rest = after;
    }
    Ok(tokens)
}

/// The text for the parser, which reads some literals for others: they are
/// written in the one way that it gets right.
pub(super) fn plain(tokens: &[Token<'_>]) -> String {
    let parts = tokens.iter().map(|token| match &token.kind {
        Kind::Literal(plain) => plain.as_str(),
        _ => token.source,
    });
    parts.collect()
}

fn first(text: &str) -> Result<(Kind, usize), String> {
    if let Some((plain, length)) = literal::read(text)? {
        return Ok((Kind::Literal(plain), length));
    }
    let name = name(text);
    let kinds = [
        (Kind::Blank, blank(text)),
        (Kind::Operand, number(text)),
        (Kind::Sign, if &text[..name] == "in" { name } else { 0 }),
        (Kind::Operand, name),
        (Kind::Operand, quoted_name(text)),
        (Kind::Sign, sign(text)),
    ];
    let found = kinds.into_iter().find(|(_, length)| *length > 0);
    found.ok_or_else(|| {
        let unknown: String = text.chars().take(1).collect();
        format!("'{unknown}' begins nothing that an expression may have")
    })
}

/// How many bytes at the start of a text are of a kind.
fn count(text: &str, is_of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|sign| !is_of_kind(sign)).unwrap_or(text.len())
}

fn blank(text: &str) -> usize {
    if text.starts_with("//") {
        return count(text, |sign| sign != '\n');
    }
    count(text, |sign| "\t\n\x0c\r ".contains(sign))
}

fn name(text: &str) -> usize {
    if text.starts_with(|sign: char| sign.is_ascii_digit()) {
        return 0;
    }
    count(text, |sign| sign.is_ascii_alphanumeric() || sign == '_')
}

/// A name in backticks, for fields such as `` a.`b-c` ``.
fn quoted_name(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('`') else {
        return 0;
    };
    let length = count(inner, |sign| {
        sign.is_ascii_alphanumeric() || "_.-/ ".contains(sign)
    });
    match inner[length..].starts_with('`') && length > 0 {
        true => length + 2,
        false => 0,
    }
}

fn number(text: &str) -> usize {
    let digits = |from: usize| count(&text[from..], |sign| sign.is_ascii_digit());
    let unsigned = |length: usize| length + usize::from(text[length..].starts_with(['u', 'U']));
    if let Some(rest) = text.strip_prefix("0x") {
        let length = count(rest, |sign| sign.is_ascii_hexdigit());
        if length > 0 {
            return unsigned(2 + length);
        }
    }
    let whole = digits(0);
    let mut length = whole;
    if text[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if length == 0 {
        return 0;
    }
    if let Some(rest) = text[length..].strip_prefix(['e', 'E']) {
        let start = length + 1 + usize::from(rest.starts_with(['+', '-']));
        if digits(start) > 0 {
            return start + digits(start);
        }
    }
    if length == whole {
        length = unsigned(length);
    }
    length
}

fn sign(text: &str) -> usize {
    let double = ["&&", "||", "==", "!=", "<=", ">="];
    if double.iter().any(|sign| text.starts_with(sign)) {
        return 2;
    }
    usize::from(text.starts_with(|sign| "[]{}().,-!?:+*/%<>".contains(sign)))
}
