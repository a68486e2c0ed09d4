//! Writing an archive with two threads: one reads the tree, the other
//! compresses. Of a large repository each is about half of the work, and all of
//! it stands between a push and what it changes.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use trueup_artifact::{ArchiveCompressor, ArchiveSummary, FileTree, WriteArchiveError, write_tar};

/// How much of the tar is passed on at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks the reading may be ahead.
const CHUNKS_AHEAD: usize = 16;

/// The same bytes and summary as [`trueup_artifact::write_archive`]. Where no
/// thread can be started, it is done on this one.
pub(super) fn write_archive(
    tree: &dyn FileTree,
    output: impl Write,
) -> Result<ArchiveSummary, WriteArchiveError> {
    thread::scope(|scope| {
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let read = move || {
            let chunks = BufWriter::with_capacity(CHUNK_BYTES, Chunks(sender));
            write_tar(tree, chunks)
        };
        let reader = thread::Builder::new().name("read-tree".to_owned());
        let Ok(reader) = reader.spawn_scoped(scope, read) else {
            return trueup_artifact::write_archive(tree, output);
        };
        let compressed = compress(&chunks, output);
        // A reader that still has something to say learns that nobody listens.
        drop(chunks);
        let read = reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A failed output is the cause of a reading that ended early.
        let compressor = compressed?;
        Ok(compressor.finish(read?)?)
    })
}

fn compress<W: Write>(chunks: &Receiver<Vec<u8>>, output: W) -> io::Result<ArchiveCompressor<W>> {
    let mut compressor = ArchiveCompressor::new(output);
    for chunk in chunks {
        compressor.write_all(&chunk)?;
    }
    Ok(compressor)
}

/// Passes on what is written.
struct Chunks(SyncSender<Vec<u8>>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.send(bytes.to_vec()).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_artifact::{Entry, MemoryTree, TreeError, TreePath};

    fn tree() -> MemoryTree {
        let files = (0..500).map(|number| {
            let content = format!("line {number}\n").repeat(number);
            (format!("folder-{}/file-{number}", number % 7), content)
        });
        MemoryTree::from_files(files).unwrap()
    }

    #[test]
    fn two_threads_write_the_same_archive_as_one() {
        let tree = tree();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let expected = trueup_artifact::write_archive(&tree, &mut one).unwrap();
        assert_eq!(write_archive(&tree, &mut two).unwrap(), expected);
        assert!(one == two, "the archives differ");
    }

    /// An output that takes a little and then fails.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_as_such_and_ends_the_reading() {
        match write_archive(&tree(), Full(4000)) {
            Err(WriteArchiveError::Output(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            }
            other => panic!("{other:?}"),
        }
    }

    /// A tree whose files can't be read.
    #[derive(Debug)]
    struct Broken(MemoryTree);

    impl FileTree for Broken {
        fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
            self.0.entry(path)
        }

        fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
            self.0.list(path)
        }

        fn read(&self, path: &TreePath) -> Result<bytes::Bytes, TreeError> {
            Err(TreeError::NotFound { path: path.clone() })
        }
    }

    #[test]
    fn a_tree_that_can_not_be_read_is_told_as_such() {
        let written = write_archive(&Broken(tree()), io::sink());
        assert!(matches!(
            written,
            Err(WriteArchiveError::Tree(TreeError::NotFound { .. }))
        ));
    }
}
