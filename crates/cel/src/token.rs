//! The words and signs of a text, by the grammar of the CEL specification.

use crate::literal;

/// A part of a text.
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) source: &'a str,
}

impl<'a> Token<'a> {
    /// Whether it means something.
    pub(crate) fn is_read(&self) -> bool {
        !matches!(self.kind, Kind::Blank | Kind::Undone)
    }

    /// The sign that it is.
    pub(crate) fn sign(&self) -> Option<&'a str> {
        (self.kind == Kind::Sign).then_some(self.source)
    }

    /// Whether an operand may end with it.
    pub(crate) fn ends_operand(&self) -> bool {
        self.sign()
            .is_none_or(|sign| matches!(sign, ")" | "]" | "}"))
    }
}

/// What a part of a text is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Spaces or a comment.
    Blank,
    /// One of two signs that undo each other.
    Undone,
    /// A name or a number.
    Operand,
    /// A text or bytes, written as the parser reads it right.
    Literal(String),
    /// Punctuation, an operator, or the word `in`.
    Sign,
}

/// A place where no token begins.
pub(crate) struct Unreadable<'a> {
    /// How many bytes stand before it.
    pub(crate) at: usize,
    /// What stands there, as far as it is shown.
    pub(crate) source: &'a str,
    pub(crate) cause: String,
}

/// How much is shown of what can't be read.
const MAX_SHOWN_BYTES: usize = 64;

/// Splits a text. What is no token is refused here: behind it the parser
/// might find others than we do.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Unreadable<'_>> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (kind, length) = first(rest).map_err(|cause| {
            let line = rest.lines().next().unwrap_or_default();
            Unreadable {
                at: text.len() - rest.len(),
                source: &line[..line.floor_char_boundary(MAX_SHOWN_BYTES)],
                cause,
            }
        })?;
        let (source, after) = rest.split_at(length);
        tokens.push(Token { kind, source });
        rest = after;
    }
    Ok(tokens)
}

/// Takes out pairs of signs `!` or `-` before one operand: as in cel-go they
/// undo each other, and the parser reads each pair as one sign.
pub(crate) fn undo_doubled_signs(tokens: &mut [Token<'_>]) {
    let mut single: Option<usize> = None;
    let mut is_behind_operand = false;
    for at in 0..tokens.len() {
        let token = &tokens[at];
        if !token.is_read() {
            continue;
        }
        let sign = token.sign();
        let is_unary = sign == Some("!") || (sign == Some("-") && !is_behind_operand);
        is_behind_operand = token.ends_operand();
        match single {
            Some(first) if is_unary && tokens[first].sign() == sign => {
                tokens[first].kind = Kind::Undone;
                tokens[at].kind = Kind::Undone;
                single = None;
            }
            _ => single = is_unary.then_some(at),
        }
    }
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
