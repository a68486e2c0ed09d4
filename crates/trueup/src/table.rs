//! Tables as kubectl and flux print them: columns as wide as their widest
//! cell, three spaces apart, no trailing spaces.

use std::io::Write;

const GAP: &str = "   ";

/// Prints rows to standard output, under a header unless it is empty. Cells
/// lose line breaks and control characters, so that one row is one line.
pub fn print(header: &[&str], rows: &[Vec<String>]) {
    // A reader that closed the pipe has read enough.
    let _closed = std::io::stdout().write_all(format(header, rows).as_bytes());
}

fn format(header: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&head)
        .filter(|cells| !cells.is_empty())
        .chain(rows)
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter().map(|row| line(row, &widths)).collect()
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

fn clean(cell: &str) -> String {
    cell.trim()
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn columns_line_up_and_rows_stay_on_their_line() {
        let rows = [
            vec!["apps".into(), "True".into()],
            vec!["a-long-name".into(), "two\nlines".into()],
        ];
        assert_eq!(
            format(&["NAME", "READY"], &rows),
            "NAME          READY\napps          True\na-long-name   two lines\n"
        );
    }

    #[test]
    fn without_header_and_rows_nothing_is_printed() {
        assert_eq!(format(&[], &[]), "");
    }
}
