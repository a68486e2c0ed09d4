//! Names of repositories, which become folders below the root.

use std::path::{Path, PathBuf};

/// How long the name of a repository may be.
pub const MAX_REPOSITORY_NAME_BYTES: usize = 200;

/// Whether `name` can be the name of a repository: words parted by single
/// slashes, each of letters, digits, `-`, `_` and `.`, none starting with a
/// dot or ending in `.git` or `.lock`. Such a name can never leave the root.
#[must_use]
pub fn is_repository_name(name: &str) -> bool {
    name.len() <= MAX_REPOSITORY_NAME_BYTES && name.split('/').all(is_word)
}

fn is_word(word: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !word.is_empty()
        && !word.starts_with(['.', '-'])
        && !word.ends_with(".git")
        && !word.ends_with(".lock")
        && word.bytes().all(fits)
}

/// The folder of a repository: its name and `.git`.
pub(crate) fn folder(root: &Path, name: &str) -> PathBuf {
    root.join(format!("{name}.git"))
}
