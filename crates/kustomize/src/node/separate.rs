//! Where kustomize cuts files of several documents: at lines that start with
//! `---`, whatever YAML says, and with line feeds for the line breaks of
//! Windows. Only the first document of each part counts.

use trueup_yaml::{SourcePart, YamlError};

/// What stands before each document but the first.
const SEPARATOR: &str = "\n---";

/// The parts of a text whose line breaks are line feeds. Fails where a line
/// that separates has more than a comment.
pub(super) fn parts(text: &str) -> Result<Vec<SourcePart<'_>>, YamlError> {
    let mut parts = Vec::new();
    let (mut start, mut lines_before) = (0, 0);
    while let Some(found) = text[start..].find(SEPARATOR) {
        let end = start + found + 1;
        let Some(length) = text[end..].find('\n') else {
            break;
        };
        let line = &text[end..end + length];
        let lines = line_feeds(&text[start..end]);
        let rest = line[3..].trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            let message = format!("invalid document separator: {}", line.trim());
            return Err(YamlError::new(message, lines_before + lines + 1, 1));
        }
        parts.push(SourcePart {
            text: &text[start..end],
            lines_before,
        });
        lines_before += lines + 1;
        start = end + length + 1;
    }
    parts.push(SourcePart {
        text: &text[start..],
        lines_before,
    });
    Ok(parts)
}

fn line_feeds(text: &str) -> u32 {
    let count = text.bytes().filter(|byte| *byte == b'\n').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use crate::node::read_separated;
    use trueup_yaml::SourceOptions;

    fn read(text: &str) -> Result<Vec<(u32, String)>, String> {
        let documents = read_separated(text, &SourceOptions::default());
        let told = |(line, node): (u32, crate::node::Node)| (line, node.text_at(&["a"]).to_owned());
        documents
            .map(|all| all.into_iter().map(told).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_cut_where_the_genuine_engine_cuts_them() {
        for (text, wanted) in [
            ("a: 1\n...\na: 2\n", &[(1, "1")][..]),
            ("a: 1\n...\n---\na: 2\n", &[(1, "1"), (4, "2")]),
            ("a: 1\n--- # c\n\na: 2\n---", &[(1, "1"), (4, "2")]),
            ("a: 1\n--- x", &[(1, "1")]),
            (
                "---\n---\na: 1\n---\n---\na: 2\n",
                &[(1, ""), (3, "1"), (6, "2")],
            ),
            ("a: 1\r\n---\r\na: 2\r\n", &[(1, "1"), (3, "2")]),
            ("a: 1\r---\ra: 2\r", &[(1, "1")]),
        ] {
            let wanted: Vec<(u32, String)> = wanted
                .iter()
                .map(|(line, text)| (*line, (*text).to_owned()))
                .collect();
            assert_eq!(read(text), Ok(wanted), "{text:?}");
        }
        for (text, wanted) in [
            (
                "a: 1\n\n--- x\na: 2\n",
                "line 3, column 1: invalid document separator: --- x",
            ),
            (
                "a: 1\n----\n",
                "line 2, column 1: invalid document separator: ----",
            ),
            (
                "%YAML 1.1\n---\na: 1\n",
                "line 2, column 1: did not find expected <document start>",
            ),
            (
                "a: 1\n---\nb: 2\nc: @\n",
                "line 4, column 4: found character that cannot start any token",
            ),
        ] {
            assert_eq!(read(text), Err(wanted.to_owned()), "{text:?}");
        }
    }
}
