//! The file of the log: opened, checked, read, written and rewritten.

use super::frame::{self, Found, FrameReader, Payload};
use super::header::{self, HEADER_BYTES, Seal};
use super::{Batch, Loaded, RecordKey, StorageError, Sync};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How far ahead of the written revisions numbering continues after a start,
/// so that a revision that was seen but not written is never given twice.
pub const REVISION_GAP: u64 = 10_000;
/// The log is rewritten without what is outdated when it has grown to twice
/// what was left the last time and this many bytes more.
pub const REWRITE_AFTER_BYTES: u64 = 64 * 1024 * 1024;
/// How much of a rewritten log one frame holds.
const REWRITE_FRAME_BYTES: usize = 1024 * 1024;
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// A log that is open for writing.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// Held as long as the log is open: one process at a time.
    _lock: File,
    sync: Sync,
    end: u64,
    checksum: u32,
    seal: Seal,
    /// The length at which the log is rewritten.
    rewrite_at: u64,
    last_written: u64,
    opened: u64,
}

/// Where a log ends, and from where its numbering goes on.
#[derive(Clone, Copy, Debug)]
struct Tail {
    end: u64,
    checksum: u32,
    last_written: u64,
}

impl Log {
    /// Opens or makes the file and reads it. Refuses one that is damaged, of
    /// another program or of another format, and leaves it as it is.
    pub fn open(path: &Path, sync: Sync) -> Result<(Self, Loaded), StorageError> {
        let lock = lock(path)?;
        if !path.exists() {
            make(path).map_err(|error| failed(path, "make", &error))?;
        }
        forget_unfinished(path).map_err(|error| failed(path, "tidy up beside", &error))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| failed(path, "open", &error))?;
        let (loaded, tail, seal) = read(path, &file)?;
        let mut log = Self {
            path: path.to_owned(),
            _lock: lock,
            sync,
            end: tail.end,
            checksum: tail.checksum,
            seal,
            rewrite_at: tail
                .end
                .saturating_mul(2)
                .saturating_add(REWRITE_AFTER_BYTES),
            last_written: tail.last_written,
            opened: loaded.revision,
            file: file
                .try_clone()
                .map_err(|error| failed(path, "open", &error))?,
        };
        file.set_len(tail.end)
            .and_then(|()| log.note_opened(loaded.revision))
            .map_err(|error| failed(path, "write", &error))?;
        Ok((log, loaded))
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remembers from where numbering goes on, so that a start without a
    /// write still moves it on.
    fn note_opened(&mut self, revision: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        let checksum = frame::put_opened(&mut bytes, revision, self.checksum)?;
        self.append(&bytes, checksum)?;
        self.file.sync_data()?;
        self.seal()
    }

    /// Writes batches, each a frame, and syncs them as one.
    pub fn write<'a>(&mut self, batches: impl Iterator<Item = &'a Batch>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut checksum = self.checksum;
        let mut revision = self.last_written;
        for batch in batches {
            let start = frame::begin_write(&mut bytes, batch.revision);
            for record in &batch.records {
                let json = record.object.as_ref().map(|object| object.json());
                frame::put_record(&mut bytes, &record.key, json.as_deref())?;
            }
            checksum = frame::end_frame(&mut bytes, start, checksum)?;
            revision = batch.revision;
        }
        self.append(&bytes, checksum)?;
        if self.sync == Sync::Disk {
            self.file.sync_data()?;
            self.seal()?;
        }
        self.last_written = revision;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], checksum: u32) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        self.checksum = checksum;
        Ok(())
    }

    /// Notes that all that is written was synced. The note itself goes to the
    /// disk with the next sync.
    fn seal(&mut self) -> io::Result<()> {
        let seal = self.seal.next(self.end);
        seal.write(&mut self.file)?;
        self.seal = seal;
        Ok(())
    }

    /// Syncs and seals, before the log is closed.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.seal()?;
        self.file.sync_data()
    }

    /// Rewrites the log without what is outdated, if that has become much. If
    /// it can't be done, the log stays as it is.
    pub fn tidy(&mut self) {
        if self.end < self.rewrite_at {
            return;
        }
        if let Err(error) = self.rewrite() {
            tracing::warn!(%error, path = %self.path.display(), "the store could not be rewritten");
            drop(std::fs::remove_file(beside(&self.path, "new")));
        }
        self.rewrite_at = self
            .end
            .saturating_mul(2)
            .saturating_add(REWRITE_AFTER_BYTES);
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let path = beside(&self.path, "new");
        let mut file = create(&path)?;
        file.write_all(&header::fresh())?;
        let live = self.live_records()?;
        let mut writer = Rewriter {
            file: &mut file,
            bytes: Vec::new(),
            end: HEADER_BYTES,
            checksum: 0,
        };
        writer.copy(&self.file, &live, self.last_written)?;
        let checksum = frame::put_opened(&mut writer.bytes, self.opened, writer.checksum)?;
        writer.flush(checksum)?;
        let (end, checksum) = (writer.end, writer.checksum);
        file.sync_all()?;
        let seal = Seal::default().next(end);
        seal.write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&path, &self.path)?;
        sync_folder(&self.path)?;
        (self.file, self.end, self.checksum, self.seal) = (file, end, checksum, seal);
        Ok(())
    }

    /// Where the last state of each object lies: offset and length of its
    /// record, in the order of the file.
    fn live_records(&self) -> io::Result<Vec<(u64, usize)>> {
        let mut reader = frames(&self.file)?;
        let mut live: HashMap<Vec<u8>, (u64, usize)> = HashMap::new();
        while reader.offset() < self.end {
            let start = reader.offset() + frame::FRAME_HEAD_BYTES as u64;
            if reader.next()? != Found::Frame {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a frame is damaged",
                ));
            }
            let payload = reader.payload();
            let Some(Payload::Write(_, records)) = frame::parse(payload) else {
                continue;
            };
            for record in records {
                let at = record.whole.as_ptr() as usize - payload.as_ptr() as usize;
                match record.json {
                    Some(_) => {
                        live.insert(record.key.to_vec(), (start + at as u64, record.whole.len()))
                    }
                    None => live.remove(record.key),
                };
            }
        }
        let mut places: Vec<_> = live.into_values().collect();
        places.sort_unstable();
        Ok(places)
    }
}

/// Writes the frames of a new log.
struct Rewriter<'a> {
    file: &'a mut File,
    bytes: Vec<u8>,
    end: u64,
    checksum: u32,
}

impl Rewriter<'_> {
    fn copy(&mut self, from: &File, places: &[(u64, usize)], revision: u64) -> io::Result<()> {
        let mut source = BufReader::with_capacity(READ_BUFFER_BYTES, from);
        let mut at = source.stream_position()?;
        let mut start = frame::begin_write(&mut self.bytes, revision);
        for (offset, length) in places {
            source.seek_relative(*offset as i64 - at as i64)?;
            let filled = self.bytes.len();
            self.bytes.resize(filled + length, 0);
            source.read_exact(&mut self.bytes[filled..])?;
            at = offset + *length as u64;
            if self.bytes.len() >= REWRITE_FRAME_BYTES {
                let checksum = frame::end_frame(&mut self.bytes, start, self.checksum)?;
                self.flush(checksum)?;
                start = frame::begin_write(&mut self.bytes, revision);
            }
        }
        let checksum = frame::end_frame(&mut self.bytes, start, self.checksum)?;
        self.flush(checksum)
    }

    fn flush(&mut self, checksum: u32) -> io::Result<()> {
        self.file.write_all(&self.bytes)?;
        self.end += self.bytes.len() as u64;
        self.checksum = checksum;
        self.bytes.clear();
        Ok(())
    }
}

fn frames(file: &File) -> io::Result<FrameReader<BufReader<&File>>> {
    let mut source = file;
    source.seek(SeekFrom::Start(HEADER_BYTES))?;
    Ok(FrameReader::new(
        BufReader::with_capacity(READ_BUFFER_BYTES, source),
        HEADER_BYTES,
    ))
}

/// Reads and checks a whole log.
fn read(path: &Path, file: &File) -> Result<(Loaded, Tail, Seal), StorageError> {
    let unreadable = |error: io::Error| failed(path, "read", &error);
    let mut from_start = file;
    from_start.rewind().map_err(unreadable)?;
    let seal = header::read(&mut from_start).map_err(unreadable)?;
    let seal = seal.map_err(|why| refused(path, &why))?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length < seal.length {
        let why = format!(
            "it ends after {length} bytes, and {} had been kept",
            seal.length
        );
        return Err(refused(path, &why));
    }
    let mut reader = frames(file).map_err(unreadable)?;
    let mut state = State::default();
    loop {
        let at = reader.offset();
        let why = match reader.next().map_err(unreadable)? {
            Found::Frame if state.take(reader.payload()).is_some() => continue,
            Found::End => break,
            Found::Torn if at >= seal.length => {
                tracing::warn!(path = %path.display(), at, "an unfinished write at the end of the store is left out");
                break;
            }
            Found::Frame => "it is no write",
            Found::Torn => "it is cut off",
            Found::Damaged(why) => why,
        };
        return Err(refused(
            path,
            &format!("the write at byte {at} is damaged: {why}"),
        ));
    }
    let tail = Tail {
        end: reader.offset(),
        checksum: reader.checksum(),
        last_written: state.last_written,
    };
    Ok((state.loaded(), tail, seal))
}

/// What the frames read so far come to.
#[derive(Default)]
struct State {
    objects: BTreeMap<RecordKey, Bytes>,
    last_written: u64,
    opened: u64,
}

impl State {
    /// Follows one frame; `None` where it is not one of ours.
    fn take(&mut self, payload: &[u8]) -> Option<()> {
        match frame::parse(payload)? {
            Payload::Opened(revision) => self.opened = revision,
            Payload::Write(revision, records) => {
                self.last_written = revision;
                for record in records {
                    let key = frame::parse_key(record.key)?;
                    match record.json {
                        Some(json) => self.objects.insert(key, Bytes::copy_from_slice(json)),
                        None => self.objects.remove(&key),
                    };
                }
            }
        }
        Some(())
    }

    fn loaded(self) -> Loaded {
        let seen = self.last_written.max(self.opened);
        Loaded {
            revision: if seen > 0 { seen + REVISION_GAP } else { 0 },
            last_written: self.last_written,
            objects: self.objects.into_iter().collect(),
        }
    }
}

/// Makes an empty log under its name, whole or not at all.
fn make(path: &Path) -> io::Result<()> {
    let fresh = beside(path, "new");
    let mut file = create(&fresh)?;
    file.write_all(&header::fresh())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    sync_folder(path)
}

/// Removes what is left of a rewrite that was never finished.
fn forget_unfinished(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(beside(path, "new")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// The path of a file that stands beside the log.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn lock(path: &Path) -> Result<File, StorageError> {
    let place = beside(path, "lock");
    let file = create(&place).map_err(|error| failed(&place, "make", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(path, "open", &"another process has it open")),
        Err(TryLockError::Error(error)) => Err(failed(&place, "lock", &error)),
    }
}

/// Makes a new name in a folder durable; where folders can't be synced, the
/// system does that by itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn refused(path: &Path, why: &str) -> StorageError {
    StorageError::Refused {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// An input or output error at a file.
pub fn failed(path: &Path, operation: &'static str, why: &dyn std::fmt::Display) -> StorageError {
    StorageError::Failed {
        operation,
        path: path.to_owned(),
        why: why.to_string(),
    }
}
