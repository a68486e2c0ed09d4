//! Names that no folder of a commit may hold.

use trueup_artifact::TreePath;

/// Whether a name stands for Git's own folder, plainly or on a file system
/// that takes other texts for the same name. Whoever unpacks the files there
/// would overwrite what steers Git, so Git itself checks out none of them.
pub(crate) fn is_git_folder(name: &str) -> bool {
    is_git_folder_of_windows(name) || is_git_folder_of_macos(name)
}

/// Case doesn't matter, backslashes separate folders, a stream may follow, and
/// dots and spaces at the end don't count; `git~1` is the short name.
fn is_git_folder_of_windows(name: &str) -> bool {
    name.split('\\').any(|part| {
        let part = part.split(':').next().unwrap_or_default();
        let part = part.trim_end_matches([' ', '.']);
        [".git", "git~1"]
            .iter()
            .any(|folder| part.eq_ignore_ascii_case(folder))
    })
}

/// Case doesn't matter, and characters that show nothing are left out.
fn is_git_folder_of_macos(name: &str) -> bool {
    let shows_nothing = |one: char| {
        matches!(one,
            '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = name.chars().filter(|one| !shows_nothing(*one)).collect();
    shown.eq_ignore_ascii_case(".git")
}

/// The path of an entry of a folder; `None` where no folder may hold it.
pub(crate) fn entry_path(folder: &TreePath, name: &str) -> Option<TreePath> {
    folder.child(name).filter(|_| !is_git_folder(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_own_folder_is_known_in_every_disguise() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            ".git\\config",
            "a\\.git\\config",
            ".g\u{200c}it",
            "\u{feff}.GIT",
            ".git\u{202e}",
        ] {
            assert!(is_git_folder(name), "{name:?}");
        }
        for name in [
            ".github",
            ".gitignore",
            ".gitmodules",
            "git",
            "git~2",
            "a.git",
            ".git~1",
            "..git",
            "",
        ] {
            assert!(!is_git_folder(name), "{name:?}");
        }
    }
}
