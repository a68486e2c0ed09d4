//! `trueup events`.

use super::{Failure, said};
use crate::arguments::EventsArguments;
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION};
use crate::{connect, progress, table};
use futures::StreamExt;
use jiff::Timestamp;
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Scope, Session, WatchEvent, WatchSpec};
use trueup_kinds::names::{KUSTOMIZE_GROUP, SOURCE_GROUP};
use trueup_object::{GroupVersionKind, Value};

/// Objects whose events are shown; all of our kinds when empty.
type Subjects = Vec<(String, String)>;

/// Prints the events of our kinds, oldest first.
pub async fn run(arguments: EventsArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let subjects = subjects(&session, &arguments).await?;
    let listed = session
        .list(&event_kind(), &scope(&arguments), Form::Full)
        .await?;
    let mut shown: Vec<&LiveObject> = listed
        .objects
        .iter()
        .filter(|event| is_shown(event.value(), &subjects, &arguments))
        .collect();
    shown.sort_by_key(|event| last_seen(event.value()));
    let now = Timestamp::now();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|event| row(event, now, &arguments))
        .collect();
    if rows.is_empty() && !arguments.watch {
        progress::failure(&format!("no events found in {}", place(&arguments)));
        return Ok(ExitCode::SUCCESS);
    }
    table::print(&header(&arguments), &rows);
    if arguments.watch {
        let seen = listed
            .objects
            .iter()
            .map(|event| event.uid().to_string())
            .collect();
        follow(&session, &subjects, &arguments, seen).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints events as they come, until the process is stopped.
async fn follow(
    session: &Session,
    subjects: &Subjects,
    arguments: &EventsArguments,
    seen: std::collections::HashSet<String>,
) {
    let mut events = session.watch(WatchSpec {
        kind: event_kind(),
        scope: scope(arguments),
        form: Form::Full,
    });
    let mut is_listing = true;
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(event) if is_listing && seen.contains(event.uid().as_str()) => {}
            WatchEvent::Applied(event) if is_shown(event.value(), subjects, arguments) => {
                table::print(&[], &[row(&event, Timestamp::now(), arguments)]);
            }
            WatchEvent::Synced { .. } => is_listing = false,
            WatchEvent::Error(error) => progress::failure(&error.to_string()),
            _ => {}
        }
    }
}

fn event_kind() -> GroupVersionKind {
    GroupVersionKind::new("v1", "Event")
}

fn scope(arguments: &EventsArguments) -> Scope {
    if arguments.all_namespaces {
        Scope::all()
    } else {
        Scope::namespace(&arguments.scope.namespace)
    }
}

fn place(arguments: &EventsArguments) -> String {
    if arguments.all_namespaces {
        return "any namespace".to_owned();
    }
    format!("{} namespace", arguments.scope.namespace)
}

/// The object of `--for`, and the source of a Kustomization beside it.
async fn subjects(session: &Session, arguments: &EventsArguments) -> Result<Subjects, Failure> {
    let Some(subject) = &arguments.subject else {
        return Ok(Vec::new());
    };
    let (kind, name) = subject.split_once('/').ok_or_else(|| {
        said(format!(
            "--for takes KIND/NAME such as Kustomization/apps, not {subject:?}"
        ))
    })?;
    let known = [&KUSTOMIZATION, &GIT_REPOSITORY]
        .into_iter()
        .find(|words| words.kind.eq_ignore_ascii_case(kind));
    let words = known.ok_or_else(|| {
        said(format!(
            "--for knows {} and {}, not {kind:?}",
            KUSTOMIZATION.kind, GIT_REPOSITORY.kind
        ))
    })?;
    let mut subjects = vec![(words.kind.to_owned(), name.to_owned())];
    if words == &KUSTOMIZATION && !arguments.all_namespaces {
        let object = words.object(&arguments.scope.namespace, name);
        let live = session.get(&object, Form::Full).await?;
        let source = |key: &str| {
            live.value()
                .str_at(&["spec", "sourceRef", key])
                .unwrap_or_default()
                .to_owned()
        };
        subjects.push((source("kind"), source("name")));
    }
    Ok(subjects)
}

fn is_shown(event: &Value, subjects: &Subjects, arguments: &EventsArguments) -> bool {
    let involved = |key: &str| event.str_at(&["involvedObject", key]).unwrap_or_default();
    let is_ours = involved("apiVersion")
        .rsplit_once('/')
        .is_some_and(|(group, _)| [KUSTOMIZE_GROUP, SOURCE_GROUP].contains(&group));
    let is_asked_for = subjects.is_empty()
        || subjects
            .iter()
            .any(|(kind, name)| kind == involved("kind") && name == involved("name"));
    let kind = event.str_at(&["type"]).unwrap_or_default();
    let is_type = arguments.types.is_empty()
        || arguments
            .types
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(kind));
    is_ours && is_asked_for && is_type
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    ["lastTimestamp", "eventTime", "firstTimestamp"]
        .into_iter()
        .filter_map(|key| event.str_at(&[key]))
        .find_map(|text| text.parse().ok())
}

fn header(arguments: &EventsArguments) -> Vec<&'static str> {
    let namespace = arguments.all_namespaces.then_some("NAMESPACE");
    namespace
        .into_iter()
        .chain(["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
        .collect()
}

fn row(event: &LiveObject, now: Timestamp, arguments: &EventsArguments) -> Vec<String> {
    let value = event.value();
    let text = |path: &[&str]| value.str_at(path).unwrap_or_default().to_owned();
    let namespace = arguments
        .all_namespaces
        .then(|| event.namespace().to_string());
    namespace
        .into_iter()
        .chain([
            last_seen(value).map_or_else(|| "unknown".to_owned(), |seen| age(seen, now)),
            text(&["type"]),
            text(&["reason"]),
            format!(
                "{}/{}",
                text(&["involvedObject", "kind"]),
                text(&["involvedObject", "name"])
            ),
            text(&["message"]),
        ])
        .collect()
}

/// An age in its largest unit, as kubectl's tables have it: `42s`, `7m`, `3h`, `12d`.
fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ages = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_200, "2h"),
            (172_800, "2d"),
            (-5, "0s"),
        ];
        for (seconds, text) in ages {
            assert_eq!(
                age(Timestamp::from_second(1_000_000 - seconds).unwrap(), now),
                text
            );
        }
    }
}
