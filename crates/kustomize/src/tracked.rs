//! A tree that remembers what it was asked.

use crate::inputs::{Input, InputLog};
use bytes::Bytes;
use std::sync::Arc;
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};

/// Another tree, with a log of every answer. Clones share the log.
#[derive(Clone, Debug)]
pub struct TrackedTree<'a> {
    inner: &'a dyn FileTree,
    log: Arc<InputLog>,
}

impl<'a> TrackedTree<'a> {
    /// A tree of which nothing has been asked yet.
    #[must_use]
    pub fn new(inner: &'a dyn FileTree) -> Self {
        Self {
            inner,
            log: Arc::default(),
        }
    }

    /// The same as [`Self::new`], with a log that goes on.
    pub(crate) fn with_log(inner: &'a dyn FileTree, log: Arc<InputLog>) -> Self {
        Self { inner, log }
    }

    /// What was asked so far, sorted by path.
    #[must_use]
    pub fn inputs(&self) -> Vec<Input> {
        self.log.inputs()
    }
}

impl FileTree for TrackedTree<'_> {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let answer = self.inner.entry(path);
        match &answer {
            Ok(entry) => self.log.note_entry(path, entry.as_ref()),
            Err(TreeError::Symlink { path, target }) => {
                let target = target.clone();
                self.log.note_entry(path, Some(&Entry::Symlink { target }));
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
        // Its content is an input, also where nobody looked at its entry.
        if !self.log.has_file(path) {
            self.entry(path)?;
        }
        self.inner.read(path)
    }
}
