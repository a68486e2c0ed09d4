//! Tables as kubectl and flux print them: columns as wide as their widest
//! cell, three spaces apart, no trailing spaces.

use crate::commands::Failure;
use crate::document;
use crate::paint::printable_line;

const GAP: &str = "   ";

/// Prints rows to standard output, under a header unless it is empty. In cells
/// line breaks become spaces and control characters are replaced, so that one
/// row is one line.
pub fn print(header: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    Table::new(header).print(rows)
}

/// A table that is printed in several goes: columns keep the width that they
/// have had, so that later rows line up.
pub struct Table {
    header: Vec<String>,
    widths: Vec<usize>,
}

impl Table {
    /// A table with a header; none if it is empty.
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|cell| (*cell).to_owned()).collect(),
            widths: Vec::new(),
        }
    }

    /// Prints rows, the first time below the header.
    pub fn print(&mut self, rows: &[Vec<String>]) -> Result<(), Failure> {
        document::print(&self.format(rows))
    }

    fn format(&mut self, rows: &[Vec<String>]) -> String {
        let header = std::mem::take(&mut self.header);
        let rows: Vec<Vec<String>> = std::iter::once(&header)
            .filter(|cells| !cells.is_empty())
            .chain(rows)
            .map(|row| row.iter().map(|cell| printable_line(cell.trim())).collect())
            .collect();
        for row in &rows {
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        rows.iter().map(|row| line(row, &self.widths)).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(
            ' ',
            width.saturating_sub(cell.chars().count()),
        ));
        text.push_str(GAP);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up_and_rows_stay_on_their_line() {
        let rows = [
            vec!["apps".into(), "True".into()],
            vec!["a-long-name".into(), "two\nlines".into()],
        ];
        assert_eq!(
            Table::new(&["NAME", "READY"]).format(&rows),
            "NAME          READY\napps          True\na-long-name   two lines\n"
        );
    }

    #[test]
    fn without_header_and_rows_nothing_is_printed() {
        assert_eq!(Table::new(&[]).format(&[]), "");
    }

    #[test]
    fn later_rows_line_up_with_earlier_ones() {
        let mut table = Table::new(&["NAME", "READY"]);
        table.format(&[vec!["a-long-name".into(), "True".into()]]);
        let later = table.format(&[vec!["web".into(), "False".into()]]);
        assert_eq!(later, "web           False\n");
    }
}
