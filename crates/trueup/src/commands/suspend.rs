//! `trueup suspend` and `trueup resume`.

use super::select::{self, Extent};
use super::{COMMAND_MANAGER, Failure, said, wait};
use crate::arguments::{ResumeArguments, SuspendArguments};
use crate::words::{CANARY, Words};
use crate::{connect, progress};
use jiff::Timestamp;
use std::process::ExitCode;
use trueup_cluster::{Patch, Session, WriteOptions};
use trueup_kinds::{ApiDuration, Suspension, format_time, names, parse_time};
use trueup_object::{ObjectRef, Text, Value, value};

/// Sets `spec.suspend`.
pub async fn suspend(arguments: SuspendArguments) -> Result<ExitCode, Failure> {
    let suspension = suspension(&arguments, Timestamp::now())?;
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
        set_suspend(&session, &object, Value::Bool(true), &suspension).await?;
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
        set_suspend(&session, object, Value::Null, &Suspension::default()).await?;
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
            Ok(reached) => {
                progress::success(&format!(
                    "{} {} reconciliation completed",
                    words.kind, object.name
                ));
                progress::success(&reached);
            }
            Err(failure) => code = failure.during(&object.to_string()).tell(),
        }
    }
    Ok(code)
}

/// What is said of a suspension: nothing, unless something is asked for; then
/// also who asks.
fn suspension(arguments: &SuspendArguments, now: Timestamp) -> Result<Suspension, Failure> {
    let until = end(arguments, now)?;
    let by = match &arguments.by {
        None if until.is_none() && arguments.reason.is_none() => None,
        None => ["USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .filter(|name| !name.is_empty()),
        by => by.clone(),
    };
    Ok(Suspension {
        reason: arguments.reason.as_deref().map(Text::from),
        by: by.as_deref().map(Text::from),
        until: until.map(format_time),
    })
}

fn end(arguments: &SuspendArguments, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let end = match (&arguments.until, &arguments.period) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(said("give --until or --for, not both")),
        (Some(text), None) => parse_time(text).ok_or_else(|| {
            said(format!("--until {text:?} is no time"))
                .hinted("a time has a date and a zone, such as 2026-01-02T15:04:05Z")
        })?,
        (None, Some(text)) => {
            let period =
                ApiDuration::parse(text).map_err(|error| said(format!("--for: {error}")))?;
            now.checked_add(period.0)
                .map_err(|_| said(format!("--for {text}: that is too long")))?
        }
    };
    if end <= now {
        return Err(said(format!("{} has passed", format_time(end))));
    }
    Ok(Some(end))
}

async fn set_suspend(
    session: &Session,
    object: &ObjectRef,
    suspend: Value,
    suspension: &Suspension,
) -> Result<(), Failure> {
    let mut patch =
        value!({"spec": {"suspend": (suspend.clone())}, "metadata": {"annotations": {}}});
    for (key, text) in suspension.annotations() {
        let text = text.cloned().map_or(Value::Null, Value::from);
        patch.set_at(&["metadata", "annotations", key], text);
    }
    if object.kind == CANARY.gvk() && suspend.is_null() {
        let paused = ["metadata", "annotations", names::CANARY_PAUSED];
        patch.set_at(&paused, Value::Null);
    }
    let patch = Patch::Merge(patch);
    session
        .patch(object, &patch, &WriteOptions::new(COMMAND_MANAGER))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser;

    fn said_of(flags: &str) -> Result<Suspension, String> {
        let line = format!("trueup suspend ks apps {flags}");
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Suspend(arguments) = arguments.command else {
            panic!("{line}")
        };
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        suspension(&arguments, now).map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_end_is_a_time_or_a_period_from_now() {
        let until = |flags| said_of(flags).unwrap().until.unwrap();
        assert_eq!(until("--for 2h --by me"), "2026-01-01T14:00:00Z");
        assert_eq!(
            until("--until 2026-01-01T14:00:00+01:00"),
            "2026-01-01T13:00:00Z"
        );
        assert_eq!(said_of(""), Ok(Suspension::default()));
        let drill = said_of("--reason drill --by me").unwrap();
        assert_eq!(
            (drill.reason.as_deref(), drill.by.as_deref()),
            (Some("drill"), Some("me"))
        );
    }

    #[test]
    fn an_end_that_is_none_is_refused_before_anything_is_written() {
        for flags in [
            "--for 0s",
            "--for soon",
            "--for=-2h",
            "--until tomorrow",
            "--until 2025-12-31T00:00:00Z",
            "--until 2026-01-02T00:00:00Z --for 2h",
        ] {
            assert!(said_of(flags).is_err(), "{flags}");
        }
    }
}
