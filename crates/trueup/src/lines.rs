//! Reports in lines of a name and a value, as flux sets them out.

use crate::paint::printable_line;
use std::fmt::Write;

/// How wide the names of the lines are.
const WIDTH: usize = 17;

/// A report that is being written.
#[derive(Default)]
pub struct Lines {
    text: String,
}

impl Lines {
    /// A line, unless there is nothing to tell.
    pub fn line(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            let name = format!("{name}:");
            // Writing to a String never fails.
            let _ = writeln!(self.text, "{name:WIDTH$}{}", printable_line(value));
        }
    }

    /// The end of a part.
    pub fn rule(&mut self) {
        self.text.push_str("---\n");
    }

    /// The whole report.
    pub fn into_text(self) -> String {
        self.text
    }
}
