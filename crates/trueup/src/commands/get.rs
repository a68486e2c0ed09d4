//! `trueup get`.

use super::{Failure, said};
use crate::arguments::{GetArguments, GetWhat, SourcesKind};
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION, Words, condition, is_suspended};
use crate::{connect, progress, table};
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_object::Value;

/// Which objects of one kind are shown, and how.
struct View<'a> {
    words: &'static Words,
    name: Option<&'a str>,
    /// `gitrepository/fleet` rather than `fleet`.
    prefixed: bool,
}

/// Prints the objects asked for, a table a kind.
pub async fn run(arguments: GetArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let selector = arguments
        .status_selector
        .as_deref()
        .map(status_selector)
        .transpose()?;
    let views = views(&arguments.what);
    for (index, view) in views.iter().enumerate() {
        let objects = objects(&session, view, &arguments).await?;
        let shown: Vec<Vec<String>> = objects
            .iter()
            .filter(|object| {
                selector
                    .as_ref()
                    .is_none_or(|(kind, status)| has_status(object.value(), kind, status))
            })
            .map(|object| row(view, object, &arguments))
            .collect();
        if shown.is_empty() {
            none_found(view, &arguments);
            continue;
        }
        if index > 0 {
            println!();
        }
        table::print(&header(&arguments), &shown);
    }
    Ok(ExitCode::SUCCESS)
}

fn views(what: &GetWhat) -> Vec<View<'_>> {
    let view = |words, name, prefixed| View {
        words,
        name,
        prefixed,
    };
    match what {
        GetWhat::Kustomizations { name } => vec![view(&KUSTOMIZATION, name.as_deref(), false)],
        GetWhat::Sources {
            kind: SourcesKind::Git { name },
        } => {
            vec![view(&GIT_REPOSITORY, name.as_deref(), false)]
        }
        GetWhat::Sources {
            kind: SourcesKind::All,
        } => vec![view(&GIT_REPOSITORY, None, true)],
        GetWhat::All => vec![
            view(&GIT_REPOSITORY, None, true),
            view(&KUSTOMIZATION, None, true),
        ],
    }
}

async fn objects(
    session: &Session,
    view: &View<'_>,
    arguments: &GetArguments,
) -> Result<Vec<LiveObject>, Failure> {
    let namespace = arguments.scope.namespace.as_str();
    let mut scope = match (view.name, arguments.all_namespaces) {
        (Some(name), true) => Scope {
            field_selector: format!("metadata.name={name}").into(),
            ..Scope::all()
        },
        (Some(name), false) => Scope::object(namespace, name),
        (None, true) => Scope::all(),
        (None, false) => Scope::namespace(namespace),
    };
    if let Some(selector) = &arguments.label_selector {
        scope = scope.labelled(selector);
    }
    Ok(session
        .list(&view.words.gvk(), &scope, Form::Full)
        .await?
        .objects)
}

fn none_found(view: &View<'_>, arguments: &GetArguments) {
    if view.prefixed {
        return;
    }
    let place = if arguments.all_namespaces {
        "any namespace".to_owned()
    } else {
        format!("\"{}\" namespace", arguments.scope.namespace)
    };
    progress::failure(&format!("no {} objects found in {place}", view.words.kind));
}

fn header(arguments: &GetArguments) -> Vec<&'static str> {
    if arguments.no_header {
        return Vec::new();
    }
    let namespace = arguments.all_namespaces.then_some("NAMESPACE");
    namespace
        .into_iter()
        .chain(["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"])
        .collect()
}

fn row(view: &View<'_>, object: &LiveObject, arguments: &GetArguments) -> Vec<String> {
    let value = object.value();
    let ready = condition(value, "Ready");
    let of_ready = |key: &str| {
        ready
            .and_then(|ready| ready.str_at(&[key]))
            .map(str::to_owned)
    };
    let name = if view.prefixed {
        format!("{}/{}", view.words.kind.to_lowercase(), object.name())
    } else {
        object.name().to_string()
    };
    let namespace = arguments
        .all_namespaces
        .then(|| object.namespace().to_string());
    namespace
        .into_iter()
        .chain([
            name,
            short_revision(view.words.revision(value)),
            if is_suspended(value) { "True" } else { "False" }.to_owned(),
            of_ready("status").unwrap_or_else(|| "Unknown".to_owned()),
            of_ready("message").map_or_else(
                || "waiting to be reconciled".to_owned(),
                |text| shorten_digests(&text),
            ),
        ])
        .collect()
}

/// `main@sha1:` and eight digits, as the flux CLI shortens revisions.
fn short_revision(revision: &str) -> String {
    shorten_digests(revision)
}

/// Cuts every hexadecimal digest in a text to its first eight digits.
fn shorten_digests(text: &str) -> String {
    const KEPT: usize = 8;
    let mut short = String::new();
    let mut rest = text;
    while let Some(start) = rest
        .find("sha1:")
        .map(|at| at + 5)
        .or_else(|| rest.find("sha256:").map(|at| at + 7))
    {
        let digits = rest[start..]
            .bytes()
            .take_while(u8::is_ascii_hexdigit)
            .count();
        short.push_str(&rest[..start + digits.min(KEPT)]);
        rest = &rest[start + digits..];
    }
    short + rest
}

/// `ready=false` into the condition's type and status.
fn status_selector(text: &str) -> Result<(String, String), Failure> {
    text.split_once('=')
        .map(|(kind, status)| (kind.trim().to_owned(), status.trim().to_owned()))
        .ok_or_else(|| {
            said(format!(
                "--status-selector takes CONDITION=STATUS such as ready=false, not {text:?}"
            ))
        })
}

fn has_status(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind)
        .and_then(|condition| condition.str_at(&["status"]))
        .is_some_and(|found| found.eq_ignore_ascii_case(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn digests_are_cut_to_eight_digits_wherever_they_stand() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            shorten_digests(&format!("main@sha1:{digest}")),
            "main@sha1:01234567"
        );
        assert_eq!(
            shorten_digests(&format!(
                "Applied revision: main@sha1:{digest}, then sha1:{digest}!"
            )),
            "Applied revision: main@sha1:01234567, then sha1:01234567!"
        );
        assert_eq!(shorten_digests("no digest"), "no digest");
    }

    #[test]
    fn a_status_selector_finds_conditions_in_any_case() {
        let object = value!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        let (kind, status) = status_selector("ready=false").unwrap();
        assert!(has_status(&object, &kind, &status));
        assert!(!has_status(&object, &kind, "true"));
        assert!(status_selector("ready").is_err());
    }
}
