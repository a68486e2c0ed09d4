//! Go's regular expressions.

use regex::Regex;

/// Compiles a pattern with Go's meaning of `\d`, `\w`, `\s` (ASCII only); the
/// error reads as Go's.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&ascii_classes(pattern)).map_err(|error| message(pattern, &error))
}

fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut symbols = pattern.chars();
    let mut in_class = false;
    while let Some(symbol) = symbols.next() {
        if symbol != '\\' {
            in_class = match symbol {
                '[' => true,
                ']' => false,
                _ => in_class,
            };
            out.push(symbol);
            continue;
        }
        let Some(escaped) = symbols.next() else {
            out.push('\\');
            break;
        };
        let set = match escaped {
            'd' | 'D' => "0-9",
            'w' | 'W' => "0-9A-Za-z_",
            's' | 'S' => "\\t\\n\\x0c\\r ",
            other => {
                out.push('\\');
                out.push(other);
                continue;
            }
        };
        let negated = if escaped.is_ascii_uppercase() {
            "^"
        } else {
            ""
        };
        if in_class && negated.is_empty() {
            out.push_str(set);
        } else {
            out.push_str(&format!("[{negated}{set}]"));
        }
    }
    out
}

fn message(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let told = |what: &str, at: &str| format!("error parsing regexp: {what}: `{at}`");
    if text.contains("unclosed group") {
        return told("missing closing )", pattern);
    }
    if text.contains("unopened group") {
        return told("unexpected )", pattern);
    }
    if text.contains("unclosed character class") {
        let from = pattern.rfind('[').unwrap_or(0);
        return told("missing closing ]", &pattern[from..]);
    }
    if text.contains("repetition operator missing expression") {
        let operator = pattern
            .find(['*', '+', '?'])
            .map_or("", |at| &pattern[at..=at]);
        return told("missing argument to repetition operator", operator);
    }
    let last = text
        .lines()
        .last()
        .unwrap_or("")
        .trim_start_matches("error: ");
    told(last, pattern)
}
