//! Reading an archive back, from a stranger if need be.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use crate::{MAX_TREE_DEPTH, MemoryTree, MemoryTreeError, PathError, TreePath};

/// What an archive may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files and folders.
    pub max_entries: u64,
    /// Length of one file.
    pub max_file_bytes: u64,
    /// Length of everything unpacked, headers included.
    pub max_total_bytes: u64,
    /// How often longer the unpacked bytes may be than the packed ones.
    pub max_ratio: u64,
    /// Length of one name, and of a path of them.
    pub names: NameLimits,
}

/// How long names may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameLimits {
    /// Bytes of the name of one file or folder.
    pub max_name_bytes: usize,
    /// Bytes of a path.
    pub max_path_bytes: usize,
}

/// How many files and folders an archive may hold: as many as a commit.
const MAX_ENTRIES: u64 = 200_000;
/// How long one file may be.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// How long everything may be, unpacked.
const MAX_TOTAL_BYTES: u64 = 1 << 30;
/// How often longer everything may be than the archive.
const MAX_RATIO: u64 = 200;

/// How long a name in an archive of our own may be: Git knows no limit.
const MAX_OWN_NAME_BYTES: usize = 1 << 16;
/// How long everything in a stranger's archive may be, unpacked.
pub const MAX_FOREIGN_TOTAL_BYTES: u64 = 256 << 20;
/// How long a name in a stranger's archive may be, as in file systems.
pub const MAX_FOREIGN_NAME_BYTES: usize = 255;
/// How long a path in a stranger's archive may be, as in file systems.
pub const MAX_FOREIGN_PATH_BYTES: usize = 4096;

impl Default for ArchiveLimits {
    /// What an archive of our own making may cost.
    fn default() -> Self {
        ArchiveLimits {
            max_entries: MAX_ENTRIES,
            max_file_bytes: MAX_FILE_BYTES,
            max_total_bytes: MAX_TOTAL_BYTES,
            max_ratio: MAX_RATIO,
            names: NameLimits {
                max_name_bytes: MAX_OWN_NAME_BYTES,
                max_path_bytes: MAX_OWN_NAME_BYTES,
            },
        }
    }
}

impl ArchiveLimits {
    /// What an archive that a stranger made may cost.
    #[must_use]
    pub fn foreign() -> Self {
        ArchiveLimits {
            max_total_bytes: MAX_FOREIGN_TOTAL_BYTES,
            names: NameLimits {
                max_name_bytes: MAX_FOREIGN_NAME_BYTES,
                max_path_bytes: MAX_FOREIGN_PATH_BYTES,
            },
            ..Self::default()
        }
    }
}

/// Unpacked bytes below which the ratio is not judged: a small archive of
/// zeros is harmless.
const RATIO_FREE_BYTES: u64 = 2 << 20;

/// Why an archive was refused.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no gzipped tar, or is cut off.
    #[error("the archive cannot be read: {0}")]
    Broken(io::Error),
    /// An entry has a name that leads elsewhere.
    #[error("the archive holds an entry with a forbidden name: {0}")]
    Name(#[from] PathError),
    /// A symbolic link points out of the archive.
    #[error("the archive holds {path:?}, a symbolic link that leads out of it: {cause}")]
    Link {
        /// Its name.
        path: String,
        /// What is wrong with where it points.
        cause: PathError,
    },
    /// An entry is neither a file nor a folder.
    #[error("the archive holds {path:?}, which is {what}: only files and folders are allowed")]
    Kind {
        /// Its name.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A name stands twice.
    #[error("the archive is contradictory: {0}")]
    Duplicate(#[from] MemoryTreeError),
    /// It exceeds a limit.
    #[error("the archive exceeds the limit of {limit} {what}{place}")]
    OverLimit {
        /// What was counted: `entries`.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// ` at "name"`, or empty.
        place: String,
    },
}

/// Unpacks a gzipped tar into memory. Refused, with nothing kept: names that
/// are absolute or climb (`..`), symbolic links that lead out, hard links and
/// devices, a name twice (but for folders), anything below a file or a link,
/// anything over `limits`, and trailing garbage. Symbolic links that stay
/// inside are left out, as Flux does. Owners, times and modes other than "may
/// be executed" are not looked at.
pub fn read_archive(archive: &[u8], limits: &ArchiveLimits) -> Result<MemoryTree, ArchiveError> {
    let metered = Metered {
        inner: MultiGzDecoder::new(archive),
        unpacked_bytes: 0,
        allowed_bytes: allowed_bytes(archive.len() as u64, limits),
    };
    let mut unpacked = tar::Archive::new(metered);
    let mut tree = MemoryTree::new();
    let mut links = Vec::new();
    let mut count = 0;
    for entry in unpacked.entries().map_err(broken_or_over)? {
        let mut entry = entry.map_err(broken_or_over)?;
        // Said of the archive as a whole, as `git archive` does.
        if entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path_of(&name, &limits.names)?;
        // Folders that an entry implies take as much memory as those that it
        // names.
        count += 1 + tree.missing_folders(&path) as u64;
        if count > limits.max_entries {
            return Err(over("entries", limits.max_entries, String::new()));
        }
        links.extend(add(&mut tree, &mut entry, (name, path), limits)?);
    }
    drain(unpacked.into_inner())?;
    // They stood in the way of what would have been written through them.
    for link in &links {
        tree.remove(link);
    }
    Ok(tree)
}

fn allowed_bytes(packed_bytes: u64, limits: &ArchiveLimits) -> u64 {
    let by_ratio = packed_bytes
        .saturating_mul(limits.max_ratio)
        .max(RATIO_FREE_BYTES);
    by_ratio.min(limits.max_total_bytes)
}

/// Adds an entry, and answers its path if it is a link.
fn add(
    tree: &mut MemoryTree,
    entry: &mut tar::Entry<'_, impl Read>,
    (name, path): (String, TreePath),
    limits: &ArchiveLimits,
) -> Result<Option<TreePath>, ArchiveError> {
    let kind = entry.header().entry_type();
    if let Some(what) = forbidden_kind(kind) {
        return Err(ArchiveError::Kind { path: name, what });
    }
    if kind.is_dir() {
        if !path.is_root() {
            tree.add_directory(&path)?;
        }
        return Ok(None);
    }
    if kind.is_symlink() {
        add_link(tree, entry, name, &path)?;
        return Ok(Some(path));
    }
    add_file(tree, entry, &name, &path, limits)?;
    Ok(None)
}

/// The path of an entry: inside, and no longer or deeper than allowed.
fn path_of(name: &str, limits: &NameLimits) -> Result<TreePath, ArchiveError> {
    if name.len() > limits.max_path_bytes {
        let place = " in a path".to_owned();
        return Err(over("bytes", limits.max_path_bytes as u64, place));
    }
    let mut depth = 0;
    for segment in name.split('/') {
        if segment == ".." {
            return Err(PathError::Outside { path: name.into() }.into());
        }
        if segment.len() > limits.max_name_bytes {
            let place = " in a name".to_owned();
            return Err(over("bytes", limits.max_name_bytes as u64, place));
        }
        depth += usize::from(!segment.is_empty() && segment != ".");
    }
    if depth > MAX_TREE_DEPTH + 1 {
        let place = " above a file".to_owned();
        return Err(over("folders", MAX_TREE_DEPTH as u64, place));
    }
    Ok(TreePath::parse(name)?)
}

fn add_link(
    tree: &mut MemoryTree,
    entry: &tar::Entry<'_, impl Read>,
    name: String,
    path: &TreePath,
) -> Result<(), ArchiveError> {
    let target = entry.link_name_bytes().unwrap_or_default();
    let target = String::from_utf8_lossy(&target).into_owned();
    let folder = path.parent().unwrap_or_else(TreePath::root);
    folder
        .resolve(&target)
        .map_err(|cause| ArchiveError::Link { path: name, cause })?;
    Ok(tree.add_symlink(path, &target)?)
}

fn add_file(
    tree: &mut MemoryTree,
    entry: &mut tar::Entry<'_, impl Read>,
    name: &str,
    path: &TreePath,
    limits: &ArchiveLimits,
) -> Result<(), ArchiveError> {
    let size_bytes = entry.size();
    if size_bytes > limits.max_file_bytes {
        let place = format!(" in the file {name:?}");
        return Err(over("bytes", limits.max_file_bytes, place));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(broken_or_over)?;
    if content.len() as u64 != size_bytes {
        return Err(ArchiveError::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    let executable = entry.header().mode().map_err(ArchiveError::Broken)? & 0o111 != 0;
    if executable {
        tree.add_executable(path, Bytes::from(content))?;
    } else {
        tree.add_file(path, Bytes::from(content))?;
    }
    Ok(())
}

fn forbidden_kind(kind: tar::EntryType) -> Option<&'static str> {
    if kind.is_file() || kind.is_dir() || kind.is_symlink() {
        None
    } else if kind.is_hard_link() {
        Some("a hard link")
    } else {
        Some("a special file")
    }
}

/// Reads to the end, so that checksums are verified and a long tail counts.
fn drain(mut rest: impl Read) -> Result<(), ArchiveError> {
    io::copy(&mut rest, &mut io::sink()).map_err(broken_or_over)?;
    Ok(())
}

/// Counts what comes out of the decompressor and stops it when it is too much.
struct Metered<R> {
    inner: R,
    unpacked_bytes: u64,
    allowed_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("more than {allowed_bytes} bytes unpacked")]
struct TooMuch {
    allowed_bytes: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.unpacked_bytes += count as u64;
        if self.unpacked_bytes > self.allowed_bytes {
            let allowed_bytes = self.allowed_bytes;
            return Err(io::Error::other(TooMuch { allowed_bytes }));
        }
        Ok(count)
    }
}

fn broken_or_over(error: io::Error) -> ArchiveError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(too_much) = inner.downcast_ref::<TooMuch>() {
            return over("bytes when unpacked", too_much.allowed_bytes, String::new());
        }
        // An `io::Error` hides what it wraps from `source`.
        let wrapped = inner
            .downcast_ref::<io::Error>()
            .and_then(|inner| inner.get_ref())
            .map(|inner| inner as &(dyn std::error::Error + 'static));
        cause = wrapped.or_else(|| inner.source());
    }
    ArchiveError::Broken(error)
}

fn over(what: &'static str, limit: u64, place: String) -> ArchiveError {
    ArchiveError::OverLimit { what, limit, place }
}
