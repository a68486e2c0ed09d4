//! What is wrong with a text that is no YAML, in the words of the genuine
//! server's reader.

use trueup_object::YamlError;

/// Who found a mistake: the two count lines differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finder {
    /// Lines are counted from one.
    Scanner,
    /// Lines are counted from zero.
    Parser,
}

/// The mistake as clients are told.
#[must_use]
pub fn told(text: &str, error: &YamlError) -> String {
    if error.message.contains("unknown anchor") {
        return format!("yaml: unknown anchor '{}' referenced", name_at(text, error));
    }
    if error.message.contains("excessive aliasing") {
        return "yaml: document contains excessive aliasing".to_owned();
    }
    let (finder, message) = in_words(text, &error.message);
    let line = match (finder, message.as_str()) {
        (Finder::Parser, message) if error.message.starts_with("unclosed bracket") => {
            debug_assert!(!message.is_empty(), "every mistake has words");
            text.lines().count()
        }
        (Finder::Parser, _) => (error.line as usize).saturating_sub(1),
        (Finder::Scanner, TAB) => line_of_tab(text),
        (Finder::Scanner, _) if error.line <= 1 => 0,
        (Finder::Scanner, _) => error.line as usize,
    };
    if line == 0 {
        format!("yaml: {message}")
    } else {
        format!("yaml: line {line}: {message}")
    }
}

const TAB: &str = "found a tab character that violates indentation";

fn in_words(text: &str, message: &str) -> (Finder, String) {
    let scanner = |message: &str| (Finder::Scanner, message.to_owned());
    let parser = |message: &str| (Finder::Parser, message.to_owned());
    if let Some(bracket) = message.strip_prefix("unclosed bracket ") {
        let last = text.trim_end().chars().next_back();
        return match (last, bracket) {
            (Some('[' | '{' | ','), _) => parser("did not find expected node content"),
            (_, "'['") => parser("did not find expected ',' or ']'"),
            _ => parser("did not find expected ',' or '}'"),
        };
    }
    if message.starts_with("unclosed quote") {
        return scanner("found unexpected end of stream");
    }
    if message.starts_with("unexpected character") {
        return scanner("found character that cannot start any token");
    }
    if message.contains("found a tab") {
        return scanner(TAB);
    }
    match message.split_once(", ") {
        Some((context, rest)) if context.starts_with("while parsing") => parser(rest),
        Some((context, rest)) if context.starts_with("while scanning") => scanner(rest),
        _ => scanner(message),
    }
}

/// The first line that is indented by a tab.
fn line_of_tab(text: &str) -> usize {
    let indented = |line: &str| {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        line[..indentation].contains('\t')
    };
    text.lines().position(indented).map_or(0, |index| index + 1)
}

/// The name of an anchor that stands where a mistake was found.
fn name_at(text: &str, error: &YamlError) -> String {
    let line = text
        .lines()
        .nth((error.line as usize).saturating_sub(1))
        .unwrap_or("");
    let from: String = line
        .chars()
        .skip((error.column as usize).saturating_sub(1))
        .collect();
    from.trim_start_matches('*')
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn mistakes_are_told_in_the_words_of_the_genuine_reader() {
        for (text, wanted) in [
            (
                "a: b: c",
                "yaml: mapping values are not allowed in this context",
            ),
            (
                "x: 1\n  y: 2",
                "yaml: line 2: mapping values are not allowed in this context",
            ),
            ("{", "yaml: line 1: did not find expected node content"),
            ("{a: b", "yaml: line 1: did not find expected ',' or '}'"),
            (
                "a: 1\nkind: [a",
                "yaml: line 2: did not find expected ',' or ']'",
            ),
            (
                "a: 1\nkind: \"b",
                "yaml: line 2: found unexpected end of stream",
            ),
            (
                "a: 1\n\tb: c",
                "yaml: line 2: found a tab character that violates indentation",
            ),
            ("a: *b", "yaml: unknown anchor 'b' referenced"),
            (
                "a: 1\nb: @c",
                "yaml: line 2: found character that cannot start any token",
            ),
            (
                "- a\nb: c",
                "yaml: line 1: did not find expected '-' indicator",
            ),
            ("a: b\n- c", "yaml: line 1: did not find expected key"),
        ] {
            let error = trueup_yaml::parse(text).unwrap_err();
            assert_eq!(told(text, &error), wanted, "{text}");
        }
    }
}
