//! A source's content as a value: file trees, ignore rules, the canonical
//! archive, digests and revisions.
//!
//! Floor 3, pure: what a tree is made of (a Git object database, an archive in
//! memory, a folder) is decided by whoever implements [`FileTree`].

mod archive;
mod checksum;
mod digest;
mod filtered;
mod glob;
mod ignore;
mod memory;
mod path;
mod revision;
mod tree;

pub use archive::{
    ArchiveCompressor, ArchiveError, ArchiveLimits, ArchiveSummary, MAX_FOREIGN_NAME_BYTES,
    MAX_FOREIGN_PATH_BYTES, MAX_FOREIGN_TOTAL_BYTES, NameLimits, WriteArchiveError, read_archive,
    write_archive, write_tar,
};
pub use checksum::{Checksum, ChecksumError};
pub use digest::{Digest, DigestError, Digester};
pub use filtered::FilteredTree;
pub use ignore::{IGNORE_FILE, IgnoreRules, MAX_IGNORE_FILE_BYTES};
pub use memory::{MemoryTree, MemoryTreeError};
pub use path::{PathError, TreePath};
pub use revision::{Revision, RevisionError};
pub use tree::{ContentId, Entry, FileTree, MAX_TREE_DEPTH, TreeError, walk};
