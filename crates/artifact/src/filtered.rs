//! A tree seen through ignore rules.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::ignore::child;
use crate::memory::id_bytes;
use crate::{ContentId, Entry, FileTree, IgnoreRules, TreeError, TreePath};

/// Another tree without what the rules leave out: what an artifact of it
/// holds, except that links stay visible. Ids of files are those of the inner
/// tree; ids of folders also stand for the rules that bear on them.
#[derive(Debug, Clone)]
pub struct FilteredTree {
    inner: Arc<dyn FileTree>,
    rules: IgnoreRules,
}

impl FilteredTree {
    /// `inner` without what `rules` leave out.
    pub fn new(inner: Arc<dyn FileTree>, rules: IgnoreRules) -> Self {
        FilteredTree { inner, rules }
    }

    /// `inner` under its own ignore files and `extra`, see
    /// [`IgnoreRules::load`].
    pub fn load(inner: Arc<dyn FileTree>, extra: Option<&str>) -> Result<Self, TreeError> {
        let rules = IgnoreRules::load(&*inner, extra)?;
        Ok(Self::new(inner, rules))
    }

    /// The rules in force.
    pub fn rules(&self) -> &IgnoreRules {
        &self.rules
    }

    /// The entry as seen through the rules, or `None` if it is left out. An
    /// excluded folder shows as far as something below was taken back in.
    fn seen(&self, path: &TreePath, entry: Entry) -> Result<Option<Entry>, TreeError> {
        match entry {
            Entry::Directory { id } => {
                let hidden = self.rules.excludes_directory(path)
                    && !(self.rules.re_includes() && self.shows_anything_below(path)?);
                let id = id.map(|id| self.folder_id(path, &id));
                Ok((!hidden).then_some(Entry::Directory { id }))
            }
            other => Ok((!self.rules.excludes_file(path)).then_some(other)),
        }
    }

    fn shows_anything_below(&self, folder: &TreePath) -> Result<bool, TreeError> {
        for (name, entry) in self.inner.list(folder)? {
            let path = child(folder, &name)?;
            let shows = match entry {
                Entry::Directory { .. } => {
                    !self.rules.excludes_directory(&path) || self.shows_anything_below(&path)?
                }
                _ => !self.rules.excludes_file(&path),
            };
            if shows {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn folder_id(&self, path: &TreePath, inner: &ContentId) -> ContentId {
        let mut hash = Sha256::new();
        hash.update(id_bytes(inner));
        hash.update(path.as_str().as_bytes());
        hash.update(b"\0");
        hash.update(self.rules.bearing_on(path).as_bytes());
        ContentId::Sha256(hash.finalize().into())
    }

    /// Fails for a path that the rules hide; a link on the way, or nothing
    /// there, is told by the inner tree.
    fn require_seen(&self, path: &TreePath) -> Result<(), TreeError> {
        match self.entry(path)? {
            Some(_) => Ok(()),
            None => Err(TreeError::NotFound { path: path.clone() }),
        }
    }
}

impl FileTree for FilteredTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match self.inner.entry(path)? {
            Some(entry) => self.seen(path, entry),
            None => Ok(None),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.require_seen(path)?;
        let mut seen = Vec::new();
        for (name, entry) in self.inner.list(path)? {
            if let Some(entry) = self.seen(&child(path, &name)?, entry)? {
                seen.push((name, entry));
            }
        }
        Ok(seen)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.require_seen(path)?;
        self.inner.read(path)
    }

    fn read_listed(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.inner.read_listed(path)
    }
}
