//! Colours on standard output, where a person sees them.

use std::io::IsTerminal;

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
