//! A commit's files, read out of the object database when asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gix_hash::ObjectId;
use gix_object::tree::EntryKind;
use gix_object::{Find as _, FindHeader as _, TreeRefIter};
use trueup_artifact::{ContentId, Entry, FileTree, TreeError, TreePath};

use super::names::entry_path;
use super::repository::Repository;
use crate::GitLimits;

/// How many entries of folders a repository remembers, the folders counted
/// along; then it forgets them all.
const MAX_REMEMBERED_ENTRIES: usize = 100_000;
/// A link's target longer than this is cut.
const MAX_LINK_BYTES: u64 = 4096;
/// A folder's own listing longer than this is refused.
const MAX_FOLDER_BYTES: u64 = 64 << 20;

/// Folders that were read, by the id of their Git tree: commits share them.
#[derive(Debug, Default)]
pub(crate) struct FolderCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    folders: HashMap<ObjectId, Arc<Folder>>,
    entries: usize,
}

#[derive(Debug)]
struct Folder {
    /// Sorted by name.
    entries: Vec<(String, Item)>,
}

#[derive(Debug, Clone)]
struct Item {
    id: ObjectId,
    entry: Entry,
    content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Blob,
    Tree,
    /// A submodule: an empty folder, as it is in a checkout that doesn't
    /// recurse.
    Elsewhere,
}

/// The files of one commit.
#[derive(Debug, Clone)]
pub(crate) struct GitTree {
    repository: Arc<Repository>,
    folders: Arc<FolderCache>,
    root: ObjectId,
    max_file_bytes: u64,
}

impl GitTree {
    pub(crate) fn new(
        repository: Arc<Repository>,
        folders: Arc<FolderCache>,
        root: ObjectId,
        limits: &GitLimits,
    ) -> Self {
        GitTree {
            repository,
            folders,
            root,
            max_file_bytes: limits.max_file_bytes,
        }
    }

    /// Whether reading found the mirror at fault, not the commit.
    pub(crate) fn blames_mirror(&self) -> bool {
        self.repository.is_suspect()
    }

    fn root_item(&self) -> Item {
        Item {
            id: self.root,
            entry: directory(&self.root),
            content: Content::Tree,
        }
    }

    fn find(&self, path: &TreePath) -> Result<Option<Item>, TreeError> {
        let mut item = self.root_item();
        let mut at = TreePath::root();
        for segment in path.segments() {
            match item.entry {
                Entry::Symlink { target } => return Err(TreeError::Symlink { path: at, target }),
                Entry::File { .. } => return Ok(None),
                Entry::Directory { .. } => {}
            }
            let folder = self.folder(&item, &at)?;
            let Ok(found) = folder
                .entries
                .binary_search_by(|(name, _)| name.as_str().cmp(segment))
            else {
                return Ok(None);
            };
            item = folder.entries[found].1.clone();
            at = at.child(segment).unwrap_or(at);
        }
        Ok(Some(item))
    }

    fn folder(&self, item: &Item, path: &TreePath) -> Result<Arc<Folder>, TreeError> {
        if item.content != Content::Tree {
            let entries = Vec::new();
            return Ok(Arc::new(Folder { entries }));
        }
        if let Some(folder) = self.folders.get(&item.id) {
            return Ok(folder);
        }
        let folder = Arc::new(self.read_folder(&item.id, path)?);
        self.folders.insert(item.id, folder.clone());
        Ok(folder)
    }

    fn read_folder(&self, id: &ObjectId, path: &TreePath) -> Result<Folder, TreeError> {
        let objects = self.repository.objects();
        self.size_within(id, path, "length of a folder in bytes", MAX_FOLDER_BYTES)?;
        let mut buffer = Vec::new();
        let data = self.object(&objects, id, path, &mut buffer)?;
        if data.kind != gix_object::Kind::Tree {
            return Err(self.broken(path, "a folder's object is no tree"));
        }
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(data.data, gix_hash::Kind::Sha1) {
            let entry = entry.map_err(|error| self.broken(path, error))?;
            let name = String::from_utf8_lossy(entry.filename).into_owned();
            let below = entry_path(path, &name).ok_or_else(|| {
                // The remote's fault, not the mirror's: starting afresh won't help.
                TreeError::Broken {
                    path: path.clone(),
                    reason: format!("the commit holds an entry with the forbidden name {name:?}"),
                }
            })?;
            let item = self.item(&objects, entry.oid.to_owned(), entry.mode.kind(), &below)?;
            entries.push((name, item));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        entries.dedup_by(|left, right| left.0 == right.0);
        Ok(Folder { entries })
    }

    fn item(
        &self,
        objects: &gix_odb::HandleArc,
        id: ObjectId,
        kind: EntryKind,
        path: &TreePath,
    ) -> Result<Item, TreeError> {
        let (entry, content) = match kind {
            EntryKind::Tree => (directory(&id), Content::Tree),
            EntryKind::Commit => (directory(&id), Content::Elsewhere),
            EntryKind::Link => {
                let target = self.link_target(objects, &id, path)?;
                (Entry::Symlink { target }, Content::Blob)
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let entry = Entry::File {
                    size_bytes: self.size(objects, &id, path)?,
                    executable: kind == EntryKind::BlobExecutable,
                    id: content_id(&id),
                };
                (entry, Content::Blob)
            }
        };
        Ok(Item { id, entry, content })
    }

    fn link_target(
        &self,
        objects: &gix_odb::HandleArc,
        id: &ObjectId,
        path: &TreePath,
    ) -> Result<String, TreeError> {
        if self.size(objects, id, path)? > MAX_LINK_BYTES {
            return Ok("(a target of more than 4096 bytes)".to_owned());
        }
        let mut buffer = Vec::new();
        let data = self.object(objects, id, path, &mut buffer)?;
        Ok(String::from_utf8_lossy(data.data).into_owned())
    }

    fn size(
        &self,
        objects: &gix_odb::HandleArc,
        id: &ObjectId,
        path: &TreePath,
    ) -> Result<u64, TreeError> {
        match objects.try_header(id) {
            Ok(Some(header)) => Ok(header.size),
            Ok(None) => Err(self.missing(path, id)),
            Err(error) => Err(self.broken(path, error)),
        }
    }

    fn size_within(
        &self,
        id: &ObjectId,
        path: &TreePath,
        what: &'static str,
        limit: u64,
    ) -> Result<(), TreeError> {
        let actual = self.size(&self.repository.objects(), id, path)?;
        if actual <= limit {
            return Ok(());
        }
        Err(TreeError::OverLimit {
            path: path.clone(),
            what,
            actual,
            limit,
        })
    }

    fn object<'a>(
        &self,
        objects: &gix_odb::HandleArc,
        id: &ObjectId,
        path: &TreePath,
        buffer: &'a mut Vec<u8>,
    ) -> Result<gix_object::Data<'a>, TreeError> {
        match objects.try_find(id, buffer) {
            Ok(Some(data)) => Ok(data),
            Ok(None) => Err(self.missing(path, id)),
            Err(error) => Err(self.broken(path, error)),
        }
    }

    fn missing(&self, path: &TreePath, id: &ObjectId) -> TreeError {
        self.broken(path, format!("the mirror lacks the object {id}"))
    }

    /// Something is wrong with the mirror, which the next fetch makes afresh.
    fn broken(&self, path: &TreePath, reason: impl std::fmt::Display) -> TreeError {
        self.repository.suspect();
        TreeError::Broken {
            path: path.clone(),
            reason: reason.to_string(),
        }
    }
}

impl FolderCache {
    fn get(&self, id: &ObjectId) -> Option<Arc<Folder>> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.folders.get(id).cloned()
    }

    fn insert(&self, id: ObjectId, folder: Arc<Folder>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = folder.entries.len() + 1;
        if remembered.entries + weight > MAX_REMEMBERED_ENTRIES {
            *remembered = Remembered::default();
        }
        // Two threads may have read the same folder.
        if remembered.folders.insert(id, folder).is_none() {
            remembered.entries += weight;
        }
    }
}

fn directory(id: &ObjectId) -> Entry {
    Entry::Directory {
        id: Some(content_id(id)),
    }
}

fn content_id(id: &ObjectId) -> ContentId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&id.as_bytes()[..20]);
    ContentId::Git(bytes)
}

impl FileTree for GitTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(self.find(path)?.map(|item| item.entry))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let path = path.clone();
        match self.find(&path)? {
            None => Err(TreeError::NotFound { path }),
            Some(item) => match item.entry {
                Entry::File { .. } => Err(TreeError::NotADirectory { path }),
                Entry::Symlink { target } => Err(TreeError::Symlink { path, target }),
                Entry::Directory { .. } => {
                    let folder = self.folder(&item, &path)?;
                    let entries = folder.entries.iter();
                    Ok(entries
                        .map(|(name, item)| (name.clone(), item.entry.clone()))
                        .collect())
                }
            },
        }
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let path = path.clone();
        let item = self
            .find(&path)?
            .ok_or_else(|| TreeError::NotFound { path: path.clone() })?;
        match item.entry {
            Entry::Directory { .. } => Err(TreeError::NotAFile { path }),
            Entry::Symlink { target } => Err(TreeError::Symlink { path, target }),
            Entry::File { size_bytes, .. } => {
                if size_bytes > self.max_file_bytes {
                    return Err(TreeError::OverLimit {
                        path,
                        what: "size of the file in bytes",
                        actual: size_bytes,
                        limit: self.max_file_bytes,
                    });
                }
                let objects = self.repository.objects();
                let mut buffer = Vec::new();
                self.object(&objects, &item.id, &path, &mut buffer)?;
                Ok(Bytes::from(buffer))
            }
        }
    }
}
