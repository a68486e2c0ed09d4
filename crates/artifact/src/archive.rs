//! The canonical archive: a gzipped tar whose bytes depend on content alone.

mod read;
mod write;

pub use read::{
    ArchiveError, ArchiveLimits, MAX_FOREIGN_NAME_BYTES, MAX_FOREIGN_PATH_BYTES,
    MAX_FOREIGN_TOTAL_BYTES, NameLimits, read_archive,
};
pub use write::{ArchiveCompressor, ArchiveSummary, WriteArchiveError, write_archive, write_tar};

#[cfg(test)]
mod tests;
