//! Lines for a person: colour only on a terminal, and nothing wider than it.

use std::io::{IsTerminal, Write};

/// What a piece of a line is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Running text.
    Plain,
    /// Something to notice: a name, a heading.
    Strong,
    /// Something to pass over: times, hints.
    Faint,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
}

/// Where lines go, and whether they are coloured.
#[derive(Debug)]
pub struct Terminal<W> {
    out: W,
    coloured: bool,
    width: Option<usize>,
}

impl Terminal<std::io::Stdout> {
    /// Standard output; coloured if it is a terminal and NO_COLOR is unset
    /// (see no-color.org).
    #[must_use]
    pub fn stdout() -> Self {
        let out = std::io::stdout();
        let coloured =
            out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
        Self {
            out,
            coloured,
            width,
        }
    }
}

impl<W: Write> Terminal<W> {
    /// Lines without colour, into any writer.
    pub fn plain(out: W) -> Self {
        Self {
            out,
            coloured: false,
            width: None,
        }
    }

    /// Columns, where there is a terminal that has them.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Prints one line made of pieces. A closed pipe is no reason to stop
    /// what the program is doing, so a line that can't be printed is dropped.
    pub fn line(&mut self, pieces: &[(Tone, &str)]) {
        let mut text = String::new();
        for (tone, piece) in pieces {
            self.paint(&mut text, *tone, &single_line(piece));
        }
        text.push('\n');
        let _dropped = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }

    fn paint(&self, text: &mut String, tone: Tone, piece: &str) {
        let code = match tone {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        if self.coloured && !code.is_empty() {
            text.push_str(&format!("\x1b[{code}m{piece}\x1b[0m"));
        } else {
            text.push_str(piece);
        }
    }
}

/// Text from commits and clusters may hold line breaks and escape sequences;
/// neither may move the cursor of whoever reads.
fn single_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// Breaks a line at spaces so that each part fits; a longer word stands alone.
pub(crate) fn fold(line: &str, room: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for word in line.split(' ') {
        if part.is_empty() {
            part.push_str(word);
        } else if part.chars().count() + 1 + word.chars().count() <= room {
            part.push(' ');
            part.push_str(word);
        } else {
            parts.push(std::mem::replace(&mut part, format!("  {word}")));
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_no_escape_sequence_and_a_hostile_subject_none_of_its_own() {
        let mut out = Vec::new();
        Terminal::plain(&mut out).line(&[(Tone::Good, "ok "), (Tone::Plain, "a\x1b[2Jb\nc")]);
        assert_eq!(String::from_utf8(out).unwrap(), "ok a [2Jb c\n");
    }

    #[test]
    fn a_terminal_gets_colour() {
        let mut out = Vec::new();
        Terminal {
            out: &mut out,
            coloured: true,
            width: None,
        }
        .line(&[(Tone::Bad, "no")]);
        assert_eq!(String::from_utf8(out).unwrap(), "\x1b[31mno\x1b[0m\n");
    }

    #[test]
    fn a_long_line_is_folded_below_itself() {
        assert_eq!(fold("one two three", 8), ["one two", "  three"]);
        assert_eq!(fold("a-very-long-word", 8), ["a-very-long-word"]);
        assert_eq!(fold("one two three", usize::MAX), ["one two three"]);
    }
}
