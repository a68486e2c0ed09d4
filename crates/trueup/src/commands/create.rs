//! `trueup create`: objects from flags, printed or applied and waited for.

mod git;
mod kustomization;

use super::export::exported;
use super::{COMMAND_MANAGER, Failure, said, wait};
use crate::arguments::{CreateArguments, CreateSource, CreateWhat};
use crate::words::{GIT_REPOSITORY, KUSTOMIZATION, Words};
use crate::{connect, document, progress};
use std::process::ExitCode;
use std::time::Duration;
use trueup_cluster::{Form, Session, WriteOptions};
use trueup_gocompat::format_duration;
use trueup_object::names::dns_label_errors;
use trueup_object::{ObjectRef, Value, value};

/// Makes the object; prints it with `--export`, else applies it and waits.
pub async fn run(arguments: CreateArguments) -> Result<ExitCode, Failure> {
    match &arguments.what {
        CreateWhat::Kustomization(what) => {
            check_name(&what.name)?;
            let spec = kustomization::spec(what, arguments.interval)?;
            let object = object(&KUSTOMIZATION, &arguments, &what.name, spec);
            if arguments.export {
                document::print_yaml_document(&exported(&object))?;
                return Ok(ExitCode::SUCCESS);
            }
            progress::generated("generating Kustomization");
            let session = connect::session(&arguments.scope).await?;
            apply(
                &session,
                &KUSTOMIZATION,
                "Kustomization",
                &object,
                &arguments,
            )
            .await
        }
        CreateWhat::Source {
            fetch_timeout,
            kind: CreateSource::Git(what),
        } => {
            check_name(&what.name)?;
            let spec = git::spec(what, arguments.interval, *fetch_timeout)?;
            let object = object(&GIT_REPOSITORY, &arguments, &what.name, spec);
            if arguments.export {
                document::print_yaml_document(&exported(&object))?;
                return Ok(ExitCode::SUCCESS);
            }
            progress::generated("generating GitRepository source");
            let session = connect::session(&arguments.scope).await?;
            git::keep_credentials(&session, &arguments.scope.namespace, what).await?;
            let called = "GitRepository source";
            apply(&session, &GIT_REPOSITORY, called, &object, &arguments).await
        }
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    match dns_label_errors(name).into_iter().next() {
        None => Ok(()),
        Some(cause) => Err(said(format!("name '{name}' is invalid: {cause}"))),
    }
}

fn object(words: &Words, arguments: &CreateArguments, name: &str, spec: Value) -> Value {
    let mut object = value!({
        "apiVersion": (words.gvk().api_version().as_str()),
        "kind": (words.kind),
        "metadata": {"name": name, "namespace": (arguments.scope.namespace.as_str())},
        "spec": spec,
    });
    for (key, label) in &arguments.label {
        object.set_at(&["metadata", "labels", key], label.as_str().into());
    }
    object
}

/// Creates the object, or gives the one that is there its labels and
/// specification; then waits until it has settled.
async fn apply(
    session: &Session,
    words: &Words,
    called: &str,
    object: &Value,
    arguments: &CreateArguments,
) -> Result<ExitCode, Failure> {
    let reference = ObjectRef::of(object).ok_or_else(|| said("the object has no name"))?;
    progress::action(&format!("applying {called}"));
    let done = put(session, &reference, object).await?;
    progress::success(&format!("{called} {done}"));
    progress::waiting(&format!("waiting for {called} reconciliation"));
    let timeout = connect::timeout(&arguments.scope);
    let reached = wait::until_settled(session, words, &reference, None, timeout).await?;
    if words == &KUSTOMIZATION {
        progress::success(&format!("Kustomization {} is ready", reference.name));
    } else {
        progress::success(&format!("{called} reconciliation completed"));
    }
    progress::success(&reached);
    Ok(ExitCode::SUCCESS)
}

/// Creates or replaces; returns what was done.
async fn put(
    session: &Session,
    reference: &ObjectRef,
    object: &Value,
) -> Result<&'static str, Failure> {
    let options = WriteOptions::new(COMMAND_MANAGER);
    let Some(live) = session.find(reference, Form::Full).await? else {
        session.create(object, &options).await?;
        return Ok("created");
    };
    let mut next = live.value().clone();
    next.remove_at(&["metadata", "labels"]);
    for path in [
        ["metadata", "labels"].as_slice(),
        &["spec"],
        &["data"],
        &["stringData"],
    ] {
        if let Some(value) = object.at(path) {
            next.set_at(path, value.clone());
        }
    }
    session.update(&next, &options).await?;
    Ok("updated")
}

/// A duration as Go prints it.
fn duration(milliseconds: u64) -> Value {
    Value::string(format_duration(Duration::from_millis(milliseconds)))
}
