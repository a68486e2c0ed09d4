//! What happened, a line each, as the demo's terminal shows it.

use crate::terminal::{Terminal, Tone, fold};
use std::io::Write;
use trueup_kinds::{Report, Severity};

/// Width of the column of names.
const NAME_WIDTH: usize = 12;

/// Where the text of a line begins.
const TEXT_COLUMN: usize = 10 + NAME_WIDTH + 3;

/// Digits of a digest that are shown.
const DIGEST_DIGITS: usize = 8;

/// One line, made of pieces.
type Line = Vec<(Tone, String)>;

/// Prints a report, folded to the terminal's width.
pub fn print<W: Write>(report: &Report, terminal: &mut Terminal<W>) {
    for line in lines(report, terminal.width()) {
        let pieces: Vec<(Tone, &str)> = line
            .iter()
            .map(|(tone, text)| (*tone, text.as_str()))
            .collect();
        terminal.line(&pieces);
    }
}

/// The lines of a report: one for each line of its message, all under the
/// name of the object that it is about; longer ones go on below themselves.
fn lines(report: &Report, width: Option<usize>) -> Vec<Line> {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(TEXT_COLUMN));
    let text = text(report);
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    told.enumerate()
        .flat_map(|(index, line)| {
            let parts = fold(line, room).into_iter().enumerate();
            parts.map(move |(part, text)| piece(report, index, part, text))
        })
        .collect()
}

/// One line of the terminal: a part of a line of the message.
fn piece(report: &Report, index: usize, part: usize, text: String) -> Line {
    let (time, name) = match part {
        0 => (
            report.at.strftime("%H:%M:%S").to_string(),
            report.object.name.as_str(),
        ),
        _ => (String::new(), ""),
    };
    let (tone, mark) = mark(report, index + part);
    vec![
        (Tone::Faint, format!("{time:<8}  ")),
        (Tone::Strong, format!("{name:<NAME_WIDTH$} ")),
        (tone, mark.to_owned()),
        (tone_of_text(report), text),
    ]
}

/// What is said: of a new revision also which and by whom.
fn text(report: &Report) -> String {
    match (&report.revision, report.metadata.get("author")) {
        (Some(revision), Some(author)) => shorten_digests(&format!(
            "{revision} by {author}: {}",
            subject(&report.message)
        )),
        _ => shorten_digests(&report.message),
    }
}

/// The subject in Flux's message of a new artifact; the message itself if it
/// is another.
fn subject(message: &str) -> &str {
    let inner = message.strip_prefix("stored artifact for commit '");
    inner
        .and_then(|rest| rest.strip_suffix('\''))
        .unwrap_or(message)
}

/// Reasons of reports that tell of waiting, not of having done something.
const WAITING: [&str; 2] = ["DependencyNotReady", "ArtifactFailed"];

fn mark(report: &Report, index: usize) -> (Tone, &'static str) {
    match report.severity {
        _ if index > 0 => (Tone::Plain, "  "),
        _ if is_waiting(report) => (Tone::Faint, "… "),
        Severity::Error => (Tone::Bad, "✗ "),
        Severity::Info => (Tone::Good, "✓ "),
        Severity::Trace => (Tone::Faint, "· "),
    }
}

fn is_waiting(report: &Report) -> bool {
    let is_told_so =
        report.severity != Severity::Error && WAITING.contains(&report.reason.as_str());
    is_told_so || is_canary_waiting(report)
}

/// What a Canary waits for is a warning, as in Flagger: new Pods that are not
/// ready yet are no trouble.
fn is_canary_waiting(report: &Report) -> bool {
    report.object.kind.kind == "Canary" && report.message.contains("not ready")
}

fn tone_of_text(report: &Report) -> Tone {
    if report.severity == Severity::Trace || is_waiting(report) {
        Tone::Faint
    } else {
        Tone::Plain
    }
}

/// Cuts full SHA-1 digests to their first digits: a person tells commits
/// apart by those, and a line holds only 80 columns.
fn shorten_digests(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("sha1:") {
        let start = at + "sha1:".len();
        let digits = rest[start..]
            .bytes()
            .take_while(u8::is_ascii_hexdigit)
            .count();
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
        lines(report, Some(60))
            .iter()
            .map(|line| line.iter().map(|(_, text)| text.as_str()).collect())
            .collect()
    }

    #[test]
    fn every_change_has_a_line_of_its_own() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            namespace: "flux-system".into(),
            name: "dev".into(),
        };
        let message = "Deployment/dev/web configured\nService/dev/web created";
        let report = Report::new(
            object,
            Severity::Info,
            "Progressing",
            message,
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(
            plain(&report),
            [
                "00:00:00  dev          ✓ Deployment/dev/web configured",
                "00:00:00  dev            Service/dev/web created"
            ]
        );
    }

    #[test]
    fn a_new_revision_is_told_with_author_and_subject() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("source.toolkit.fluxcd.io/v1", "GitRepository"),
            namespace: "flux-system".into(),
            name: "fleet".into(),
        };
        let message = "stored artifact for commit 'Scale web'";
        let mut report = Report::new(
            object,
            Severity::Info,
            "NewArtifact",
            message,
            Timestamp::UNIX_EPOCH,
        );
        report.revision = Some("main@sha1:0123456789abcdef0123456789abcdef01234567".into());
        report.metadata.insert("author".into(), "Ann".into());
        assert_eq!(text(&report), "main@sha1:01234567 by Ann: Scale web");
    }

    #[test]
    fn a_canary_that_waits_for_its_pods_is_in_no_trouble() {
        let object = ObjectRef {
            kind: GroupVersionKind::new("flagger.app/v1beta1", "Canary"),
            namespace: "shop".into(),
            name: "shop".into(),
        };
        let of = |message: &str| {
            let at = Timestamp::UNIX_EPOCH;
            Report::new(object.clone(), Severity::Error, "Synced", message, at)
        };
        let waits = of("shop-primary.shop not ready: waiting for rollout to finish");
        assert_eq!(mark(&waits, 0).1, "… ");
        assert_eq!(
            mark(&of("Canary failed! Scaling down shop.shop"), 0).1,
            "✗ "
        );
    }

    #[test]
    fn revisions_are_short() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            shorten_digests(&format!("Applied revision: main@sha1:{digest}")),
            "Applied revision: main@sha1:01234567"
        );
    }
}
