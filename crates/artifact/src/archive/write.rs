//! Writing the canonical archive.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::{Digest, Digester, Entry, FileTree, TreeError, TreePath, walk};

/// Mode of folders in an archive.
const DIRECTORY_MODE: u32 = 0o750;
/// Mode of plain files in an archive.
const FILE_MODE: u32 = 0o600;
/// Mode of executable files in an archive.
const EXECUTABLE_MODE: u32 = 0o700;
/// Room for a name in a header.
const NAME_BYTES: usize = 100;
/// Room for the folders before a name in a header.
const PREFIX_BYTES: usize = 155;
/// The gzip header's "unknown operating system".
const UNKNOWN_OPERATING_SYSTEM: u8 = 255;
/// Fixed, since the digest of an archive depends on it.
const COMPRESSION_LEVEL: u32 = 6;
/// How much is compressed at once. Fixed, for the same reason.
const BLOCK_BYTES: usize = 64 << 10;

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
/// dropped. The same tree always gives the same bytes; unpacked they are those
/// of Go's `archive/tar`.
pub fn write_archive(
    tree: &dyn FileTree,
    output: impl Write,
) -> Result<ArchiveSummary, WriteArchiveError> {
    let mut compressor = ArchiveCompressor::new(output);
    let files = write_tar(tree, &mut compressor)?;
    Ok(compressor.finish(files)?)
}

/// The first half of [`write_archive`], which reads the tree: the tar itself.
/// Tells how many files it holds. A caller with a thread to spare passes what
/// comes out to an [`ArchiveCompressor`] on another.
pub fn write_tar(tree: &dyn FileTree, output: impl Write) -> Result<u64, WriteArchiveError> {
    let mut builder = tar::Builder::new(output);
    let mut files = 0;
    append(&mut builder, ".", EntryType::Directory, DIRECTORY_MODE, &[])?;
    walk(tree, &TreePath::root(), &mut |path, entry| {
        files += u64::from(matches!(entry, Entry::File { .. }));
        append_entry(&mut builder, tree, path, entry)
    })?;
    builder.into_inner()?.flush()?;
    Ok(files)
}

/// The second half of [`write_archive`]: compresses a tar and takes its digest.
/// What comes out does not depend on the pieces in which the tar comes in.
#[derive(Debug)]
pub struct ArchiveCompressor<W: Write> {
    gzip: GzEncoder<Digester<W>>,
    /// Compression looks ahead no further than what it was given, so it is given
    /// blocks of one length.
    block: Vec<u8>,
}

impl<W: Write> ArchiveCompressor<W> {
    /// A writer that compresses to `output`.
    pub fn new(output: W) -> Self {
        let gzip = GzBuilder::new()
            .mtime(0)
            .operating_system(UNKNOWN_OPERATING_SYSTEM)
            .write(Digester::new(output), Compression::new(COMPRESSION_LEVEL));
        ArchiveCompressor {
            gzip,
            block: Vec::with_capacity(BLOCK_BYTES),
        }
    }

    /// Ends the archive, of so many files, and flushes the output.
    pub fn finish(mut self, files: u64) -> io::Result<ArchiveSummary> {
        self.gzip.write_all(&self.block)?;
        let (mut output, digest, size_bytes) = self.gzip.finish()?.finish();
        output.flush()?;
        Ok(ArchiveSummary {
            digest,
            size_bytes,
            files,
        })
    }
}

impl<W: Write> Write for ArchiveCompressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK_BYTES {
            self.gzip.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(taken)
    }

    /// Does nothing: a flush in the middle would leave its mark in the archive.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
            let content = tree.read_listed(path)?;
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
    let mut header = blank_header(kind, content.len());
    header.set_mode(mode);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    match split_name(name) {
        Some((prefix, rest)) => {
            set_text(&mut header.as_old_mut().name, rest);
            if let Some(header) = header.as_ustar_mut() {
                set_text(&mut header.prefix, prefix);
            }
        }
        None => {
            append_long_name(builder, name)?;
            set_text(&mut header.as_old_mut().name, &ascii(name));
        }
    }
    set_checksum(&mut header)?;
    builder.append(&header, content)
}

/// What a header cannot hold goes into an extended one before it.
fn append_long_name(builder: &mut tar::Builder<impl Write>, name: &str) -> io::Result<()> {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let called = match folder {
        "" => format!("PaxHeaders.0/{file}"),
        folder => format!("{folder}/PaxHeaders.0/{file}"),
    };
    let record = extended_record("path", name);
    let mut header = blank_header(EntryType::XHeader, record.len());
    let called = ascii(&called);
    let cut = &called[..called.len().min(NAME_BYTES)];
    set_text(&mut header.as_old_mut().name, cut.trim_end_matches('/'));
    set_checksum(&mut header)?;
    builder.append(&header, record.as_bytes())
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn extended_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() > rest.to_string().len() {
        length += 1;
    }
    format!("{length} {key}={value}\n")
}

fn blank_header(kind: EntryType, size_bytes: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size_bytes as u64);
    header
}

/// The name in the two fields of a header, if it fits: ASCII, and if it is
/// long, parted at a slash.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME_BYTES {
        return Some(("", name));
    }
    let reach = name.len().min(PREFIX_BYTES + 1);
    let at = name[..reach].rfind('/')?;
    let (prefix, rest) = (&name[..at], &name[at + 1..]);
    let fits = !prefix.is_empty() && !rest.is_empty() && rest.len() <= NAME_BYTES;
    fits.then_some((prefix, rest))
}

fn ascii(name: &str) -> String {
    name.chars().filter(char::is_ascii).collect()
}

/// Fills a field, cutting what is too long.
fn set_text(field: &mut [u8], text: &str) {
    let length = text.len().min(field.len());
    field.fill(0);
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

/// Go writes six digits, a zero byte and a space.
fn set_checksum(header: &mut Header) -> io::Result<()> {
    header.set_cksum();
    let sum = format!("{:06o}\0 ", header.cksum()?);
    let header = header.as_old_mut();
    set_text(&mut header.cksum, &sum);
    Ok(())
}
