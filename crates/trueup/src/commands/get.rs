//! `trueup get`.

mod columns;
mod row;
mod selector;

use super::{Failure, said};
use crate::arguments::{DocumentFormat, GetArguments, GetWhat, ListFormat, SourcesKind};
use crate::table::Table;
use crate::words::{CANARY, EXTERNAL_ARTIFACT, GIT_REPOSITORY, KUSTOMIZATION, Words};
use crate::{connect, document, progress};
use columns::header;
use futures::StreamExt;
use selector::StatusSelector;
use std::process::ExitCode;
use trueup_cluster::{ErrorClass, Form, LiveObject, Scope, Session, WatchEvent, WatchSpec};

/// Which objects of one kind are shown, and how.
#[derive(Clone, Copy)]
struct View<'a> {
    words: &'static Words,
    name: Option<&'a str>,
    naming: Naming,
    columns: Columns,
}

/// How objects are called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `fleet`.
    Short,
    /// `gitrepository/fleet`, beside objects of other kinds.
    WithKind,
}

/// Which columns a table has beside those that all have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    Usual,
    WithSource,
    Wide,
}

/// Prints the objects asked for, a table a kind.
pub async fn run(arguments: GetArguments) -> Result<ExitCode, Failure> {
    let views = views(&arguments);
    if arguments.list.watch && views.len() > 1 {
        return Err(said("expected a single resource type, but found all")
            .hinted("watch one kind, such as `trueup get kustomizations --watch`"));
    }
    let selector = arguments
        .list
        .status_selector
        .as_deref()
        .map(StatusSelector::parse)
        .transpose()?;
    let session = connect::session(&arguments.scope).await?;
    match (
        arguments.list.output,
        arguments.list.watch,
        views.as_slice(),
    ) {
        (Some(format), false, _) if format != ListFormat::Wide => {
            documents(&session, &views, &arguments, selector.as_ref(), format).await?;
        }
        (_, true, [view]) => watch(&session, view, &arguments, selector.as_ref()).await?,
        _ => tables(&session, &views, &arguments, selector.as_ref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn views(arguments: &GetArguments) -> Vec<View<'_>> {
    let is_wide = arguments.list.output == Some(ListFormat::Wide);
    let usual = if is_wide {
        Columns::Wide
    } else {
        Columns::Usual
    };
    let view = |words, name, naming| View {
        words,
        name,
        naming,
        columns: usual,
    };
    match &arguments.what {
        GetWhat::Kustomizations { name, show_source } => {
            let only = view(&KUSTOMIZATION, name.as_deref(), Naming::Short);
            let columns = match usual {
                Columns::Usual if *show_source => Columns::WithSource,
                other => other,
            };
            vec![View { columns, ..only }]
        }
        GetWhat::Sources {
            kind: SourcesKind::Git { name },
        } => vec![view(&GIT_REPOSITORY, name.as_deref(), Naming::Short)],
        GetWhat::Sources {
            kind: SourcesKind::External { name },
        } => vec![view(&EXTERNAL_ARTIFACT, name.as_deref(), Naming::Short)],
        GetWhat::Sources {
            kind: SourcesKind::All,
        } => vec![
            view(&GIT_REPOSITORY, None, Naming::WithKind),
            view(&EXTERNAL_ARTIFACT, None, Naming::WithKind),
        ],
        GetWhat::Canaries { name } => vec![view(&CANARY, name.as_deref(), Naming::Short)],
        GetWhat::All => vec![
            view(&GIT_REPOSITORY, None, Naming::WithKind),
            view(&EXTERNAL_ARTIFACT, None, Naming::WithKind),
            view(&KUSTOMIZATION, None, Naming::WithKind),
            view(&CANARY, None, Naming::WithKind),
        ],
    }
}

async fn tables(
    session: &Session,
    views: &[View<'_>],
    arguments: &GetArguments,
    selector: Option<&StatusSelector>,
) -> Result<(), Failure> {
    let mut is_first = true;
    for view in views {
        let objects = objects(session, view, arguments).await?;
        let rows: Vec<Vec<String>> = objects
            .iter()
            .filter(|object| is_selected(object, selector))
            .map(|object| row::of(view, object, arguments))
            .collect();
        if rows.is_empty() {
            continue;
        }
        if !is_first {
            document::print("\n")?;
        }
        is_first = false;
        Table::new(&header(view, arguments)).print(&rows)?;
    }
    if is_first {
        progress::failure(&format!("no objects found in {}", place(arguments)));
    }
    Ok(())
}

async fn documents(
    session: &Session,
    views: &[View<'_>],
    arguments: &GetArguments,
    selector: Option<&StatusSelector>,
    format: ListFormat,
) -> Result<(), Failure> {
    let mut shown = Vec::new();
    for view in views {
        for object in objects(session, view, arguments).await? {
            if is_selected(&object, selector) {
                shown.push((view.words, object));
            }
        }
    }
    let is_one = matches!(views, [view] if view.name.is_some());
    let values = || {
        shown
            .iter()
            .map(|(_, object)| row::without_managers(object))
            .collect()
    };
    match format {
        ListFormat::Json => document::print_objects(values(), is_one, DocumentFormat::Json)?,
        ListFormat::Yaml => document::print_objects(values(), is_one, DocumentFormat::Yaml)?,
        ListFormat::Name | ListFormat::Wide => {
            for (words, object) in &shown {
                document::print(&format!("{}\n", words.resource_name(object.name())))?;
            }
        }
    }
    Ok(())
}

/// Prints objects as they are and as they change, until the process is
/// stopped or nobody reads.
async fn watch(
    session: &Session,
    view: &View<'_>,
    arguments: &GetArguments,
    selector: Option<&StatusSelector>,
) -> Result<(), Failure> {
    let mut table = Table::new(&header(view, arguments));
    let mut listed: Option<Vec<LiveObject>> = Some(Vec::new());
    let mut events = session.watch(WatchSpec {
        kind: view.words.gvk(),
        scope: scope(view, arguments),
        form: Form::Full,
    });
    while document::is_read()
        && let Some(event) = events.next().await
    {
        let show = |table: &mut Table, objects: &[LiveObject]| {
            let chosen = objects.iter().filter(|it| is_selected(it, selector));
            show_changed(table, view, &chosen.collect::<Vec<_>>(), arguments)
        };
        match event {
            WatchEvent::Applied(object) => match &mut listed {
                Some(objects) => objects.push(object),
                None => show(&mut table, &[object])?,
            },
            WatchEvent::Synced { .. } => {
                let mut objects = listed.take().unwrap_or_default();
                objects.sort_by(|a, b| a.reference().cmp(b.reference()));
                show(&mut table, &objects)?;
            }
            WatchEvent::Error(error) => progress::failure(&error.to_string()),
            _ => {}
        }
    }
    Ok(())
}

fn show_changed(
    table: &mut Table,
    view: &View<'_>,
    objects: &[&LiveObject],
    arguments: &GetArguments,
) -> Result<(), Failure> {
    let each = |print: &dyn Fn(&LiveObject) -> Result<(), Failure>| {
        objects.iter().try_for_each(|object| print(object))
    };
    match arguments.list.output {
        Some(ListFormat::Json) => each(&|object| {
            document::print_value(&row::without_managers(object), DocumentFormat::Json)
        }),
        Some(ListFormat::Yaml) => {
            each(&|object| document::print_yaml_document(&row::without_managers(object)))
        }
        Some(ListFormat::Name) => each(&|object| {
            document::print(&format!("{}\n", view.words.resource_name(object.name())))
        }),
        Some(ListFormat::Wide) | None => {
            let rows: Vec<_> = objects
                .iter()
                .map(|object| row::of(view, object, arguments))
                .collect();
            if rows.is_empty() {
                return Ok(());
            }
            table.print(&rows)
        }
    }
}

fn is_selected(object: &LiveObject, selector: Option<&StatusSelector>) -> bool {
    selector.is_none_or(|selector| selector.matches(object.value()))
}

fn scope(view: &View<'_>, arguments: &GetArguments) -> Scope {
    let namespace = arguments.scope.namespace.as_str();
    let scope = match (view.name, arguments.list.all_namespaces) {
        (Some(name), true) => Scope::object("", name),
        (Some(name), false) => Scope::object(namespace, name),
        (None, true) => Scope::all(),
        (None, false) => Scope::namespace(namespace),
    };
    match &arguments.list.label_selector {
        Some(selector) => scope.labelled(selector),
        None => scope,
    }
}

/// The objects of a view. None at all is a failure as in flux, unless every
/// kind was asked for.
async fn objects(
    session: &Session,
    view: &View<'_>,
    arguments: &GetArguments,
) -> Result<Vec<LiveObject>, Failure> {
    let scope = scope(view, arguments);
    let found = match session.list(&view.words.gvk(), &scope, Form::Full).await {
        // An installation may be older than this command.
        Err(error)
            if view.naming == Naming::WithKind && error.class() == ErrorClass::KindMissing =>
        {
            return Ok(Vec::new());
        }
        found => found?,
    };
    if !found.objects.is_empty() || view.naming == Naming::WithKind {
        return Ok(found.objects);
    }
    let (kind, place) = (view.words.kind, place(arguments));
    let failure = match view.name {
        Some(name) => said(format!("{kind} object '{name}' not found in {place}")),
        None => said(format!("no {kind} objects found in {place}")),
    };
    Err(if arguments.list.all_namespaces {
        failure
    } else {
        failure.hinted("--all-namespaces (-A) looks in all of them, --namespace (-n) in another")
    })
}

fn place(arguments: &GetArguments) -> String {
    if arguments.list.all_namespaces {
        return "any namespace".to_owned();
    }
    format!("{:?} namespace", arguments.scope.namespace)
}
