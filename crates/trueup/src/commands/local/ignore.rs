//! `--ignore-paths`: a tree without the files that patterns leave out.

use bytes::Bytes;
use std::sync::Arc;
use trueup_artifact::{Entry, FileTree, FilteredTree, IgnoreRules, TreeError, TreePath};
use trueup_kustomize::find_file;
use trueup_object::{Value, from_yaml, to_yaml};
use trueup_source::FolderTree;

/// Lists in a kustomization file that lose what the patterns leave out, as in
/// flux.
const LISTS: [&str; 3] = ["resources", "components", "crds"];

/// All files of this machine, one folder of them seen through ignore rules.
#[derive(Debug)]
pub struct IgnoringTree {
    all: FolderTree,
    base: TreePath,
    below: FilteredTree,
    rewritten: Option<(TreePath, Bytes)>,
}

impl IgnoringTree {
    /// The tree with patterns in gitignore notation for a folder; its
    /// `.sourceignore` files count too.
    pub fn new(all: FolderTree, base: &TreePath, patterns: &[String]) -> Result<Self, TreeError> {
        let folder: Arc<dyn FileTree> = Arc::new(FolderTree::new(format!("/{}", base.as_str())));
        let rules = IgnoreRules::load(&*folder, Some(&patterns.join("\n")))?;
        let below = FilteredTree::new(folder, rules);
        let mut tree = Self {
            all,
            base: base.clone(),
            below,
            rewritten: None,
        };
        // A folder with several such files is refused by the build itself.
        if let Ok(Some(file)) = find_file(&tree.all, base) {
            tree.rewritten = tree.rewrite(&file)?.map(|bytes| (file, bytes));
        }
        Ok(tree)
    }

    /// The kustomization file without what is left out; `None` where it can't
    /// be read: the build tells why.
    fn rewrite(&self, file: &TreePath) -> Result<Option<Bytes>, TreeError> {
        let bytes = self.all.read(file)?;
        let Ok(mut root) = from_yaml(&String::from_utf8_lossy(&bytes)) else {
            return Ok(None);
        };
        for list in LISTS {
            let Some(items) = root.get(list).and_then(Value::as_list) else {
                continue;
            };
            let kept = items.iter().filter(|item| !self.leaves_out(item)).cloned();
            let kept: Value = kept.collect();
            root.set_at(&[list], kept);
        }
        Ok(Some(to_yaml(&root).into()))
    }

    fn leaves_out(&self, item: &Value) -> bool {
        let Some(path) = item
            .as_str()
            .and_then(|it| TreePath::root().resolve(it).ok())
        else {
            return false;
        };
        self.below.rules().excludes_file(&path) || self.below.rules().excludes_directory(&path)
    }

    /// A path seen from the folder; `None` outside it.
    fn inside(&self, path: &TreePath) -> Option<TreePath> {
        let rest = path.as_str().strip_prefix(self.base.as_str())?;
        TreePath::parse(rest.strip_prefix('/')?).ok()
    }
}

impl FileTree for IgnoringTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match self.inside(path) {
            Some(inside) => self.below.entry(&inside),
            None => self.all.entry(path),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        if *path == self.base {
            return self.below.list(&TreePath::root());
        }
        match self.inside(path) {
            Some(inside) => self.below.list(&inside),
            None => self.all.list(path),
        }
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match (&self.rewritten, self.inside(path)) {
            (Some((file, bytes)), _) if file == path => Ok(bytes.clone()),
            (_, Some(inside)) => self.below.read(&inside),
            (_, None) => self.all.read(path),
        }
    }
}
