//! How writes lie in the log: frames with a checksum, each one write.
//!
//! A frame is `length u32 | checksum u32 | payload`, little-endian. The
//! checksum is CRC-32 over length and payload, begun with the checksum of the
//! frame before, so that a frame that was changed, moved or left out shows. A
//! payload is `kind u8 | revision u64`, then for a write its records: `kind u8
//! | group | plural | namespace | name | JSON`, each text with its length
//! before it (`u32` for JSON, `u16` for the others).

use super::RecordKey;
use std::io::{self, Read};
use trueup_object::Text;

/// Bytes before the payload of a frame.
pub const FRAME_HEAD_BYTES: usize = 8;
/// The longest payload that is written or read; a longer one is damage.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;
/// Disks write whole sectors: one full of zeros within a frame was never
/// written, so the frame was torn by a loss of power and not damaged later.
const SECTOR_BYTES: usize = 512;

const KIND_WRITE: u8 = 1;
const KIND_OPENED: u8 = 2;
const RECORD_PUT: u8 = 1;
const RECORD_REMOVE: u8 = 2;

/// What a payload says.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Records that became durable together, at a revision.
    Write(u64, Vec<RawRecord<'a>>),
    /// Numbering went on from a revision.
    Opened(u64),
}

/// One change as it lies in a payload.
#[derive(Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Group, plural, namespace and name, as they were encoded.
    pub key: &'a [u8],
    /// The object; `None` for a removal.
    pub json: Option<&'a [u8]>,
    /// The whole record, as it was encoded.
    pub whole: &'a [u8],
}

/// Begins a frame in `out`; give the result to [`end_frame`].
pub fn begin_write(out: &mut Vec<u8>, revision: u64) -> usize {
    begin(out, KIND_WRITE, revision)
}

/// Adds one record to the frame that was begun.
pub fn put_record(out: &mut Vec<u8>, key: &RecordKey, json: Option<&[u8]>) -> io::Result<()> {
    out.push(if json.is_some() {
        RECORD_PUT
    } else {
        RECORD_REMOVE
    });
    for text in [&key.group, &key.plural, &key.namespace, &key.name] {
        let length = u16::try_from(text.len()).map_err(|_| too_long("a name"))?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    if let Some(json) = json {
        let length = u32::try_from(json.len()).map_err(|_| too_long("an object"))?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(json);
    }
    Ok(())
}

/// Adds a frame that says from where numbering goes on; gives its checksum.
pub fn put_opened(out: &mut Vec<u8>, revision: u64, previous: u32) -> io::Result<u32> {
    let start = begin(out, KIND_OPENED, revision);
    end_frame(out, start, previous)
}

/// Closes the frame begun at `start` and gives its checksum.
pub fn end_frame(out: &mut [u8], start: usize, previous: u32) -> io::Result<u32> {
    let length = out.len() - start - FRAME_HEAD_BYTES;
    if length > MAX_PAYLOAD_BYTES {
        return Err(too_long("a write"));
    }
    let length = u32::try_from(length)
        .map_err(|_| too_long("a write"))?
        .to_le_bytes();
    out[start..start + 4].copy_from_slice(&length);
    let sum = checksum(previous, length, &out[start + FRAME_HEAD_BYTES..]);
    out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
    Ok(sum)
}

fn begin(out: &mut Vec<u8>, kind: u8, revision: u64) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
    out.push(kind);
    out.extend_from_slice(&revision.to_le_bytes());
    start
}

fn checksum(previous: u32, length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(previous);
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

fn too_long(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{what} is too long to be kept"),
    )
}

/// Reads frames one after the other.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    /// Where the next frame begins.
    offset: u64,
    /// The checksum of the frame before.
    previous: u32,
    payload: Vec<u8>,
}

/// What was found where a frame should be.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A good frame; its payload is at [`FrameReader::payload`].
    Frame,
    /// The end of the file, at the end of a frame.
    End,
    /// The beginning of a frame that was never wholly written.
    Torn,
    /// A frame that was written and is not what it was; what does not fit.
    Damaged(&'static str),
}

impl<R: Read> FrameReader<R> {
    /// Reads from `source`, whose first byte is byte `offset` of the file.
    pub fn new(source: R, offset: u64) -> Self {
        Self {
            source,
            offset,
            previous: 0,
            payload: Vec::new(),
        }
    }

    /// Where the next frame begins: the end of the last good one.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The checksum of the last good frame.
    pub fn checksum(&self) -> u32 {
        self.previous
    }

    /// The payload of the last good frame.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Reads the next frame.
    pub fn next(&mut self) -> io::Result<Found> {
        let mut head = [0; FRAME_HEAD_BYTES];
        match read_up_to(&mut self.source, &mut head)? {
            0 => return Ok(Found::End),
            FRAME_HEAD_BYTES => {}
            _ => return Ok(Found::Torn),
        }
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = [l0, l1, l2, l3];
        let bytes = u32::from_le_bytes(length) as usize;
        if bytes == 0 || bytes > MAX_PAYLOAD_BYTES {
            return self.without_length(bytes);
        }
        self.payload.resize(bytes, 0);
        let read = read_up_to(&mut self.source, &mut self.payload)?;
        if read < bytes {
            return Ok(Found::Torn);
        }
        let expected = u32::from_le_bytes([c0, c1, c2, c3]);
        if checksum(self.previous, length, &self.payload) != expected {
            let start = self.offset as usize + FRAME_HEAD_BYTES;
            return Ok(if has_blank_sector(&self.payload, start) {
                Found::Torn
            } else {
                Found::Damaged("its checksum is wrong")
            });
        }
        self.previous = expected;
        self.offset += (FRAME_HEAD_BYTES + bytes) as u64;
        Ok(Found::Frame)
    }

    /// A frame of no length may be space that the disk never filled.
    fn without_length(&mut self, bytes: usize) -> io::Result<Found> {
        let mut rest = Vec::new();
        if bytes == 0 {
            self.source.read_to_end(&mut rest)?;
            if rest.iter().all(|byte| *byte == 0) {
                return Ok(Found::Torn);
            }
        }
        Ok(Found::Damaged("its length is impossible"))
    }
}

/// Whether a whole sector of the file within `bytes`, which begin at byte
/// `start` of it, holds nothing but zeros.
fn has_blank_sector(bytes: &[u8], start: usize) -> bool {
    let skip = (SECTOR_BYTES - start % SECTOR_BYTES) % SECTOR_BYTES;
    let sectors = bytes
        .get(skip..)
        .unwrap_or_default()
        .chunks_exact(SECTOR_BYTES);
    let mut sectors = sectors;
    sectors.any(|sector| sector.iter().all(|byte| *byte == 0))
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Takes a payload apart; `None` where it is no payload of this layout.
pub fn parse(payload: &[u8]) -> Option<Payload<'_>> {
    let mut rest = payload;
    let kind = take(&mut rest, 1)?[0];
    let revision = u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?);
    match kind {
        KIND_OPENED if rest.is_empty() => Some(Payload::Opened(revision)),
        KIND_WRITE => {
            let mut records = Vec::new();
            while !rest.is_empty() {
                records.push(parse_record(&mut rest)?);
            }
            Some(Payload::Write(revision, records))
        }
        _ => None,
    }
}

fn parse_record<'a>(rest: &mut &'a [u8]) -> Option<RawRecord<'a>> {
    let whole = *rest;
    let kind = take(rest, 1)?[0];
    let key_start = *rest;
    for _ in 0..4 {
        take_text(rest)?;
    }
    let key = &key_start[..key_start.len() - rest.len()];
    let json = match kind {
        RECORD_PUT => {
            let length = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
            Some(take(rest, length as usize)?)
        }
        RECORD_REMOVE => None,
        _ => return None,
    };
    Some(RawRecord {
        key,
        json,
        whole: &whole[..whole.len() - rest.len()],
    })
}

/// The key of a record, from its bytes.
pub fn parse_key(mut bytes: &[u8]) -> Option<RecordKey> {
    let mut next = || take_text(&mut bytes).map(Text::from);
    Some(RecordKey {
        group: next()?,
        plural: next()?,
        namespace: next()?,
        name: next()?,
    })
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
    std::str::from_utf8(take(rest, length.into())?).ok()
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}
