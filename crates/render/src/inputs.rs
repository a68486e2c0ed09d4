//! What a render depends on.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use trueup_artifact::{ContentId, Entry, FileTree, TreeError, TreePath};

/// One thing that a render looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file with this content.
    File {
        /// Where.
        path: TreePath,
        /// Its content.
        id: ContentId,
    },
    /// A folder that is there, whatever it holds.
    Folder {
        /// Where.
        path: TreePath,
    },
    /// A folder that holds these names; what they hold is another matter.
    Listing {
        /// Where.
        path: TreePath,
        /// Its content, where the tree knows it without reading.
        id: Option<ContentId>,
        /// The names in it, with the kind of each.
        names: [u8; 32],
    },
    /// A link with this target.
    Link {
        /// Where.
        path: TreePath,
        /// Where it points.
        target: String,
    },
    /// Nothing is there.
    Absent {
        /// Where it was looked for.
        path: TreePath,
    },
}

/// Whether a tree would answer everything as it did: if so a render of it
/// makes the same. Reads no file; lists a folder only where its id changed.
pub fn inputs_unchanged(tree: &dyn FileTree, inputs: &[Input]) -> Result<bool, TreeError> {
    for input in inputs {
        if !is_unchanged(tree, input)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_unchanged(tree: &dyn FileTree, input: &Input) -> Result<bool, TreeError> {
    Ok(match input {
        Input::File { path, id } => {
            matches!(look(tree, path)?, Some(Entry::File { id: now, .. }) if now == *id)
        }
        Input::Folder { path } => matches!(look(tree, path)?, Some(Entry::Directory { .. })),
        Input::Link { path, target } => {
            matches!(look(tree, path)?, Some(Entry::Symlink { target: now }) if now == *target)
        }
        Input::Absent { path } => look(tree, path)?.is_none(),
        Input::Listing { path, id, names } => match look(tree, path)? {
            Some(Entry::Directory { id: now }) => {
                (now.is_some() && now == *id) || fingerprint(&tree.list(path)?) == *names
            }
            _ => false,
        },
    })
}

/// What stands at a path, or the link on the way to it.
fn look(tree: &dyn FileTree, path: &TreePath) -> Result<Option<Entry>, TreeError> {
    match tree.entry(path) {
        Err(TreeError::Symlink { target, .. }) => Ok(Some(Entry::Symlink { target })),
        other => other,
    }
}

/// Names and kinds of a folder's entries; contents don't matter.
pub(crate) fn fingerprint(entries: &[(String, Entry)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (name, entry) in entries {
        let kind: &[u8] = match entry {
            Entry::File { .. } => b"file",
            Entry::Directory { .. } => b"folder",
            Entry::Symlink { target } => target.as_bytes(),
        };
        for part in [name.as_bytes(), kind] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update([u8::from(matches!(entry, Entry::Symlink { .. }))]);
    }
    hash.finalize().into()
}

/// Collects inputs, each path with the strongest thing said of it.
#[derive(Debug, Default)]
pub(crate) struct InputLog {
    entries: Mutex<BTreeMap<(TreePath, bool), Input>>,
}

impl InputLog {
    pub(crate) fn note_entry(&self, path: &TreePath, entry: Option<&Entry>) {
        let path = path.clone();
        self.note(
            false,
            path.clone(),
            match entry {
                None => Input::Absent { path },
                Some(Entry::File { id, .. }) => Input::File { path, id: *id },
                Some(Entry::Directory { .. }) => Input::Folder { path },
                Some(Entry::Symlink { target }) => Input::Link {
                    path,
                    target: target.clone(),
                },
            },
        );
    }

    pub(crate) fn note_listing(
        &self,
        path: &TreePath,
        id: Option<ContentId>,
        entries: &[(String, Entry)],
    ) {
        let input = Input::Listing {
            path: path.clone(),
            id,
            names: fingerprint(entries),
        };
        self.note(true, path.clone(), input);
    }

    fn note(&self, is_listing: bool, path: TreePath, input: Input) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert((path, is_listing), input);
    }

    pub(crate) fn into_inputs(self) -> Vec<Input> {
        self.entries
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_values()
            .collect()
    }
}
