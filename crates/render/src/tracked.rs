//! A tree that remembers what it was asked.

use crate::inputs::InputLog;
use bytes::Bytes;
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};

/// Another tree, with a log of every answer.
#[derive(Debug)]
pub(crate) struct Tracked<'a> {
    inner: &'a dyn FileTree,
    log: &'a InputLog,
}

impl<'a> Tracked<'a> {
    pub(crate) fn new(inner: &'a dyn FileTree, log: &'a InputLog) -> Self {
        Self { inner, log }
    }
}

impl FileTree for Tracked<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let answer = self.inner.entry(path);
        match &answer {
            Ok(entry) => self.log.note_entry(path, entry.as_ref()),
            Err(TreeError::Symlink { path, target }) => {
                self.log.note_entry(
                    path,
                    Some(&Entry::Symlink {
                        target: target.clone(),
                    }),
                );
            }
            Err(_) => {}
        }
        answer
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let entries = self.inner.list(path)?;
        let id = match self.inner.entry(path)? {
            Some(Entry::Directory { id }) => id,
            _ => None,
        };
        self.log.note_listing(path, id, &entries);
        Ok(entries)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        // Whoever reads a file has looked at its entry; looking again costs
        // little and makes sure that its content is an input.
        self.entry(path)?;
        self.inner.read(path)
    }
}
