//! A folder of this machine as a tree, for the command line: what it holds is
//! read when it is asked for.

use bytes::Bytes;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use trueup_artifact::{ContentId, Entry, FileTree, TreeError, TreePath};

/// A folder of this machine. Unlike other trees it may change while it is
/// read; links are reported, never followed, but a folder that was none when
/// it was first met is not looked at again.
#[derive(Clone, Debug)]
pub struct FolderTree {
    root: PathBuf,
    /// Folders that are no links, and have none above them.
    plain: Arc<Mutex<HashSet<TreePath>>>,
}

impl FolderTree {
    /// The tree below a folder.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            plain: Arc::default(),
        }
    }

    fn place(&self, path: &TreePath) -> PathBuf {
        match path.is_root() {
            true => self.root.clone(),
            false => self.root.join(path.as_str()),
        }
    }

    /// Refuses a path that has links above it, naming the first of them.
    fn refuse_links_above(&self, path: &TreePath) -> Result<(), TreeError> {
        let mut plain = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unknown = Vec::new();
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| !plain.contains(folder)) {
            above = folder.parent();
            unknown.push(folder);
        }
        for folder in unknown.into_iter().rev() {
            if let Ok(target) = target_of(&self.root, &self.place(&folder)) {
                return Err(TreeError::Symlink {
                    path: folder,
                    target,
                });
            }
            plain.insert(folder);
        }
        Ok(())
    }
}

/// Files of a folder have no names for their content: each is taken to differ
/// from all others by its path, size and time of change.
fn identify(path: &Path, metadata: &std::fs::Metadata) -> ContentId {
    let changed = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    let text = format!("{}\0{}\0{changed}", path.display(), metadata.len());
    ContentId::Sha256(*trueup_artifact::Digest::of(text.as_bytes()).as_bytes())
}

fn entry_of(root: &Path, path: &Path, metadata: &std::fs::Metadata) -> std::io::Result<Entry> {
    if metadata.is_symlink() {
        let target = target_of(root, path)?;
        return Ok(Entry::Symlink { target });
    }
    if metadata.is_dir() {
        return Ok(Entry::Directory { id: None });
    }
    Ok(Entry::File {
        size_bytes: metadata.len(),
        executable: is_executable(metadata),
        id: identify(path, metadata),
    })
}

/// Where a link leads, seen from where it is. Trees know no absolute paths, so
/// one into the tree is told as a relative one.
fn target_of(root: &Path, link: &Path) -> std::io::Result<String> {
    let target = std::fs::read_link(link)?;
    let (Ok(inner), Ok(place)) = (target.strip_prefix(root), link.strip_prefix(root)) else {
        return Ok(target.to_string_lossy().into_owned());
    };
    let up = place.components().count().saturating_sub(1);
    Ok(format!("{}{}", "../".repeat(up), inner.display()))
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &std::fs::Metadata) -> bool {
    false
}

fn failed(path: &TreePath, error: &std::io::Error) -> TreeError {
    match error.kind() {
        ErrorKind::NotFound => TreeError::NotFound { path: path.clone() },
        ErrorKind::NotADirectory => TreeError::NotADirectory { path: path.clone() },
        ErrorKind::IsADirectory => TreeError::NotAFile { path: path.clone() },
        _ => TreeError::Broken {
            path: path.clone(),
            reason: error.to_string(),
        },
    }
}

impl FileTree for FolderTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.refuse_links_above(path)?;
        let place = self.place(path);
        let metadata = match std::fs::symlink_metadata(&place) {
            Ok(metadata) => metadata,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed(path, &error)),
        };
        entry_of(&self.root, &place, &metadata)
            .map(Some)
            .map_err(|error| failed(path, &error))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.refuse_links_above(path)?;
        let failed = |error: std::io::Error| failed(path, &error);
        let mut entries = Vec::new();
        for found in std::fs::read_dir(self.place(path)).map_err(failed)? {
            let found = found.map_err(failed)?;
            let name = found.file_name().to_string_lossy().into_owned();
            let place = found.path();
            let metadata = std::fs::symlink_metadata(&place).map_err(failed)?;
            entries.push((
                name,
                entry_of(&self.root, &place, &metadata).map_err(failed)?,
            ));
        }
        entries.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
        Ok(entries)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.refuse_links_above(path)?;
        let place = self.place(path);
        if let Ok(target) = target_of(&self.root, &place) {
            let path = path.clone();
            return Err(TreeError::Symlink { path, target });
        }
        std::fs::read(&place)
            .map(Bytes::from)
            .map_err(|error| failed(path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn files_and_folders_are_read_and_links_are_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b"), "text").unwrap();
        let tree = FolderTree::new(folder.path());
        assert_eq!(tree.read(&path("a/b")).unwrap(), "text");
        assert!(matches!(
            tree.entry(&path("a")),
            Ok(Some(Entry::Directory { .. }))
        ));
        assert_eq!(tree.entry(&path("a/b/c")), Ok(None));
        assert_eq!(tree.list(&path("a")).unwrap()[0].0, "b");
        assert!(matches!(
            tree.read(&path("gone")),
            Err(TreeError::NotFound { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_on_the_way_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b"), "text").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        let tree = FolderTree::new(folder.path());
        let wanted = TreeError::Symlink {
            path: path("link"),
            target: "a".to_owned(),
        };
        assert_eq!(tree.read(&path("link/b")), Err(wanted.clone()));
        assert_eq!(tree.entry(&path("link/b")), Err(wanted));
        assert!(matches!(
            tree.entry(&path("link")),
            Ok(Some(Entry::Symlink { .. }))
        ));
    }
}
