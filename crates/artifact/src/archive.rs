//! The canonical archive: a gzipped tar whose bytes depend on content alone.

mod read;
mod write;

pub use read::{ArchiveError, ArchiveLimits, read_archive};
pub use write::{ArchiveSummary, WriteArchiveError, write_archive};

#[cfg(test)]
mod tests;
