//! `trueup events`.

use super::{Failure, said};
use crate::arguments::EventsArguments;
use crate::table::Table;
use crate::words::{self, KUSTOMIZATION};
use crate::{age, connect, document, progress};
use futures::StreamExt;
use jiff::Timestamp;
use std::process::ExitCode;
use trueup_cluster::{Form, LiveObject, Scope, Session, WatchEvent, WatchSpec};
use trueup_kinds::names::{FLAGGER_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP};
use trueup_object::{GroupVersionKind, Value};

/// The objects whose events are shown: all of our kinds when empty.
#[derive(Default)]
struct Subjects {
    only: Vec<Subject>,
}

/// One object, or all of a kind in a namespace.
struct Subject {
    kind: String,
    name: Option<String>,
    namespace: Option<String>,
}

impl Subjects {
    fn include(&self, involved: &Value) -> bool {
        let text = |key: &str| involved.str_at(&[key]).unwrap_or_default();
        let is_any = |wanted: &Option<String>, key| {
            wanted.as_deref().is_none_or(|wanted| wanted == text(key))
        };
        self.only.is_empty()
            || self.only.iter().any(|subject| {
                subject.kind == text("kind")
                    && is_any(&subject.name, "name")
                    && is_any(&subject.namespace, "namespace")
            })
    }

    /// Whether events of several namespaces are shown.
    fn spread(&self, arguments: &EventsArguments) -> bool {
        arguments.all_namespaces
            || self.only.iter().any(|subject| {
                subject
                    .namespace
                    .as_deref()
                    .is_some_and(|it| it != arguments.scope.namespace)
            })
    }
}

/// Prints the events of our kinds, oldest first.
pub async fn run(arguments: EventsArguments) -> Result<ExitCode, Failure> {
    check_types(&arguments.types)?;
    let session = connect::session(&arguments.scope).await?;
    let subjects = subjects(&session, &arguments).await?;
    let is_spread = subjects.spread(&arguments);
    let listed = session
        .list(&event_kind(), &scope(&arguments, is_spread), Form::Full)
        .await?;
    let mut shown: Vec<&LiveObject> = listed
        .objects
        .iter()
        .filter(|event| is_shown(event.value(), &subjects, &arguments))
        .collect();
    shown.sort_by_key(|event| last_seen(event.value()));
    if let Some(format) = arguments.output {
        let events = shown.iter().map(|event| event.value().clone()).collect();
        document::print_objects(events, false, format)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Timestamp::now();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|event| row(event, now, is_spread))
        .collect();
    if rows.is_empty() && !arguments.watch {
        progress::failure(&format!("no events found in {}", place(&arguments)));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&header(is_spread));
    table.print(&rows)?;
    if arguments.watch {
        let seen = listed
            .objects
            .iter()
            .map(|event| event.uid().to_string())
            .collect();
        follow(&session, &subjects, &arguments, &mut table, seen).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints events as they come, until the process is stopped or nobody
/// reads.
async fn follow(
    session: &Session,
    subjects: &Subjects,
    arguments: &EventsArguments,
    table: &mut Table,
    seen: std::collections::HashSet<String>,
) -> Result<(), Failure> {
    let is_spread = subjects.spread(arguments);
    let mut events = session.watch(WatchSpec {
        kind: event_kind(),
        scope: scope(arguments, is_spread),
        form: Form::Full,
    });
    let mut is_listing = true;
    while document::is_read()
        && let Some(event) = events.next().await
    {
        match event {
            WatchEvent::Applied(event) if is_listing && seen.contains(event.uid().as_str()) => {}
            WatchEvent::Applied(event) if is_shown(event.value(), subjects, arguments) => {
                table.print(&[row(&event, Timestamp::now(), is_spread)])?;
            }
            WatchEvent::Synced { .. } => is_listing = false,
            WatchEvent::Error(error) => progress::failure(&error.to_string()),
            _ => {}
        }
    }
    Ok(())
}

fn check_types(types: &[String]) -> Result<(), Failure> {
    let known = ["Normal", "Warning"];
    match types
        .iter()
        .find(|given| !known.iter().any(|it| it.eq_ignore_ascii_case(given)))
    {
        None => Ok(()),
        Some(given) => Err(said(format!(
            "type '{given}' not supported. Supported types are Normal, Warning"
        ))),
    }
}

fn event_kind() -> GroupVersionKind {
    GroupVersionKind::new("v1", "Event")
}

fn scope(arguments: &EventsArguments, is_spread: bool) -> Scope {
    if is_spread {
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
        return Ok(Subjects::default());
    };
    let (kind, name) = match subject.split_once('/') {
        Some((kind, name)) => (kind, Some(name).filter(|name| !name.is_empty())),
        None => (subject.as_str(), None),
    };
    let Some(words) = words::find(kind) else {
        return Err(said(format!("'{kind}' is not a recognized Flux kind"))
            .hinted("--for takes KIND or KIND/NAME, such as Kustomization/apps"));
    };
    let here = (!arguments.all_namespaces).then(|| arguments.scope.namespace.clone());
    let mut only = vec![Subject {
        kind: words.kind.to_owned(),
        name: name.map(str::to_owned),
        namespace: here,
    }];
    if let (true, Some(name)) = (words == &KUSTOMIZATION, name) {
        let object = words.object(&arguments.scope.namespace, name);
        only.extend(
            session
                .find(&object, Form::Full)
                .await?
                .map(|it| source_of(&it)),
        );
    }
    Ok(Subjects { only })
}

fn source_of(kustomization: &LiveObject) -> Subject {
    let source = |key: &str| kustomization.value().str_at(&["spec", "sourceRef", key]);
    let own = kustomization.namespace().as_str();
    Subject {
        kind: source("kind").unwrap_or_default().to_owned(),
        name: source("name").map(str::to_owned),
        namespace: Some(source("namespace").unwrap_or(own).to_owned()),
    }
}

fn is_shown(event: &Value, subjects: &Subjects, arguments: &EventsArguments) -> bool {
    let involved = event.get("involvedObject").unwrap_or(&Value::Null);
    let is_ours = involved
        .str_at(&["apiVersion"])
        .and_then(|version| version.rsplit_once('/'))
        .is_some_and(|(group, _)| [KUSTOMIZE_GROUP, SOURCE_GROUP, FLAGGER_GROUP].contains(&group));
    let kind = event.str_at(&["type"]).unwrap_or_default();
    let is_type = arguments.types.is_empty()
        || arguments
            .types
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(kind));
    is_ours && subjects.include(involved) && is_type
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    ["lastTimestamp", "eventTime", "firstTimestamp"]
        .into_iter()
        .filter_map(|key| event.str_at(&[key]))
        .find_map(|text| text.parse().ok())
}

fn header(is_spread: bool) -> Vec<&'static str> {
    let namespace = is_spread.then_some("NAMESPACE");
    namespace
        .into_iter()
        .chain(["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"])
        .collect()
}

fn row(event: &LiveObject, now: Timestamp, is_spread: bool) -> Vec<String> {
    let value = event.value();
    let text = |path: &[&str]| value.str_at(path).unwrap_or_default().to_owned();
    let namespace = is_spread.then(|| event.namespace().to_string());
    namespace
        .into_iter()
        .chain([
            last_seen(value).map_or_else(|| "unknown".to_owned(), |seen| age::of(seen, now)),
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
