//! What a build depends on.

use crate::needs::{Answer, Answers, Need};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use trueup_artifact::{ContentId, Entry, FileTree, TreeError, TreePath};

/// Everything that a build depends on beside its options: the same inputs
/// make the same build, or the same failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What was looked at in the tree.
    pub source: Vec<Input>,
    /// What was fetched from elsewhere.
    pub fetched: Vec<FetchedInput>,
}

/// Something from elsewhere that a build used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedInput {
    /// What was asked for.
    pub need: Need,
    /// What came of it.
    pub state: FetchedState,
}

/// What came of a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchedState {
    /// A tree, and what was looked at in it.
    Tree(Vec<Input>),
    /// Bytes with this SHA-256.
    Bytes([u8; 32]),
    /// Nothing, and this is why.
    Failed(String),
}

/// One thing that a build looked at in a tree.
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

impl Inputs {
    /// Adds what was looked at in the tree beside the build.
    #[must_use]
    pub fn with_source(mut self, more: Vec<Input>) -> Self {
        let log = InputLog::default();
        for input in std::mem::take(&mut self.source).into_iter().chain(more) {
            log.note(input);
        }
        self.source = log.inputs();
        self
    }
}

impl Input {
    /// Where it was looked.
    #[must_use]
    pub fn path(&self) -> &TreePath {
        match self {
            Self::File { path, .. }
            | Self::Folder { path }
            | Self::Listing { path, .. }
            | Self::Link { path, .. }
            | Self::Absent { path } => path,
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => write!(formatter, "file {path}"),
            Self::Folder { path } => write!(formatter, "folder {path}"),
            Self::Listing { path, .. } => write!(formatter, "listing {path}"),
            Self::Link { path, target } => write!(formatter, "link {path} -> {target}"),
            Self::Absent { path } => write!(formatter, "absent {path}"),
        }
    }
}

/// Whether everything would be answered as it was: if so a build makes the
/// same. Reads no file; lists a folder only where its id changed. A need that
/// has no answer among `answers` counts as changed.
pub fn inputs_unchanged(
    tree: &dyn FileTree,
    answers: &Answers,
    inputs: &Inputs,
) -> Result<bool, TreeError> {
    if !tree_unchanged(tree, &inputs.source)? {
        return Ok(false);
    }
    for FetchedInput { need, state } in &inputs.fetched {
        let same = match (answers.get(need), state) {
            (Some(Answer::Tree(tree)), FetchedState::Tree(inputs)) => {
                tree_unchanged(tree.as_ref(), inputs)?
            }
            (Some(Answer::Bytes(bytes)), FetchedState::Bytes(digest)) => {
                Sha256::digest(bytes).as_slice() == digest
            }
            (Some(Answer::Failed(now)), FetchedState::Failed(before)) => now == before,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn tree_unchanged(tree: &dyn FileTree, inputs: &[Input]) -> Result<bool, TreeError> {
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
        self.note(match entry {
            None => Input::Absent { path },
            Some(Entry::File { id, .. }) => Input::File { path, id: *id },
            Some(Entry::Directory { .. }) => Input::Folder { path },
            Some(Entry::Symlink { target }) => Input::Link {
                path,
                target: target.clone(),
            },
        });
    }

    pub(crate) fn note_listing(
        &self,
        path: &TreePath,
        id: Option<ContentId>,
        entries: &[(String, Entry)],
    ) {
        self.note(Input::Listing {
            path: path.clone(),
            id,
            names: fingerprint(entries),
        });
    }

    /// Whether a path is known to be a file.
    pub(crate) fn has_file(&self, path: &TreePath) -> bool {
        let key = (path.clone(), false);
        matches!(self.entries().get(&key), Some(Input::File { .. }))
    }

    fn note(&self, input: Input) {
        let is_listing = matches!(input, Input::Listing { .. });
        self.entries()
            .insert((input.path().clone(), is_listing), input);
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<(TreePath, bool), Input>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was noted, sorted by path.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        self.entries().values().cloned().collect()
    }
}
