//! What happened, a line each, as the demo's terminal shows it.

use crate::terminal::{Terminal, Tone};
use std::io::Write;
use trueup_kinds::{Report, Severity};

/// Width of the column of names.
const NAME_WIDTH: usize = 12;

/// Digits of a digest that are shown.
const DIGEST_DIGITS: usize = 8;

/// One line, made of pieces.
pub type Line = Vec<(Tone, String)>;

/// The lines of a report: one for each line of its message, all under the
/// name of the object that it is about.
#[must_use]
pub fn lines(report: &Report) -> Vec<Line> {
    let time = report.at.strftime("%H:%M:%S").to_string();
    let name = &report.object.name;
    let text = shorten_digests(&report.message);
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .enumerate()
        .map(|(index, line)| {
            let (tone, mark) = mark(report, index);
            vec![
                (Tone::Faint, format!("{time}  ")),
                (Tone::Strong, format!("{name:<NAME_WIDTH$} ")),
                (tone, mark.to_owned()),
                (tone_of_text(report), line.trim().to_owned()),
            ]
        })
        .collect()
}

/// Prints a report.
pub fn print<W: Write>(report: &Report, terminal: &mut Terminal<W>) {
    for line in lines(report) {
        let pieces: Vec<(Tone, &str)> = line.iter().map(|(tone, text)| (*tone, text.as_str())).collect();
        terminal.line(&pieces);
    }
}

fn mark(report: &Report, index: usize) -> (Tone, &'static str) {
    match report.severity {
        _ if index > 0 => (Tone::Plain, "  "),
        Severity::Error => (Tone::Bad, "✗ "),
        Severity::Info => (Tone::Good, "✓ "),
        Severity::Trace => (Tone::Faint, "· "),
    }
}

fn tone_of_text(report: &Report) -> Tone {
    if report.severity == Severity::Trace { Tone::Faint } else { Tone::Plain }
}

/// Cuts full SHA-1 digests to their first digits: a person tells commits
/// apart by those, and a line holds only 80 columns.
fn shorten_digests(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("sha1:") {
        let start = at + "sha1:".len();
        let digits = rest[start..].bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(&rest[..start + digits.min(DIGEST_DIGITS)]);
        rest = &rest[start + digits..];
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use trueup_object::{GroupVersionKind, ObjectRef};

    fn plain(report: &Report) -> Vec<String> {
        lines(report).iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn every_change_has_a_line_of_its_own() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            namespace: "flux-system".into(),
            name: "dev".into(),
        };
        let message = "Deployment/dev/web configured\nService/dev/web created";
        let report = Report::new(object, Severity::Info, "Progressing", message, Timestamp::UNIX_EPOCH);
        assert_eq!(
            plain(&report),
            [
                "00:00:00  dev          ✓ Deployment/dev/web configured",
                "00:00:00  dev            Service/dev/web created"
            ]
        );
    }

    #[test]
    fn revisions_are_short() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(shorten_digests(&format!("Applied revision: main@sha1:{digest}")), "Applied revision: main@sha1:01234567");
    }
}
