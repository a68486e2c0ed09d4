//! Patterns for names of files, as Go programs match them: [`Glob`] as Helm
//! does with gobwas/glob 0.2.3, [`match_path`] as Go's `filepath.Match`.
//!
//! Both are turned into regular expressions, so a match takes time linear in
//! the name.

mod gobwas;
mod path;

pub use gobwas::{Glob, GlobError};
pub use path::{BadPattern, match_path};

use regex::{Regex, RegexBuilder};

/// How long a pattern may be, in bytes.
pub const MAX_GLOB_BYTES: usize = 4 << 10;

/// How much a compiled pattern may take, in bytes.
const MAX_COMPILED_BYTES: usize = 8 << 20;

/// Matches a whole name.
fn whole(expression: &str) -> Option<Regex> {
    compiled(&format!(r"\A(?:{expression})\z"))
}

/// Matches the start of a name.
fn start(expression: &str) -> Option<Regex> {
    compiled(&format!(r"\A(?:{expression})"))
}

fn compiled(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression)
        .dot_matches_new_line(true)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .ok()
}

/// Writes a character that stands for itself, also between brackets.
fn push_literal(expression: &mut String, character: char) {
    expression.push_str(&format!(r"\x{{{:x}}}", u32::from(character)));
}

/// Writes the characters from `low` to `high`; none if `high` is the lower.
fn push_range(expression: &mut String, low: char, high: char) {
    if low <= high {
        push_literal(expression, low);
        expression.push('-');
        push_literal(expression, high);
    }
}

#[cfg(test)]
mod tests;
