//! `trueup suspend` and `trueup resume`.

use super::{Failure, reconcile, said};
use crate::arguments::{ResumeArguments, Scope as Flags, SourceTargets, SuspendArguments, Targets};
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION, Words};
use crate::{connect, progress};
use std::process::ExitCode;
use trueup_cluster::{Form, Patch, Scope, Session, WriteOptions};
use trueup_object::{ObjectRef, Value, value};

/// Field manager of what commands change, as the flux CLI's.
pub const COMMAND_MANAGER: &str = "flux";

/// Sets `spec.suspend`.
pub async fn suspend(arguments: SuspendArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, names) = parts(&arguments.targets);
    for object in objects(
        &session,
        &arguments.scope,
        words,
        names,
        Extent::of(arguments.all),
    )
    .await?
    {
        let (command, namespace) = (words.command, &object.namespace);
        progress::action(&format!(
            "suspending {command} {} in {namespace} namespace",
            object.name
        ));
        set_suspend(&session, &object, Value::Bool(true)).await?;
        progress::success(&format!("{command} suspended"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes `spec.suspend` and waits until the objects are reconciled.
pub async fn resume(arguments: ResumeArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, names) = parts(&arguments.targets);
    let objects = objects(
        &session,
        &arguments.scope,
        words,
        names,
        Extent::of(arguments.all),
    )
    .await?;
    for object in &objects {
        let (command, namespace) = (words.command, &object.namespace);
        progress::action(&format!(
            "resuming {command} {} in {namespace} namespace",
            object.name
        ));
        set_suspend(&session, object, Value::Null).await?;
        progress::success(&format!("{command} resumed"));
    }
    let mut code = ExitCode::SUCCESS;
    for object in &objects {
        progress::waiting(&format!("waiting for {} reconciliation", words.kind));
        match reconcile::wait_until_settled(
            &session,
            words,
            object,
            None,
            connect::timeout(&arguments.scope),
        )
        .await
        {
            Ok(revision) => {
                progress::success(&format!(
                    "{} {} reconciliation completed",
                    words.kind, object.name
                ));
                progress::success(&format!("{} {revision}", words.done));
            }
            Err(error) => {
                progress::failure(&error.to_string());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// How many objects of a kind are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Named,
    All,
}

impl Extent {
    fn of(all: bool) -> Self {
        if all { Self::All } else { Self::Named }
    }
}

fn parts(targets: &Targets) -> (&'static Words, &[String]) {
    match targets {
        Targets::Kustomization { names } => (&KUSTOMIZATION, names),
        Targets::Source {
            kind: SourceTargets::Git { names },
        } => (&GIT_REPOSITORY, names),
    }
}

async fn objects(
    session: &Session,
    flags: &Flags,
    words: &Words,
    names: &[String],
    extent: Extent,
) -> Result<Vec<ObjectRef>, Failure> {
    match (names, extent) {
        ([], Extent::Named) => Err(said(format!(
            "{} name is required, or --all",
            words.command
        ))),
        ([], Extent::All) => {
            let found = session
                .list(
                    &words.gvk(),
                    &Scope::namespace(&flags.namespace),
                    Form::Metadata,
                )
                .await?;
            if found.objects.is_empty() {
                return Err(said(format!(
                    "no {} objects found in {} namespace",
                    words.kind, flags.namespace
                )));
            }
            Ok(found
                .objects
                .iter()
                .map(|object| object.reference().clone())
                .collect())
        }
        (_, Extent::All) => Err(said("give names or --all, not both")),
        (names, Extent::Named) => Ok(names
            .iter()
            .map(|name| words.object(&flags.namespace, name))
            .collect()),
    }
}

async fn set_suspend(session: &Session, object: &ObjectRef, suspend: Value) -> Result<(), Failure> {
    let patch = Patch::Merge(value!({"spec": {"suspend": suspend}}));
    session
        .patch(object, &patch, &WriteOptions::new(COMMAND_MANAGER))
        .await?;
    Ok(())
}
