//! What a push changed.

use std::collections::BTreeMap;

/// Names of references and the objects they point at.
pub(crate) type Refs = BTreeMap<String, String>;

/// References of a repository moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The name of the repository.
    pub repository: String,
    /// What moved, in order of names; never empty.
    pub refs: Vec<RefUpdate>,
}

/// One reference before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// The object before; `None` if the reference is new.
    pub old: Option<String>,
    /// The object now; `None` if the reference was deleted.
    pub new: Option<String>,
}

/// What differs between two states, in order of names.
pub(crate) fn difference(before: &Refs, after: &Refs) -> Vec<RefUpdate> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let update = |name: &String| RefUpdate {
        name: name.clone(),
        old: before.get(name).cloned(),
        new: after.get(name).cloned(),
    };
    names
        .into_iter()
        .map(update)
        .filter(|update| update.old != update.new)
        .collect()
}
