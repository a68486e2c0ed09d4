//! `trueup delete`.

use super::confirm::confirmed;
use super::{Failure, said, select};
use crate::arguments::DeleteArguments;
use crate::{connect, progress};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trueup_cluster::{DeleteOptions, Form};

const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Deletes one object and waits until it is gone.
pub async fn run(arguments: DeleteArguments) -> Result<ExitCode, Failure> {
    let session = connect::session(&arguments.scope).await?;
    let (words, name) = select::one(&arguments.target);
    let object = words.object(&arguments.scope.namespace, name);
    let live = session.get(&object, Form::Metadata).await?;
    if !arguments.silent
        && !confirmed(&format!(
            "Are you sure you want to delete this {}",
            words.command
        ))?
    {
        return Err(said("not deleted"));
    }
    progress::action(&format!(
        "deleting {} {name} in {} namespace",
        words.command, object.namespace
    ));
    session
        .delete(&object, &DeleteOptions::of_uid(live.uid()))
        .await?;
    let deadline = Instant::now() + connect::timeout(&arguments.scope);
    while session
        .find(&object, Form::Metadata)
        .await?
        .is_some_and(|found| found.uid() == live.uid())
    {
        if Instant::now() >= deadline {
            return Err(said(format!(
                "{object} is marked for deletion, and not gone after the timeout"
            )));
        }
        sleep(POLL_INTERVAL).await;
    }
    progress::success(&format!("{} deleted", words.command));
    Ok(ExitCode::SUCCESS)
}
