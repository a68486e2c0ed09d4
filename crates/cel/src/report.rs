//! Mistakes as cel-go prints them: with the line and a mark below it.

use crate::ReadError;
use crate::plain::Plain;
use crate::token::Unreadable;
use kube_cel::cel::ParseErrors;

/// How long a line may be that is shown (in cel-go 16,384).
const MAX_SHOWN_LINE_BYTES: usize = 1024;
/// How many mistakes of one text are shown.
const MAX_SHOWN_MISTAKES: usize = 16;

/// A mistake at a byte of a text as cel-go prints it: `ERROR: <input>:1:7: …`,
/// the line, and a mark below the place. Lines of more than 1 KiB are not
/// shown.
#[must_use]
pub fn report(text: &str, at: usize, message: &str) -> String {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[..at].matches('\n').count() + 1;
    let before = &text[start..at];
    let column = before.chars().count() + 1;
    let head = format!("ERROR: <input>:{line}:{column}: {message}");
    let shown = text[start..].split('\n').next().unwrap_or_default();
    if shown.len() > MAX_SHOWN_LINE_BYTES {
        return head;
    }
    let is_wide = |sign: char| sign.len_utf8() > 1;
    let dots: String = before
        .chars()
        .map(|sign| if is_wide(sign) { '．' } else { '.' })
        .collect();
    let marked = text[at..].chars().next();
    let mark = if marked.is_some_and(is_wide) {
        '＾'
    } else {
        '^'
    };
    let shown = shown.replace('\t', " ");
    format!("{head}\n | {shown}\n | {dots}{mark}")
}

/// Something that begins no token.
pub(crate) fn unreadable(text: &str, error: &Unreadable<'_>) -> ReadError {
    let Unreadable { at, source, cause } = error;
    let message = format!("Syntax error: token recognition error at: '{source}': {cause}");
    ReadError::Syntax {
        report: report(text, *at, &message),
    }
}

/// What the parser has against a text, told of the one that was read.
pub(crate) fn mistakes(text: &str, plain: &Plain, errors: &ParseErrors) -> ReadError {
    let shown = errors.errors.iter().take(MAX_SHOWN_MISTAKES).map(|error| {
        let place = |number: isize| usize::try_from(number).unwrap_or(0);
        let (line, column) = error.pos;
        match plain.origin(place(line), place(column)) {
            Some(at) => report(text, at, &error.msg),
            None => format!("ERROR: <input>:{line}:{column}: {}", error.msg),
        }
    });
    ReadError::Syntax {
        report: shown.collect::<Vec<_>>().join("\n"),
    }
}
