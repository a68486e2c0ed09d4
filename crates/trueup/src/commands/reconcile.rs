//! `trueup reconcile`: ask for it by annotation, wait for the answer in the
//! status, as the flux CLI does.

use super::select::{self, Extent};
use super::{COMMAND_MANAGER, Failure, said, wait};
use crate::arguments::ReconcileArguments;
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION, Words, is_suspended};
use crate::{connect, progress};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;
use trueup_cluster::Form;
use trueup_cluster::{LiveObject, Patch, Session, WriteOptions};
use trueup_kinds::names;
use trueup_object::{ObjectRef, Value, value};

/// An object that was asked to reconcile, and the last request that it had
/// handled before.
struct Asked {
    object: ObjectRef,
    handled: String,
}

/// Reconciles the sources first where asked to, then the objects.
pub async fn run(arguments: ReconcileArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let timeout = connect::timeout(&arguments.scope);
    let (words, names) = select::several(&arguments.targets);
    let extent = Extent::of(arguments.all);
    let objects = select::live(&session, &arguments.scope, words, names, extent).await?;
    let objects = not_suspended(objects, extent)?;
    let mut failures = Vec::new();
    if arguments.with_source && words == &KUSTOMIZATION {
        let sources = sources(&objects)?;
        let mut live = Vec::new();
        for source in &sources {
            live.push(session.get(source, Form::Full).await?);
        }
        let live = not_suspended(live, Extent::Named)?;
        failures.extend(reconcile(&session, &GIT_REPOSITORY, &live, timeout).await?);
    }
    failures.extend(reconcile(&session, words, &objects, timeout).await?);
    Ok(tell(&failures))
}

/// Tells every failure; the exit code is a failure's if there is one.
fn tell(failures: &[Failure]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for failure in failures {
        code = failure.tell();
    }
    code
}

/// Suspended objects are refused where they are named, and passed over where
/// all are meant.
fn not_suspended(objects: Vec<LiveObject>, extent: Extent) -> Result<Vec<LiveObject>, Failure> {
    let (resting, active): (Vec<_>, Vec<_>) = objects
        .into_iter()
        .partition(|object| is_suspended(object.value()));
    match (extent, resting.first()) {
        (Extent::Named, Some(object)) => {
            let (kind, name) = (&object.reference().kind.kind, object.name());
            Err(
                said(format!("resource is suspended: {}", object.reference()))
                    .hinted(format!("`trueup resume` reconciles {kind} {name} again")),
            )
        }
        _ => Ok(active),
    }
}

/// The sources of Kustomizations, each once.
fn sources(objects: &[LiveObject]) -> Result<BTreeSet<ObjectRef>, Failure> {
    objects.iter().map(source_of).collect()
}

fn source_of(live: &LiveObject) -> Result<ObjectRef, Failure> {
    let object = live.reference();
    let source = live.value().at(&["spec", "sourceRef"]);
    let text = |key: &str| source.and_then(|source| source.str_at(&[key]));
    match (text("kind"), text("name")) {
        (Some("GitRepository"), Some(name)) => {
            Ok(GIT_REPOSITORY.object(text("namespace").unwrap_or(&object.namespace), name))
        }
        (Some(kind), _) => Err(said(format!(
            "cannot reconcile source of kind {kind}: --with-source of {object} knows GitRepository"
        ))),
        _ => Err(said(format!(
            "{object} names no source to reconcile with --with-source"
        ))),
    }
}

/// Asks all objects first, then waits for each, so that they work side by side.
/// Returns what failed where there are several; one alone fails at once.
async fn reconcile(
    session: &Session,
    words: &Words,
    objects: &[LiveObject],
    timeout: Duration,
) -> Result<Vec<Failure>, Failure> {
    let mut asked = Vec::new();
    for live in objects {
        asked.push(ask(session, words, live).await?);
    }
    let mut failures = Vec::new();
    for Asked { object, handled } in &asked {
        progress::waiting(&format!("waiting for {} reconciliation", words.kind));
        match wait::until_settled(session, words, object, Some(handled), timeout).await {
            Ok(reached) => progress::success(&reached),
            Err(failure) if asked.len() == 1 => return Err(failure),
            Err(failure) => {
                failures.push(failure.during(&object.to_string()));
            }
        }
    }
    Ok(failures)
}

async fn ask(session: &Session, words: &Words, live: &LiveObject) -> Result<Asked, Failure> {
    let object = live.reference().clone();
    let handled = live
        .value()
        .str_at(&["status", "lastHandledReconcileAt"])
        .unwrap_or_default()
        .to_owned();
    progress::action(&format!(
        "annotating {} {} in {} namespace",
        words.kind, object.name, object.namespace
    ));
    let mut patch = value!({});
    patch.set_at(
        &["metadata", "annotations", names::REQUESTED_AT],
        Value::string(jiff::Timestamp::now().to_string()),
    );
    session
        .patch(
            &object,
            &Patch::Merge(patch),
            &WriteOptions::new(COMMAND_MANAGER),
        )
        .await?;
    progress::success(&format!("{} annotated", words.kind));
    Ok(Asked { object, handled })
}
