//! Writing what is said of routes and Gateways.

use crate::routing::StatusWrite;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use trueup_cluster::{ErrorClass, Session};

/// Field manager of the statuses.
const MANAGER: &str = "trueup-gateway";
/// How long to wait after a write that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Writes statuses as they are asked for, until nobody asks any more. Where an
/// object has changed meanwhile, its watch brings a new status.
pub(crate) async fn write_statuses(
    session: Session,
    mut wanted: watch::Receiver<Vec<StatusWrite>>,
) {
    while wanted.changed().await.is_ok() {
        loop {
            let writes = wanted.borrow_and_update().clone();
            if write_all(&session, &writes).await {
                break;
            }
            tokio::select! {
                () = sleep(RETRY_PAUSE) => {}
                changed = wanted.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Writes all; whether none has to be tried again.
async fn write_all(session: &Session, writes: &[StatusWrite]) -> bool {
    let mut is_done = true;
    for write in writes {
        let version = Some(write.resource_version.as_str());
        let written = session
            .patch_status(&write.object, &write.status, version, MANAGER)
            .await;
        if let Err(error) = written {
            let is_outdated = matches!(error.class(), ErrorClass::Conflict | ErrorClass::NotFound);
            if !is_outdated {
                tracing::warn!(%error, "a status of the gateway was not written");
                is_done = false;
            }
        }
    }
    is_done
}
