//! A tree held in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::path::is_plain_name;
use crate::{ContentId, Entry, FileTree, PathError, TreeError, TreePath};

/// What an entry of a folder takes beside its content: name, node, and its
/// share of the folder's tree.
const ENTRY_BYTES: u64 = 256;

/// Why an entry could not be added to a [`MemoryTree`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryTreeError {
    /// The path is not one.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Something else stands at the path or on the way to it.
    #[error("{path}: stands twice in the tree, or lies below a file")]
    Occupied {
        /// The path of the entry.
        path: TreePath,
    },
}

#[derive(Clone)]
enum Node {
    File {
        content: Bytes,
        executable: bool,
        id: ContentId,
    },
    Symlink {
        target: String,
    },
    Directory(Arc<Folder>),
}

/// Contents may be secret and are long: a length will do.
impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::File { content, .. } => write!(formatter, "{} bytes", content.len()),
            Node::Symlink { target } => write!(formatter, "-> {target:?}"),
            Node::Directory(folder) => formatter.debug_map().entries(&folder.entries).finish(),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Folder {
    entries: BTreeMap<String, Node>,
}

/// A tree of files in memory, cheap to clone. Ids are SHA-256 over content,
/// for folders over names, modes and ids of what they hold.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    root: Arc<Folder>,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of plain files: pairs of path and content.
    pub fn from_files<P, C>(
        files: impl IntoIterator<Item = (P, C)>,
    ) -> Result<Self, MemoryTreeError>
    where
        P: AsRef<str>,
        C: Into<Bytes>,
    {
        let mut tree = Self::new();
        for (path, content) in files {
            tree.add_file(&TreePath::parse(path.as_ref())?, content.into())?;
        }
        Ok(tree)
    }

    /// Adds a plain file, making the folders on the way. An occupied path is
    /// refused.
    pub fn add_file(&mut self, path: &TreePath, content: Bytes) -> Result<(), MemoryTreeError> {
        self.add(path, file_node(content, false))
    }

    /// Adds an executable file, as [`MemoryTree::add_file`].
    pub fn add_executable(
        &mut self,
        path: &TreePath,
        content: Bytes,
    ) -> Result<(), MemoryTreeError> {
        self.add(path, file_node(content, true))
    }

    /// Adds a symbolic link, as [`MemoryTree::add_file`].
    pub fn add_symlink(&mut self, path: &TreePath, target: &str) -> Result<(), MemoryTreeError> {
        let target = target.to_owned();
        self.add(path, Node::Symlink { target })
    }

    /// Adds a folder; one that is there already is left as it is.
    pub fn add_directory(&mut self, path: &TreePath) -> Result<(), MemoryTreeError> {
        if matches!(self.entry(path), Ok(Some(Entry::Directory { .. }))) {
            return Ok(());
        }
        self.add(path, Node::Directory(Arc::default()))
    }

    /// Sets the content of a file, new or not; a folder is not replaced.
    pub fn write_file(&mut self, path: &TreePath, content: Bytes) -> Result<(), MemoryTreeError> {
        if !matches!(self.entry(path), Ok(Some(Entry::Directory { .. }))) {
            self.remove(path);
        }
        self.add_file(path, content)
    }

    /// Length of all files together.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        self.root.bytes(0)
    }

    /// About how much memory it takes: contents, names, and what each entry
    /// costs beside them.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.root.bytes(ENTRY_BYTES)
    }

    /// How many folders above a path are not there yet.
    #[must_use]
    pub fn missing_folders(&self, path: &TreePath) -> usize {
        let parent = path.parent().unwrap_or_else(TreePath::root);
        let mut folder = &self.root;
        let mut left = parent.segments().count();
        for segment in parent.segments() {
            let Some(Node::Directory(inner)) = folder.entries.get(segment) else {
                break;
            };
            folder = inner;
            left -= 1;
        }
        left
    }

    /// Removes what stands at the path, with everything below it; says whether
    /// something did. Folders that this empties stay.
    pub fn remove(&mut self, path: &TreePath) -> bool {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return false;
        };
        let mut folder = Arc::make_mut(&mut self.root);
        for segment in parent.segments() {
            match folder.entries.get_mut(segment) {
                Some(Node::Directory(inner)) => folder = Arc::make_mut(inner),
                _ => return false,
            }
        }
        folder.entries.remove(name).is_some()
    }

    fn add(&mut self, path: &TreePath, node: Node) -> Result<(), MemoryTreeError> {
        let occupied = || MemoryTreeError::Occupied { path: path.clone() };
        let (parent, name) = path.parent().zip(path.name()).ok_or_else(occupied)?;
        let mut folder = Arc::make_mut(&mut self.root);
        for segment in parent.segments() {
            let inner = folder
                .entries
                .entry(segment.to_owned())
                .or_insert_with(|| Node::Directory(Arc::default()));
            match inner {
                Node::Directory(inner) => folder = Arc::make_mut(inner),
                _ => return Err(occupied()),
            }
        }
        debug_assert!(is_plain_name(name));
        if folder.entries.contains_key(name) {
            return Err(occupied());
        }
        folder.entries.insert(name.to_owned(), node);
        Ok(())
    }

    fn find(&self, path: &TreePath) -> Result<Option<Found<'_>>, TreeError> {
        let mut found = Found::Folder(&self.root);
        let mut walked = TreePath::root();
        for segment in path.segments() {
            let folder = match found {
                Found::Folder(folder) => folder,
                Found::Node(Node::Symlink { target }) => {
                    let target = target.clone();
                    return Err(TreeError::Symlink {
                        path: walked,
                        target,
                    });
                }
                Found::Node(_) => return Ok(None),
            };
            found = match folder.entries.get(segment) {
                Some(Node::Directory(folder)) => Found::Folder(folder),
                Some(node) => Found::Node(node),
                None => return Ok(None),
            };
            walked = walked.child(segment).unwrap_or(walked);
        }
        Ok(Some(found))
    }
}

enum Found<'a> {
    Folder(&'a Folder),
    Node(&'a Node),
}

fn file_node(content: Bytes, executable: bool) -> Node {
    let id = ContentId::Sha256(Sha256::digest(&content).into());
    Node::File {
        content,
        executable,
        id,
    }
}

impl Folder {
    /// The lengths of all files, and so much more for each entry.
    fn bytes(&self, of_entry: u64) -> u64 {
        let bytes = |node: &Node| match node {
            Node::File { content, .. } => content.len() as u64,
            Node::Symlink { .. } => 0,
            Node::Directory(folder) => folder.bytes(of_entry),
        };
        let contents: u64 = self.entries.values().map(bytes).sum();
        contents + of_entry * self.entries.len() as u64
    }

    fn id(&self) -> ContentId {
        let mut hash = Sha256::new();
        for (name, node) in &self.entries {
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
            match node {
                Node::File { executable, id, .. } => {
                    hash.update(if *executable { b"x" } else { b"f" });
                    hash.update(id_bytes(id));
                }
                Node::Symlink { target } => {
                    hash.update(b"l");
                    hash.update(Sha256::digest(target.as_bytes()));
                }
                Node::Directory(folder) => {
                    hash.update(b"d");
                    hash.update(id_bytes(&folder.id()));
                }
            }
        }
        ContentId::Sha256(hash.finalize().into())
    }
}

pub(crate) fn id_bytes(id: &ContentId) -> &[u8] {
    match id {
        ContentId::Git(bytes) => bytes,
        ContentId::Sha256(bytes) => bytes,
    }
}

impl Node {
    fn entry(&self) -> Entry {
        match self {
            Node::File {
                content,
                executable,
                id,
            } => Entry::File {
                size_bytes: content.len() as u64,
                executable: *executable,
                id: *id,
            },
            Node::Symlink { target } => Entry::Symlink {
                target: target.clone(),
            },
            Node::Directory(folder) => Entry::Directory {
                id: Some(folder.id()),
            },
        }
    }
}

impl FileTree for MemoryTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(self.find(path)?.map(|found| match found {
            Found::Folder(folder) => Entry::Directory {
                id: Some(folder.id()),
            },
            Found::Node(node) => node.entry(),
        }))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let path = path.clone();
        match self.find(&path)? {
            Some(Found::Folder(folder)) => Ok(folder
                .entries
                .iter()
                .map(|(name, node)| (name.clone(), node.entry()))
                .collect()),
            Some(Found::Node(Node::Symlink { target })) => Err(TreeError::Symlink {
                path,
                target: target.clone(),
            }),
            Some(Found::Node(_)) => Err(TreeError::NotADirectory { path }),
            None => Err(TreeError::NotFound { path }),
        }
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let path = path.clone();
        match self.find(&path)? {
            Some(Found::Node(Node::File { content, .. })) => Ok(content.clone()),
            Some(Found::Node(Node::Symlink { target })) => Err(TreeError::Symlink {
                path,
                target: target.clone(),
            }),
            Some(_) => Err(TreeError::NotAFile { path }),
            None => Err(TreeError::NotFound { path }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn id(tree: &MemoryTree, at: &str) -> ContentId {
        match tree.entry(&path(at)).unwrap().unwrap() {
            Entry::File { id, .. } => id,
            Entry::Directory { id } => id.unwrap(),
            Entry::Symlink { .. } => panic!("link"),
        }
    }

    #[test]
    fn folder_ids_change_with_anything_below_and_with_nothing_else() {
        let one = MemoryTree::from_files([("a/b/x", "1"), ("c/y", "2")]).unwrap();
        let mut two = one.clone();
        two.write_file(&path("a/b/x"), "3".into()).unwrap();
        assert_ne!(id(&one, "a"), id(&two, "a"));
        assert_ne!(id(&one, ""), id(&two, ""));
        assert_eq!(id(&one, "c"), id(&two, "c"));
        two.write_file(&path("a/b/x"), "1".into()).unwrap();
        assert_eq!(id(&one, ""), id(&two, ""));
        two.remove(&path("a/b/x"));
        two.add_executable(&path("a/b/x"), "1".into()).unwrap();
        assert_ne!(id(&one, ""), id(&two, ""));
    }

    #[test]
    fn nothing_is_added_below_a_file_or_twice() {
        let mut tree = MemoryTree::from_files([("a", "1")]).unwrap();
        assert!(tree.add_file(&path("a/b"), "2".into()).is_err());
        assert!(tree.add_file(&path("a"), "2".into()).is_err());
        assert!(tree.add_file(&TreePath::root(), "2".into()).is_err());
        assert!(tree.add_directory(&path("d")).is_ok());
        assert!(tree.write_file(&path("d"), "2".into()).is_err());
    }

    #[test]
    fn links_are_named_and_never_followed() {
        let mut tree = MemoryTree::from_files([("real/x", "1")]).unwrap();
        tree.add_symlink(&path("link"), "real").unwrap();
        assert_eq!(
            tree.entry(&path("link")).unwrap(),
            Some(Entry::Symlink {
                target: "real".into()
            })
        );
        for answer in [
            tree.read(&path("link/x")).unwrap_err(),
            tree.list(&path("link")).unwrap_err(),
        ] {
            let expected = TreeError::Symlink {
                path: path("link"),
                target: "real".into(),
            };
            assert_eq!(answer, expected);
        }
    }

    #[test]
    fn lists_are_sorted_by_bytes_and_errors_name_the_path() {
        let tree =
            MemoryTree::from_files([("b", ""), ("a.b", ""), ("a/x", ""), ("B", "")]).unwrap();
        let names: Vec<_> = tree.list(&TreePath::root()).unwrap();
        let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["B", "a", "a.b", "b"]);
        assert!(matches!(
            tree.list(&path("b")),
            Err(TreeError::NotADirectory { .. })
        ));
        assert!(matches!(
            tree.read(&path("a")),
            Err(TreeError::NotAFile { .. })
        ));
        assert!(matches!(
            tree.read(&path("z")),
            Err(TreeError::NotFound { .. })
        ));
        assert_eq!(tree.entry(&path("b/c")).unwrap(), None);
    }
}
