//! A folder without a kustomization file: which files and folders Flux would
//! name in the one that it makes up.

use crate::{Diagnostic, RenderError};
use trueup_artifact::{Entry, FileTree, MAX_TREE_DEPTH, TreeError, TreePath};
use trueup_kustomize::find_file;
use trueup_object::Position;

/// All `*.yaml` and `*.yml` below a folder, in the order of their names;
/// folders with a kustomization file are taken as roots and not looked into.
/// Links within the source are passed over, as artifacts don't hold them;
/// one that leads out of it is an error.
pub(crate) fn scan(
    tree: &dyn FileTree,
    folder: &TreePath,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<TreePath>, RenderError> {
    let mut found = Vec::new();
    scan_folder(tree, folder, &mut found, diagnostics)?;
    Ok(found)
}

fn scan_folder(
    tree: &dyn FileTree,
    folder: &TreePath,
    found: &mut Vec<TreePath>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), RenderError> {
    let depth = folder.segments().count();
    if depth > MAX_TREE_DEPTH {
        let (actual, limit) = (depth as u64, MAX_TREE_DEPTH as u64);
        return Err(TreeError::OverLimit {
            path: folder.clone(),
            what: "depth of folders",
            actual,
            limit,
        }
        .into());
    }
    for (name, entry) in tree.list(folder)? {
        let Some(path) = folder.child(&name) else {
            continue;
        };
        match entry {
            Entry::File { .. } if is_manifest(&name) => found.push(path),
            Entry::File { .. } => {}
            Entry::Directory { .. } if find_file(tree, &path)?.is_some() => found.push(path),
            Entry::Directory { .. } => scan_folder(tree, &path, found, diagnostics)?,
            Entry::Symlink { target } => diagnostics.push(link(folder, path, target)?),
        }
    }
    Ok(())
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn link(folder: &TreePath, path: TreePath, target: String) -> Result<Diagnostic, RenderError> {
    if folder.resolve(&target).is_err() {
        return Err(RenderError::LinkOutside { path, target });
    }
    let position = Position {
        file: path.as_str().into(),
        line: 0,
    };
    Ok(Diagnostic {
        position,
        message: format!("symbolic link to {target:?} is passed over"),
    })
}
