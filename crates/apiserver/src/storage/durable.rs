//! A storage in one file, written by one thread that puts many writes into
//! one sync.

use super::log::{Log, failed};
use super::{Batch, Completion, Loaded, Storage, StorageError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// How many writes are synced together at most.
pub const MAX_GROUP: usize = 1024;

/// Whether a write waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Every write is on the disk before it is acknowledged.
    Disk,
    /// Writes are left to the operating system: they survive the process, not
    /// the power.
    System,
}

/// A log of writes in one file, and the thread that writes it.
///
/// The file is the only truth and is read whole when it is opened. Every write
/// has a checksum; a file that is damaged, was cut, or belongs to somebody else
/// is refused and left as it is. Only a write that was never finished, and so
/// never acknowledged, is left out.
pub struct LogStorage {
    path: PathBuf,
    /// Until it is asked for.
    loaded: Mutex<Option<Loaded>>,
    sender: Option<Sender<(Batch, Completion)>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for LogStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LogStorage")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl LogStorage {
    /// Opens or makes the file. A file that is no store of this layout is
    /// refused and left as it is; so is one that another process has open.
    pub fn open(path: &Path, sync: Sync) -> Result<Self, StorageError> {
        let (log, loaded) = Log::open(path, sync)?;
        let (sender, receiver) = channel();
        let writer = std::thread::Builder::new()
            .name("trueup-store".to_owned())
            .spawn(move || write_groups(log, &receiver))
            .map_err(|error| failed(path, "start the writer of", &error))?;
        Ok(Self {
            path: path.to_owned(),
            loaded: Mutex::new(Some(loaded)),
            sender: Some(sender),
            writer: Some(writer),
        })
    }
}

impl Storage for LogStorage {
    fn load(&self) -> Result<Loaded, StorageError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded
            .take()
            .ok_or_else(|| failed(&self.path, "read", &"it was read already"))
    }

    fn append(&self, batch: Batch, done: Completion) {
        let Some(sender) = &self.sender else { return };
        if let Err(unsent) = sender.send((batch, done)) {
            let (_, done) = unsent.0;
            done(Err(failed(&self.path, "write", &"the writer has stopped")));
        }
    }
}

impl Drop for LogStorage {
    /// Writes what was handed over, then closes.
    fn drop(&mut self) {
        self.sender.take();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "the writer of the store has panicked");
        }
    }
}

/// Takes whatever has queued up, writes it as one, tells all. After a failure
/// nothing more is taken: what follows might build upon what was lost.
fn write_groups(mut log: Log, receiver: &Receiver<(Batch, Completion)>) {
    let mut broken: Option<StorageError> = None;
    while let Ok(first) = receiver.recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(next) = receiver.try_recv()
        {
            group.push(next);
        }
        if broken.is_none() {
            let written = log.write(group.iter().map(|(batch, _)| batch));
            broken = written
                .err()
                .map(|error| failed(log.path(), "write", &error));
        }
        for (_, done) in group {
            done(broken.clone().map_or(Ok(()), Err));
        }
        if broken.is_none() {
            log.tidy();
        }
    }
    if broken.is_none()
        && let Err(error) = log.close()
    {
        tracing::error!(%error, path = %log.path().display(), "the store could not be closed");
    }
}
