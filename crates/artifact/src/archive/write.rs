//! Writing the canonical archive.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::{Digest, Digester, Entry, FileTree, TreeError, TreePath, walk};

/// Mode of folders in an archive.
const DIRECTORY_MODE: u32 = 0o750;
/// Mode of plain files in an archive.
const FILE_MODE: u32 = 0o600;
/// Mode of executable files in an archive.
const EXECUTABLE_MODE: u32 = 0o700;
/// The gzip header's "unknown operating system".
const UNKNOWN_OPERATING_SYSTEM: u8 = 255;
/// Fixed, since the digest of an archive depends on it.
const COMPRESSION_LEVEL: u32 = 6;

/// Why an archive was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteArchiveError {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The output could not be written.
    #[error("writing the archive failed: {0}")]
    Output(#[from] io::Error),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Over the compressed bytes.
    pub digest: Digest,
    /// Length of the compressed bytes.
    pub size_bytes: u64,
    /// How many files the archive holds.
    pub files: u64,
}

/// Writes the files and folders of `tree` as a gzipped tar, in Flux's shape:
/// names relative to the root, owners and times zero, folders 0750, files 0600
/// or 0700, a folder before its content and names in byte order; links are
/// dropped. The same tree always gives the same bytes.
pub fn write_archive(
    tree: &dyn FileTree,
    output: impl Write,
) -> Result<ArchiveSummary, WriteArchiveError> {
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(UNKNOWN_OPERATING_SYSTEM)
        .write(Digester::new(output), Compression::new(COMPRESSION_LEVEL));
    let mut builder = tar::Builder::new(gzip);
    let mut files = 0;
    append(&mut builder, ".", EntryType::Directory, DIRECTORY_MODE, &[])?;
    walk(tree, &TreePath::root(), &mut |path, entry| {
        files += u64::from(matches!(entry, Entry::File { .. }));
        append_entry(&mut builder, tree, path, entry)
    })?;
    let (mut output, digest, size_bytes) = builder.into_inner()?.finish()?.finish();
    output.flush()?;
    Ok(ArchiveSummary {
        digest,
        size_bytes,
        files,
    })
}

fn append_entry(
    builder: &mut tar::Builder<impl Write>,
    tree: &dyn FileTree,
    path: &TreePath,
    entry: &Entry,
) -> Result<(), WriteArchiveError> {
    match entry {
        Entry::Directory { .. } => append(
            builder,
            path.as_str(),
            EntryType::Directory,
            DIRECTORY_MODE,
            &[],
        )?,
        Entry::File { executable, .. } => {
            let mode = if *executable {
                EXECUTABLE_MODE
            } else {
                FILE_MODE
            };
            let content = tree.read(path)?;
            append(builder, path.as_str(), EntryType::Regular, mode, &content)?;
        }
        Entry::Symlink { .. } => {}
    }
    Ok(())
}

fn append(
    builder: &mut tar::Builder<impl Write>,
    name: &str,
    kind: EntryType,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    header.set_size(content.len() as u64);
    if !name.is_ascii() || header.set_path(name).is_err() {
        // What the header cannot hold goes into an extended one before it.
        builder.append_pax_extensions([("path", name.as_bytes())])?;
        header.set_path(shortened(name))?;
    }
    header.set_cksum();
    builder.append(&header, content)
}

/// A stand-in for readers without extended headers: the last 90 ASCII
/// characters of the name.
fn shortened(name: &str) -> String {
    const KEPT: usize = 90;
    let plain: String = name
        .rsplit('/')
        .next()
        .unwrap_or(name)
        .chars()
        .filter(|one| one.is_ascii_alphanumeric() || ".-_".contains(*one))
        .collect();
    let start = plain.len().saturating_sub(KEPT);
    format!("_{}", &plain[start..])
}
