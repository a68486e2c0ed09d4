//! The archives of `ExternalArtifact`s: fetched once for all who are made of
//! them, verified, kept.
//!
//! Nobody waits long for a host that does not answer: archives are fetched
//! beside the runs, and who waits for one is woken when that ends.

mod downloads;

pub(crate) use downloads::Downloads;
pub use downloads::{ExternalArtifacts, MAX_DOWNLOADS_AT_ONCE, MAX_DOWNLOADS_OF_NAMESPACE};

use crate::context::Context;
use crate::machine::{Cause, Causes, Event, Kind, ObjectKey};
use crate::turns::Turn;
use bytes::Bytes;
use downloads::{Entered, Insistence, Order, Trouble, Wanted};
use std::sync::Arc;
use std::time::Duration;
use trueup_artifact::FileTree;
use trueup_kinds::Artifact;
use trueup_source::{
    ArtifactOwner, ArtifactStorage, EXTERNAL_ARTIFACTS, FetchError, FetchErrorKind, ForeignArchive,
    StoreError,
};

/// How long a run waits for an archive before it ends and is woken later.
const PATIENCE_MS: u64 = 2_000;

/// Why an archive can't be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It is on its way; whoever asked is woken.
    Pending,
    /// It is not where the status says.
    NotFound,
    /// It could not be fetched, or is not what it should be.
    Failed {
        /// Why.
        message: String,
        /// When it is tried again on the controller's clock; not before it
        /// changes or a person asks, without.
        again_ms: Option<u64>,
    },
}

/// The files of an artifact that others serve, for somebody who is made of
/// them.
pub(crate) async fn open(
    context: &Arc<Context>,
    user: &ObjectKey,
    source: &ObjectKey,
    artifact: &Artifact,
    causes: &Causes,
) -> Result<Arc<dyn FileTree>, Unavailable> {
    let wanted = wanted(artifact)?;
    if let Some(tree) = kept(context, source, &wanted).await? {
        return Ok(tree);
    }
    let insistence = if causes.contains(&Cause::Request) {
        Insistence::Asked
    } else {
        Insistence::Usual
    };
    let now_ms = context.clock.now_ms();
    let entered = context.downloads.enter(source, &wanted, insistence, now_ms);
    if context.objects.get(source).is_none() {
        // It may have been forgotten before this.
        context.downloads.forget(source);
        return Err(Unavailable::NotFound);
    }
    let mut done = match entered {
        Entered::Failed(why) => return Err(why),
        Entered::Wait(done) => done,
        Entered::Fetch(order) => {
            let done = order.done.clone();
            fetch(context, source, order);
            done
        }
    };
    let patience = Duration::from_millis(PATIENCE_MS);
    // A task that ended without a word is found out by the next run.
    let _ = tokio::time::timeout(patience, done.wait_for(|done| *done)).await;
    context.downloads.conclude(user, source, &wanted)?;
    let tree = kept(context, source, &wanted).await?;
    tree.ok_or(Unavailable::Pending)
}

fn wanted(artifact: &Artifact) -> Result<Wanted, Unavailable> {
    let digest = artifact.digest.parse().map_err(|error| {
        let digest = &artifact.digest;
        let message =
            format!("failed to verify archive: failed to parse digest '{digest}': {error}");
        Unavailable::Failed {
            message,
            again_ms: None,
        }
    })?;
    Ok(Wanted {
        url: artifact.url.clone(),
        digest,
    })
}

async fn kept(
    context: &Context,
    source: &ObjectKey,
    wanted: &Wanted,
) -> Result<Option<Arc<dyn FileTree>>, Unavailable> {
    let owner = owner(source);
    let kept = context.storage.kept(&owner, &wanted.digest).await;
    kept.map_err(|error| Unavailable::Failed {
        message: error.to_string(),
        again_ms: None,
    })
}

fn owner(source: &ObjectKey) -> ArtifactOwner {
    ArtifactOwner::external_artifact(&source.namespace, &source.name)
}

/// Fetches an archive in a task of its own, and wakes who waits for it.
fn fetch(context: &Arc<Context>, source: &ObjectKey, order: Order) {
    let (context_of_task, source) = (Arc::clone(context), source.clone());
    context.spawn(async move {
        let context = context_of_task;
        let downloaded = tokio::select! {
            biased;
            // Nobody wants it any more.
            () = order.stop.cancelled() => return,
            downloaded = download(&context, &source, &order) => downloaded,
        };
        let outcome = match downloaded {
            Ok(download) => keep(&context, &source, &order, download).await,
            Err(trouble) => Err(trouble),
        };
        let now_ms = context.clock.now_ms();
        let woken = context
            .downloads
            .ended(&source, &order.wanted, outcome, now_ms);
        // Nobody listening means that nobody waits at this moment.
        let _ = order.tell.send(true);
        for user in woken {
            context.tell(Event::SourceArrived(user));
        }
    });
}

/// An archive that was fetched, and the turn that lasts until it is kept.
struct Download {
    archive: Bytes,
    _turn: Option<Turn>,
}

async fn download(
    context: &Context,
    source: &ObjectKey,
    order: &Order,
) -> Result<Download, Trouble> {
    let turn = context.downloads.turn(&source.namespace).await;
    let archive = order.web.fetch(&order.wanted.url).await?;
    Ok(Download {
        archive,
        _turn: turn,
    })
}

/// Keeps an archive. Once begun this is not broken off: the store would go on
/// with it. What was kept for a source that went meanwhile is removed again.
async fn keep(
    context: &Context,
    source: &ObjectKey,
    order: &Order,
    download: Download,
) -> Result<(), Trouble> {
    let foreign = ForeignArchive {
        owner: owner(source),
        digest: order.wanted.digest.clone(),
        archive: download.archive.clone(),
        now: context.clock.now(),
    };
    let kept = context.storage.keep(foreign).await;
    if context.objects.get(source).is_none() {
        remove(context.storage.as_ref(), &owner(source)).await;
    }
    kept?;
    Ok(())
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        if error.kind == FetchErrorKind::NotFound {
            return Self::NotFound;
        }
        let (url, cause) = (&error.url, &error.cause);
        let text = format!("failed to download archive from {url}: {cause}");
        match error.kind {
            // The same again would come to the same.
            FetchErrorKind::Limit | FetchErrorKind::Invalid { .. } => Self::Lasting(text),
            _ => Self::Passing(text),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Foreign(cause) => {
                Self::Lasting(format!("failed to extract archive: {cause}"))
            }
            StoreError::Unverified(_) => {
                Self::Passing(format!("failed to verify archive: {error}"))
            }
            error => Self::Passing(error.to_string()),
        }
    }
}

/// Forgets a source that is gone, and what was kept of it.
pub(crate) fn forget(context: &Context, source: &ObjectKey) {
    context.downloads.forget(source);
    let (storage, owner) = (Arc::clone(&context.storage), owner(source));
    context.spawn(async move { remove(storage.as_ref(), &owner).await });
}

async fn remove(storage: &dyn ArtifactStorage, owner: &ArtifactOwner) {
    if let Err(error) = storage.remove(owner).await {
        tracing::warn!(%error, "archives not removed");
    }
}

/// Removes what was kept of sources that went while nobody looked.
pub(crate) fn sweep(context: &Context) {
    let keys = context.objects.keys(Kind::ExternalArtifact);
    let owners = keys.iter().map(owner).collect();
    let storage = Arc::clone(&context.storage);
    context.spawn(async move {
        if let Err(error) = storage.retain(EXTERNAL_ARTIFACTS, &owners).await {
            tracing::warn!(%error, "archives not removed");
        }
    });
}
