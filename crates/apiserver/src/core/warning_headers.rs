//! `Warning` headers: what is said beside an answer.

/// How many characters all texts may have together before each is cut.
const MAX_ALL_CHARACTERS: usize = 4 * 1024;
/// To how many characters a text is cut then.
const MAX_CUT_CHARACTERS: usize = 256;

/// The values of the headers for some texts: each text once, none with
/// control characters, and cut where they are too long together.
#[must_use]
pub(super) fn warning_headers(texts: &[String]) -> Vec<String> {
    let mut distinct: Vec<&str> = Vec::with_capacity(texts.len());
    for text in texts {
        let fits = !text.is_empty() && !text.chars().any(char::is_control);
        if fits && !distinct.contains(&text.as_str()) {
            distinct.push(text);
        }
    }
    let all: usize = distinct.iter().map(|text| text.chars().count()).sum();
    if all <= MAX_ALL_CHARACTERS {
        return distinct.into_iter().map(header).collect();
    }
    let mut written = 0;
    let mut headers = Vec::new();
    for text in distinct {
        if written >= MAX_ALL_CHARACTERS {
            break;
        }
        let cut: String = text.chars().take(MAX_CUT_CHARACTERS).collect();
        written += cut.chars().count();
        headers.push(header(&cut));
    }
    headers
}

/// A text as the value of a header.
fn header(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("299 - \"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::warning_headers;

    #[test]
    fn texts_are_told_once_and_only_if_a_header_can_hold_them() {
        let texts = ["say \"a\"", "two\nlines", "say \"a\"", ""].map(String::from);
        assert_eq!(warning_headers(&texts), [r#"299 - "say \"a\"""#]);
    }

    #[test]
    fn texts_that_are_too_long_together_are_cut() {
        let texts: Vec<String> = (0..30)
            .map(|n| format!("{n} {}", "x".repeat(500)))
            .collect();
        let headers = warning_headers(&texts);
        assert_eq!(headers.len(), 16);
        assert_eq!(headers[0].len(), 256 + "299 - \"\"".len());
    }
}
