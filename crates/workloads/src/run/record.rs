//! Writing Events, beside the work that they tell of.

use crate::correlate::{Correlator, Write};
use crate::note::Note;
use crate::options::WallClock;
use tokio::sync::mpsc;
use trueup_cluster::{ApiError, Patch, Session, WriteOptions};

/// Notes waiting to be written; what comes while so many wait is not told.
const MAX_WAITING: usize = 1_000;

/// Takes notes.
#[derive(Clone)]
pub(crate) struct Recorder(mpsc::Sender<Note>);

/// A recorder, and where its notes come out.
pub(super) fn channel() -> (Recorder, mpsc::Receiver<Note>) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Recorder(sender), receiver)
}

impl Recorder {
    /// Tells of something; never waits.
    pub(crate) fn tell(&self, note: Note) {
        if let Err(error) = self.0.try_send(note) {
            tracing::debug!(%error, "an event is not told");
        }
    }
}

/// Writes the notes as Events, one after the other, until no more can come.
pub(super) async fn record(
    session: Session,
    mut notes: mpsc::Receiver<Note>,
    wall_clock: WallClock,
) {
    let mut correlator = Correlator::default();
    while let Some(note) = notes.recv().await {
        let Some(write) = correlator.correlate(&note, wall_clock()) else {
            continue;
        };
        if let Err(error) = perform(&session, write).await {
            tracing::debug!(%error, reason = %note.reason, "recording an event");
        }
    }
}

async fn perform(session: &Session, write: Write) -> Result<(), ApiError> {
    let options = WriteOptions::new(super::act::CONTROLLERS);
    match write {
        Write::Create(event) => session.create(&event, &options).await.map(drop),
        Write::Repeat {
            reference,
            patch,
            anew,
        } => {
            let patch = Patch::Merge(patch);
            match session.patch(&reference, &patch, &options).await {
                Err(error) if error.is_not_found() => {
                    session.create(&anew, &options).await.map(drop)
                }
                outcome => outcome.map(drop),
            }
        }
    }
}
