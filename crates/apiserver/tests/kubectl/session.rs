//! A session at a terminal as a file: commands, what they print, and how they
//! end.
//!
//! ```text
//! # A comment; the first may name a need: `# needs: controllers`.
//! $ kubectl get -f - <<END
//! > kind: …            (a line more of the command)
//! > END
//! what it prints       ([..] is any text in a line, ... alone any lines)
//! ! what it complains of
//! ? 1                  (how it ends, where that is not 0)
//! ```
//!
//! What changes from run to run is written as `<uid>`, `<time>`, `<age>`,
//! `<ip>`, `<version>`, `<namespace>`, `<server>`; columns are kept apart by
//! three blanks.

use regex::Regex;
use std::fmt::Write;
use std::sync::LazyLock;

/// One command and what is expected of it.
#[derive(Debug, Default)]
pub struct Step {
    /// Where it stands, from 1.
    pub line: usize,
    /// What is above it: comments and blank lines.
    pub preface: Vec<String>,
    /// A text for the shell.
    pub command: String,
    /// What it prints, complains of, and its end.
    pub expected: Vec<String>,
}

/// Reads a session; what follows the last step comes with an empty command.
pub fn parse(text: &str) -> Vec<Step> {
    let mut steps = vec![Step::default()];
    for (number, line) in text.lines().enumerate() {
        let last = steps.len() - 1;
        let step = &mut steps[last];
        let aside = line.starts_with("# ") || line == "#" || line.is_empty();
        if let Some(command) = line.strip_prefix("$ ") {
            step.command = command.to_owned();
            step.line = number + 1;
            steps.push(Step::default());
        } else if last > 0 && step.preface.is_empty() && !aside {
            let before = &mut steps[last - 1];
            match line.strip_prefix("> ").or(line.strip_prefix('>')) {
                Some(more) if before.expected.is_empty() => {
                    before.command.push('\n');
                    before.command.push_str(more);
                }
                _ => before.expected.push(line.to_owned()),
            }
        } else {
            assert!(aside, "line {}: belongs to no command", number + 1);
            step.preface.push(line.to_owned());
        }
    }
    steps
}

/// Writes steps as [`parse`] reads them.
pub fn print(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        for line in &step.preface {
            writeln!(text, "{line}").unwrap();
        }
        for (number, line) in step.command.lines().enumerate() {
            let mark = if number == 0 { "$" } else { ">" };
            writeln!(text, "{}", format!("{mark} {line}").trim_end()).unwrap();
        }
        for line in &step.expected {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// What hides a value that changes from run to run.
static PLACEHOLDERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<uid>",
        ),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (
            r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
            "<time>",
        ),
        (r#"(resourceVersion\\*"?: ?\\*")\d+"#, "$1<version>"),
        (r"(Resource Version: +)\d+", "$1<version>"),
        (r"(^|\s)(<invalid>|\d+m\d+s|\d+s)(\s|$)", "$1<age>$3"),
        (r"\b10\.\d+\.\d+\.\d+\b", "<ip>"),
        (r":3[0-2]\d{3}/", ":<port>/"),
        (r"kubectl-edit-\d+", "kubectl-edit-<number>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", "<time>"),
        // Newer kubectl adds where it was.
        (
            r#"(" (force )?deleted) from \S+ namespace( \(server dry run\))?$"#,
            "$1$3",
        ),
        (r"(\S) {3,}", "$1   "),
        (r"[ \t]+$", ""),
    ]
    .map(|(pattern, placeholder)| (Regex::new(pattern).unwrap(), placeholder))
    .into()
});

/// A line with placeholders for what changes from run to run.
pub fn normal(line: &str, fixed: &[(String, &str)]) -> String {
    let mut line = line.to_owned();
    for (text, placeholder) in fixed {
        line = line.replace(text, placeholder);
    }
    for (pattern, placeholder) in PLACEHOLDERS.iter() {
        line = pattern.replace_all(&line, *placeholder).into_owned();
    }
    line
}

/// Whether lines are as expected.
pub fn agree(expected: &[String], lines: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((any, rest)) if any == "..." => {
            (0..=lines.len()).any(|skipped| agree(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| fits(first, line) && agree(rest, others)),
    }
}

/// Whether a line fits a pattern with `[..]` for any text.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((before, after)) = pattern.split_once("[..]") else {
        return pattern == line;
    };
    line.strip_prefix(before).is_some_and(|rest| {
        (0..=rest.len())
            .filter(|start| rest.is_char_boundary(*start))
            .any(|start| fits(after, &rest[start..]))
    })
}

#[test]
fn what_is_read_is_written_as_it_was() {
    let text = "# about\n\n$ a <<END\n> b\n>\n> END\nprinted\n\n# more\n$ c\n! no\n? 1\n# end\n";
    let steps = parse(text);
    assert_eq!(steps[0].command, "a <<END\nb\n\nEND");
    assert_eq!(steps[1].expected, ["! no", "? 1"]);
    assert_eq!(print(&steps), text);
}

#[test]
fn wild_cards_fit_no_more_than_they_say() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(agree(&lines("a\n...\nc[..]e"), &lines("a\nb\nb\ncde")));
    assert!(!agree(&lines("a\n...\nc[..]e"), &lines("a\nb\ncd")));
    assert!(!agree(&lines("a"), &lines("a\nb")));
    assert_eq!(normal("x      10.0.0.7   5s", &[]), "x   <ip>   <age>");
}
