//! A storage in one redb file, written by one thread that puts many writes
//! into one transaction.

use super::{Batch, Completion, Loaded, RecordKey, Storage, StorageError};
use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// How many writes go into one transaction at most.
pub const MAX_GROUP: usize = 1024;
/// How far ahead of the written revisions numbering continues after a start,
/// so that a revision that was seen but not written is never given twice.
pub const REVISION_GAP: u64 = 10_000;
/// The layout that this code reads and writes.
pub const FORMAT: &str = "trueup-apiserver-1";

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
const FORMAT_KEY: &str = "format";
const REVISION_KEY: &str = "revision";
const OPENED_KEY: &str = "opened";

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Every commit is on the disk before it is acknowledged.
    Disk,
    /// Commits are left to the operating system: survives the process, not
    /// the power.
    System,
}

/// One redb file and the thread that writes it.
pub struct RedbStorage {
    path: PathBuf,
    database: Arc<Database>,
    sender: Option<Sender<(Batch, Completion)>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for RedbStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RedbStorage")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl RedbStorage {
    /// Opens or makes the file. A file that is no store of this layout is
    /// refused and left as it is.
    pub fn open(path: &Path, sync: Sync) -> Result<Self, StorageError> {
        let foreign = path.metadata().is_ok_and(|data| data.len() > 0);
        let database = Database::create(path).map_err(|error| refused_or_failed(path, &error))?;
        prepare(&database, path, foreign)?;
        let database = Arc::new(database);
        let (sender, receiver) = channel();
        let (writing, at) = (database.clone(), path.to_owned());
        let writer = std::thread::Builder::new()
            .name("trueup-store".to_owned())
            .spawn(move || write_groups(&writing, &at, sync, &receiver))
            .map_err(|error| failed(path, "start the writer", &error))?;
        Ok(Self {
            path: path.to_owned(),
            database,
            sender: Some(sender),
            writer: Some(writer),
        })
    }

    fn read(&self) -> Result<Loaded, redb::Error> {
        let transaction = self.database.begin_read()?;
        let facts = transaction.open_table(FACTS)?;
        let last_written = number(facts.get(REVISION_KEY)?.map(|value| value.value().to_vec()));
        let opened = number(facts.get(OPENED_KEY)?.map(|value| value.value().to_vec()));
        let table = transaction.open_table(OBJECTS)?;
        let mut objects = Vec::new();
        for entry in table.iter()? {
            let (key, json) = entry?;
            if let Some(key) = decode_key(key.value()) {
                objects.push((key, Bytes::copy_from_slice(json.value())));
            }
        }
        Ok(Loaded {
            revision: last_written.max(opened),
            last_written,
            objects,
        })
    }
}

impl Storage for RedbStorage {
    fn load(&self) -> Result<Loaded, StorageError> {
        let mut loaded = self
            .read()
            .map_err(|error| failed(&self.path, "read", &error))?;
        if loaded.revision > 0 {
            loaded.revision += REVISION_GAP;
        }
        note_opened(&self.database, loaded.revision)
            .map_err(|error| failed(&self.path, "write", &error))?;
        Ok(loaded)
    }

    fn append(&self, batch: Batch, done: Completion) {
        let Some(sender) = &self.sender else { return };
        if let Err(unsent) = sender.send((batch, done)) {
            let (_, done) = unsent.0;
            done(Err(failed(&self.path, "write", &"the writer has stopped")));
        }
    }
}

impl Drop for RedbStorage {
    /// Writes what was handed over, then closes.
    fn drop(&mut self) {
        self.sender.take();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Makes the tables of a new file; refuses an existing one of another layout.
fn prepare(database: &Database, path: &Path, existing: bool) -> Result<(), StorageError> {
    if existing {
        let found = read_format(database).map_err(|error| refused(path, &error))?;
        return match found.as_deref() {
            Some(FORMAT) => Ok(()),
            Some(other) => Err(refused(
                path,
                &format!("its layout is {other:?}, this program knows {FORMAT:?}"),
            )),
            None => Err(refused(path, &"it belongs to another program")),
        };
    }
    make_tables(database).map_err(|error| failed(path, "make the tables", &error))
}

fn read_format(database: &Database) -> Result<Option<String>, redb::Error> {
    let transaction = database.begin_read()?;
    let facts = match transaction.open_table(FACTS) {
        Ok(facts) => facts,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let format = facts
        .get(FORMAT_KEY)?
        .map(|value| String::from_utf8_lossy(value.value()).into_owned());
    Ok(format)
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(OBJECTS)?;
    transaction
        .open_table(FACTS)?
        .insert(FORMAT_KEY, FORMAT.as_bytes())?;
    transaction.commit()?;
    Ok(())
}

/// Remembers where numbering began, so that a start without a write still
/// moves it on.
fn note_opened(database: &Database, revision: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction
        .open_table(FACTS)?
        .insert(OPENED_KEY, revision.to_be_bytes().as_slice())?;
    transaction.commit()?;
    Ok(())
}

/// Takes whatever has queued up, writes it as one transaction, tells all.
fn write_groups(
    database: &Database,
    path: &Path,
    sync: Sync,
    receiver: &Receiver<(Batch, Completion)>,
) {
    let mut broken: Option<StorageError> = None;
    while let Ok(first) = receiver.recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(next) = receiver.try_recv()
        {
            group.push(next);
        }
        if broken.is_none() {
            let written = write_group(database, sync, group.iter().map(|(batch, _)| batch));
            broken = written.err().map(|error| failed(path, "write", &error));
        }
        for (_, done) in group {
            done(broken.clone().map_or(Ok(()), Err));
        }
    }
}

fn write_group<'a>(
    database: &Database,
    sync: Sync,
    batches: impl Iterator<Item = &'a Batch>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    if sync == Sync::System {
        transaction.set_durability(Durability::None)?;
    }
    let mut revision = 0;
    {
        let mut objects = transaction.open_table(OBJECTS)?;
        for batch in batches {
            revision = batch.revision;
            for record in &batch.records {
                let key = encode_key(&record.key);
                match &record.json {
                    Some(json) => objects.insert(key.as_str(), json.as_ref())?,
                    None => objects.remove(key.as_str())?,
                };
            }
        }
        transaction
            .open_table(FACTS)?
            .insert(REVISION_KEY, revision.to_be_bytes().as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// `group/plural/namespace/name`; none of the parts holds a slash.
fn encode_key(key: &RecordKey) -> String {
    format!(
        "{}/{}/{}/{}",
        key.group, key.plural, key.namespace, key.name
    )
}

fn decode_key(text: &str) -> Option<RecordKey> {
    let mut parts = text.splitn(4, '/');
    let mut next = || parts.next().map(Into::into);
    Some(RecordKey {
        group: next()?,
        plural: next()?,
        namespace: next()?,
        name: next()?,
    })
}

fn number(bytes: Option<Vec<u8>>) -> u64 {
    bytes
        .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
        .map_or(0, u64::from_be_bytes)
}

fn refused(path: &Path, why: &dyn std::fmt::Display) -> StorageError {
    StorageError::Refused {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn failed(path: &Path, operation: &'static str, why: &dyn std::fmt::Display) -> StorageError {
    StorageError::Failed {
        operation,
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn refused_or_failed(path: &Path, error: &redb::DatabaseError) -> StorageError {
    match error {
        redb::DatabaseError::Storage(redb::StorageError::Io(cause))
            if cause.kind() != std::io::ErrorKind::InvalidData =>
        {
            failed(path, "open", error)
        }
        redb::DatabaseError::DatabaseAlreadyOpen => failed(path, "open", error),
        _ => refused(path, error),
    }
}
