//! `trueup suspend` and `trueup resume`.

use super::select::{self, Extent};
use super::{COMMAND_MANAGER, Failure, wait};
use crate::arguments::{ResumeArguments, SuspendArguments};
use crate::words::Words;
use crate::{connect, progress};
use std::process::ExitCode;
use trueup_cluster::{Patch, Session, WriteOptions};
use trueup_object::{ObjectRef, Value, value};

/// Sets `spec.suspend`.
pub async fn suspend(arguments: SuspendArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, names) = select::several(&arguments.targets);
    let extent = Extent::of(arguments.all);
    let live = select::live(&session, &arguments.scope, words, names, extent).await?;
    for object in select::references(&live) {
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

/// Removes `spec.suspend` and waits until the objects are reconciled, where
/// waiting is asked for.
pub async fn resume(arguments: ResumeArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, names) = select::several(&arguments.targets);
    let extent = Extent::of(arguments.all);
    let live = select::live(&session, &arguments.scope, words, names, extent).await?;
    let objects = select::references(&live);
    for object in &objects {
        let (command, namespace) = (words.command, &object.namespace);
        progress::action(&format!(
            "resuming {command} {} in {namespace} namespace",
            object.name
        ));
        set_suspend(&session, object, Value::Null).await?;
        progress::success(&format!("{command} resumed"));
    }
    if arguments.wait.unwrap_or(names.len() == 1) {
        return settled(
            &session,
            words,
            &objects,
            connect::timeout(&arguments.scope),
        )
        .await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn settled(
    session: &Session,
    words: &Words,
    objects: &[ObjectRef],
    timeout: std::time::Duration,
) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    for object in objects {
        progress::waiting(&format!("waiting for {} reconciliation", words.kind));
        match wait::until_settled(session, words, object, None, timeout).await {
            Ok(revision) => {
                progress::success(&format!(
                    "{} {} reconciliation completed",
                    words.kind, object.name
                ));
                progress::success(&format!("{} {revision}", words.done));
            }
            Err(failure) => code = failure.during(&object.to_string()).tell(),
        }
    }
    Ok(code)
}

async fn set_suspend(session: &Session, object: &ObjectRef, suspend: Value) -> Result<(), Failure> {
    let patch = Patch::Merge(value!({"spec": {"suspend": suspend}}));
    session
        .patch(object, &patch, &WriteOptions::new(COMMAND_MANAGER))
        .await?;
    Ok(())
}
