//! The file tree as an interface.

use std::fmt;

use bytes::Bytes;

use crate::TreePath;

/// How deep folders may lie in each other before a tree is refused.
pub const MAX_TREE_DEPTH: usize = 128;

/// Names content: two entries with the same id have the same content. The
/// reverse does not hold, since the same bytes may carry ids of two sorts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentId {
    /// A Git object (blob, tree or commit) by its SHA-1.
    Git([u8; 20]),
    /// A SHA-256 over the content.
    Sha256([u8; 32]),
}

impl fmt::Display for ContentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes): (_, &[u8]) = match self {
            ContentId::Git(bytes) => ("sha1", bytes),
            ContentId::Sha256(bytes) => ("sha256", bytes),
        };
        write!(formatter, "{name}:")?;
        bytes
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What stands at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its length.
        size_bytes: u64,
        /// Whether it may be executed.
        executable: bool,
        /// Names its bytes.
        id: ContentId,
    },
    /// A folder.
    Directory {
        /// Names everything below it, names and modes included; `None` where
        /// the tree cannot tell without reading it all.
        id: Option<ContentId>,
    },
    /// A symbolic link. Trees never follow links: whoever reads decides.
    Symlink {
        /// Where it points, as it was written.
        target: String,
    },
}

/// Why a tree did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nothing is there.
    #[error("{path}: no such file or folder")]
    NotFound {
        /// The path asked for.
        path: TreePath,
    },
    /// A folder was read as a file.
    #[error("{path}: is a folder, expected a file")]
    NotAFile {
        /// The path asked for.
        path: TreePath,
    },
    /// A file was listed, or has a path below it.
    #[error("{path}: is not a folder")]
    NotADirectory {
        /// The path of the file.
        path: TreePath,
    },
    /// A symbolic link stands at or on the way to the path.
    #[error("{path}: is a symbolic link to {target:?}, and links are not followed")]
    Symlink {
        /// The path of the link.
        path: TreePath,
        /// Where it points, as it was written.
        target: String,
    },
    /// A file or the tree exceeds a named limit.
    #[error("{path}: {what} is {actual}, more than the limit of {limit}")]
    OverLimit {
        /// Where.
        path: TreePath,
        /// What was counted, with its unit: `size in bytes`.
        what: &'static str,
        /// How much there is.
        actual: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The store behind the tree lacks a piece or holds a broken one.
    #[error("{path}: cannot be read from the store: {reason}")]
    Broken {
        /// Where.
        path: TreePath,
        /// The cause.
        reason: String,
    },
}

/// A tree of files, immutable: the same question always has the same answer.
/// Cheap to ask; a tree in a Git object database reads what is asked for and
/// nothing else.
pub trait FileTree: Send + Sync + fmt::Debug {
    /// What stands at `path`; `None` if nothing does. The root is a directory.
    /// A link on the way is [`TreeError::Symlink`] naming the link; a file on
    /// the way means that nothing is there.
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError>;

    /// The entries of the folder at `path`, sorted by the bytes of their names.
    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError>;

    /// The bytes of the file at `path`.
    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError>;

    /// The same for a file that a list of this very tree has shown: whether
    /// the tree shows it is not asked again.
    fn read_listed(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.read(path)
    }
}

/// Calls `visit` for everything below `folder` in the order of an archive: by
/// the bytes of the names, a folder before its content. The folder itself is
/// not visited. A failure of `visit` ends the walk.
pub fn walk<E: From<TreeError>>(
    tree: &dyn FileTree,
    folder: &TreePath,
    visit: &mut dyn FnMut(&TreePath, &Entry) -> Result<(), E>,
) -> Result<(), E> {
    if folder.segments().count() > MAX_TREE_DEPTH {
        return Err(E::from(TreeError::OverLimit {
            path: folder.clone(),
            what: "depth of folders",
            actual: folder.segments().count() as u64,
            limit: MAX_TREE_DEPTH as u64,
        }));
    }
    for (name, entry) in tree.list(folder)? {
        let Some(path) = folder.child(&name) else {
            return Err(E::from(TreeError::Broken {
                path: folder.clone(),
                reason: format!("{name:?} is not a file name"),
            }));
        };
        visit(&path, &entry)?;
        if matches!(entry, Entry::Directory { .. }) {
            walk(tree, &path, visit)?;
        }
    }
    Ok(())
}
