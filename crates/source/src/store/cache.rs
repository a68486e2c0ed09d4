//! Trees that were opened lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trueup_artifact::FileTree;

/// How many trees are kept open.
const MAX_TREES: usize = 64;

/// The trees last used, by path and digest of their archive; the newest last.
#[derive(Debug, Default)]
pub(super) struct TreeCache(Mutex<Vec<Cached>>);

#[derive(Debug)]
struct Cached {
    path: String,
    digest: String,
    tree: Arc<dyn FileTree>,
}

impl TreeCache {
    pub(super) fn get(&self, path: &str, digest: &str) -> Option<Arc<dyn FileTree>> {
        let mut cached = self.lock();
        let at = cached
            .iter()
            .position(|one| one.path == path && one.digest == digest)?;
        let found = cached.remove(at);
        let tree = found.tree.clone();
        cached.push(found);
        Some(tree)
    }

    pub(super) fn insert(&self, path: &str, digest: &str, tree: Arc<dyn FileTree>) {
        let mut cached = self.lock();
        cached.retain(|one| one.path != path);
        if cached.len() >= MAX_TREES {
            cached.remove(0);
        }
        cached.push(Cached {
            path: path.to_owned(),
            digest: digest.to_owned(),
            tree,
        });
    }

    pub(super) fn forget(&self, path: &str) {
        self.lock().retain(|one| one.path != path);
    }

    pub(super) fn forget_below(&self, folder: &str) {
        let prefix = format!("{folder}/");
        self.lock().retain(|one| !one.path.starts_with(&prefix));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Cached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
