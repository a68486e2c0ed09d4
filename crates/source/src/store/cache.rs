//! Trees that were opened lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trueup_artifact::{FileTree, MemoryTree};

/// How many trees are kept open.
const MAX_TREES: usize = 64;
/// How many bytes those of them may hold that lie in memory whole, unless one
/// alone is longer.
const MAX_TREE_BYTES: u64 = 256 << 20;

/// The trees last used, by path and digest of their archive; the newest last.
#[derive(Debug, Default)]
pub(super) struct TreeCache(Mutex<Vec<Cached>>);

#[derive(Debug)]
struct Cached {
    path: String,
    digest: String,
    opened: Opened,
}

/// A tree, and how much memory it takes by itself.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub tree: Arc<dyn FileTree>,
    /// 0 for one that is read from a mirror when asked.
    pub held_bytes: u64,
}

impl Opened {
    /// A tree that is read elsewhere when asked.
    pub(super) fn lazily(tree: Arc<dyn FileTree>) -> Self {
        Opened {
            tree,
            held_bytes: 0,
        }
    }

    /// A tree that lies in memory.
    pub(super) fn whole(tree: MemoryTree) -> Self {
        Opened {
            held_bytes: tree.held_bytes(),
            tree: Arc::new(tree),
        }
    }
}

impl TreeCache {
    pub(super) fn get(&self, path: &str, digest: &str) -> Option<Arc<dyn FileTree>> {
        let mut cached = self.lock();
        let at = cached
            .iter()
            .position(|one| one.path == path && one.digest == digest)?;
        let found = cached.remove(at);
        let tree = found.opened.tree.clone();
        cached.push(found);
        Some(tree)
    }

    pub(super) fn insert(&self, path: &str, digest: &str, opened: Opened) {
        let mut cached = self.lock();
        cached.retain(|one| one.path != path);
        cached.push(Cached {
            path: path.to_owned(),
            digest: digest.to_owned(),
            opened,
        });
        let held = |all: &[Cached]| all.iter().map(|one| one.opened.held_bytes).sum::<u64>();
        while cached.len() > MAX_TREES || (cached.len() > 1 && held(&cached) > MAX_TREE_BYTES) {
            cached.remove(0);
        }
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
