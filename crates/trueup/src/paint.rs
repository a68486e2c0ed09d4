//! What a terminal is given: colours where a person sees them, and nothing
//! that would steer it.

use std::io::IsTerminal;

/// A text that steers no terminal, whoever wrote it: control characters other
/// than line breaks and tabs are replaced. Line breaks of Windows become ours.
pub fn printable(text: &str) -> String {
    let steers = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    text.replace("\r\n", "\n").replace(steers, "\u{fffd}")
}

/// The same on one line.
pub fn printable_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// It is something else than before.
    Changed,
    /// It is left as it is.
    Skipped,
    /// It stands above what follows.
    Heading,
}

/// Puts colours on texts, or leaves them as they are.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    is_coloured: bool,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` is set or the terminal has none.
    pub fn of_stdout() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            is_coloured: std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        }
    }

    /// No colours.
    #[cfg(test)]
    pub fn plain() -> Self {
        Self { is_coloured: false }
    }

    /// A text of one line in its colour.
    pub fn on(self, tone: Tone, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Added => "32",
            Tone::Removed => "31",
            Tone::Changed => "33",
            Tone::Skipped => "2",
            Tone::Heading => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        let hostile = "a\u{1b}[2Jb\r\u{7}\u{9b}31m\nc\td";
        assert_eq!(
            printable(hostile),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}31m\nc\td"
        );
        assert_eq!(printable_line("a\nb\tc"), "a b c");
    }
}
