//! The first page of the log: what it is, and how much of it was kept.
//!
//! Two seals take turns. A seal says up to which byte the log is on the disk;
//! it is written after the sync that made it true, so it never promises what a
//! loss of power could take. What ends before its seal has been cut.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Where the frames begin.
pub const HEADER_BYTES: u64 = 4096;
/// The layout that this code writes, and the newest that it reads.
pub const FORMAT: u32 = 2;
const MAGIC: &[u8; 16] = b"trueup objects\n\0";
const FORMAT_AT: usize = 16;
const MAGIC_SUM_AT: usize = 20;
const SEALS_AT: [u64; 2] = [512, 1024];
const SEAL_BYTES: usize = 20;

/// Up to where a log is known to be on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seal {
    /// Counts the seals; the greater one counts.
    pub turn: u64,
    /// The length of the file that was kept.
    pub length: u64,
}

/// The bytes of the header of a log with nothing in it.
pub fn fresh() -> Vec<u8> {
    let mut page = vec![0; HEADER_BYTES as usize];
    page[..MAGIC.len()].copy_from_slice(MAGIC);
    page[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&FORMAT.to_le_bytes());
    let sum = crc32fast::hash(&page[..MAGIC_SUM_AT]);
    page[MAGIC_SUM_AT..MAGIC_SUM_AT + 4].copy_from_slice(&sum.to_le_bytes());
    for (turn, at) in SEALS_AT.into_iter().enumerate() {
        let seal = Seal {
            turn: turn as u64,
            length: HEADER_BYTES,
        };
        page[at as usize..at as usize + SEAL_BYTES].copy_from_slice(&seal.encode());
    }
    page
}

/// Reads the header from the beginning of a file; the error says what does
/// not fit.
pub fn read(source: &mut impl Read) -> io::Result<Result<Seal, String>> {
    let mut page = Vec::new();
    source.take(HEADER_BYTES).read_to_end(&mut page)?;
    Ok(check(&page))
}

fn check(page: &[u8]) -> Result<Seal, String> {
    if page.is_empty() {
        return Err("it is empty, and a store never is".to_owned());
    }
    if page.get(..MAGIC.len()) != Some(MAGIC) {
        return Err("it belongs to another program".to_owned());
    }
    if page.len() < HEADER_BYTES as usize {
        return Err("it ends within its first page".to_owned());
    }
    let sum = number(&page[MAGIC_SUM_AT..]);
    if crc32fast::hash(&page[..MAGIC_SUM_AT]) != sum {
        return Err("its first page is damaged".to_owned());
    }
    match number(&page[FORMAT_AT..]) {
        FORMAT => {}
        found => {
            return Err(format!(
                "its format is {found}, this program knows format {FORMAT}"
            ));
        }
    }
    SEALS_AT
        .iter()
        .filter_map(|at| Seal::decode(&page[*at as usize..][..SEAL_BYTES]))
        .max_by_key(|seal| seal.turn)
        .ok_or_else(|| "its first page is damaged".to_owned())
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |four| u32::from_le_bytes(*four))
}

impl Seal {
    /// The next seal, for a longer file.
    #[must_use]
    pub fn next(self, length: u64) -> Self {
        Self {
            turn: self.turn + 1,
            length,
        }
    }

    /// Writes the seal in the place of the older one.
    pub fn write(self, file: &mut File) -> io::Result<()> {
        file.seek(SeekFrom::Start(SEALS_AT[(self.turn % 2) as usize]))?;
        file.write_all(&self.encode())
    }

    fn encode(self) -> [u8; SEAL_BYTES] {
        let mut bytes = [0; SEAL_BYTES];
        bytes[..8].copy_from_slice(&self.turn.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..16]);
        bytes[16..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (said, sum) = bytes.split_at_checked(16)?;
        (crc32fast::hash(said) == number(sum)).then_some(())?;
        Some(Self {
            turn: u64::from_le_bytes(*said.first_chunk()?),
            length: u64::from_le_bytes(*said.last_chunk()?),
        })
    }
}
