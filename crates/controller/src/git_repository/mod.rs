//! The shell of `GitRepository`: observe → decide → act → report.

mod act;
mod decide;
mod observe;
pub(crate) use observe::record;
mod report;

use crate::context::Context;
use crate::live;
use crate::machine::{Next, Start};
use crate::outcome::Ended;
use crate::status::{self, StatusError};
use crate::suspension;
use decide::Course;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use trueup_kinds::GitRepository;

/// Works on one repository once.
pub(crate) async fn reconcile(
    context: &Arc<Context>,
    start: &Start,
    cancel: &CancellationToken,
) -> Ended {
    match run(context, start, cancel).await {
        Ok(ended) => ended,
        Err(StatusError::Gone(_)) => Ended::success(Next::Never),
        Err(StatusError::Overtaken(_)) => Ended::success(Next::Again),
        Err(StatusError::Kind(error)) => report::unreadable(context, &start.key, &error).await,
        Err(StatusError::Api(error)) => Ended::failed(Next::Backoff, error.to_string()),
    }
}

async fn run(
    context: &Arc<Context>,
    start: &Start,
    cancel: &CancellationToken,
) -> Result<Ended, StatusError> {
    let key = &start.key;
    let repository: GitRepository = status::read(context, key)?;
    match decide::course(&repository, &observe::unserved(context, key)) {
        Course::Nothing => Ok(suspension::rest(context, key, &repository).await),
        Course::Finalize => act::finalize(context, key).await,
        Course::Refuse(message) => report::refused(context, key, &message).await,
        Course::Fetch => {
            status::add_finalizer::<GitRepository>(context, key).await?;
            suspension::clear(context, key, &repository).await?;
            live::track(context, key, &observe::subjects(context, &repository)).await;
            let request = match observe::request(context, key, &repository).await {
                Ok(request) => request,
                Err(trouble) => return report::trouble(context, key, &trouble).await,
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => Ok(Ended::success(Next::Again)),
                outcome = act::fetch_and_store(context, &repository, request) => match outcome {
                    Ok(stored) => report::stored(context, key, &repository, &stored).await,
                    Err(trouble) => report::trouble(context, key, &trouble).await,
                }
            }
        }
    }
}
