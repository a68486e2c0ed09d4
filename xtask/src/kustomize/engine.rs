//! Builds in this process, from files on disk and from files in memory.

use super::cases::Case;
use crate::process::thread_cpu_s;
use bytes::Bytes;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use trueup_artifact::{Digest, Entry, FileTree, TreeError, TreePath};
use trueup_kustomize::{BuildOptions, LoadRestrictor, Order, build};
use trueup_source::FolderTree;

/// The fewest builds that are measured.
const MIN_BUILDS: usize = 3;

/// What a build took.
pub struct Built {
    /// Processor time in microseconds: the mean of all builds.
    pub cpu_us: f64,
    /// Elapsed time in microseconds: the median.
    pub wall_us: f64,
}

/// Builds a root of a tree once, to what is printed.
pub fn build_once(tree: &dyn FileTree, path: &TreePath, order: Order) -> Result<String, String> {
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        order,
        ..BuildOptions::default()
    };
    build(tree, path, None, &options)
        .and_then(|made| made.to_yaml())
        .map_err(|error| error.to_string())
}

/// Builds a case once, from files that were not looked at before.
pub fn once(case: &Case) -> Result<String, String> {
    let tree = FolderTree::new(&case.home);
    build_once(&tree, &case.path, case.order).map_err(|error| format!("{}: {error}", case.name))
}

/// The SHA-256 of what is printed, in hexadecimal.
pub fn digest(case: &Case) -> Result<String, String> {
    once(case).map(|text| Digest::of(text.as_bytes()).hex())
}

/// Builds a root again and again, each time from files on disk that were not
/// looked at before.
pub fn measure(case: &Case, seconds: f64) -> Result<Built, String> {
    once(case)?;
    repeat(seconds, || once(case))
}

/// The same from files in memory, as the controllers have them.
pub fn measure_in_memory(case: &Case, seconds: f64) -> Result<Built, String> {
    let tree = Remembered::new(FolderTree::new(&case.home));
    let build = || {
        build_once(&tree, &case.path, case.order).map_err(|error| format!("{}: {error}", case.name))
    };
    build()?;
    repeat(seconds, build)
}

/// Builds for so many seconds of processor time, and no longer than ten times
/// that by the clock. The system tells processor time only now and then, so it
/// is taken over all builds.
fn repeat(seconds: f64, build: impl Fn() -> Result<String, String>) -> Result<Built, String> {
    let mut wall_us = Vec::new();
    let before_s = thread_cpu_s();
    let mut taken_s = 0.0;
    let start = Instant::now();
    let has_time = |taken_s| taken_s < seconds && start.elapsed().as_secs_f64() < 10.0 * seconds;
    while wall_us.len() < MIN_BUILDS || has_time(taken_s) {
        let began = Instant::now();
        std::hint::black_box(build()?);
        wall_us.push(began.elapsed().as_secs_f64() * 1e6);
        taken_s = thread_cpu_s() - before_s;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of builds")]
    let builds = wall_us.len() as f64;
    Ok(Built {
        cpu_us: taken_s * 1e6 / builds,
        wall_us: crate::median(wall_us),
    })
}

type Answers<T> = Mutex<HashMap<TreePath, Result<T, TreeError>>>;

/// A tree whose answers are kept in memory.
#[derive(Debug)]
struct Remembered {
    tree: FolderTree,
    entries: Answers<Option<Entry>>,
    lists: Answers<Vec<(String, Entry)>>,
    files: Answers<Bytes>,
}

impl Remembered {
    fn new(tree: FolderTree) -> Self {
        Self {
            tree,
            entries: Mutex::default(),
            lists: Mutex::default(),
            files: Mutex::default(),
        }
    }
}

impl FileTree for Remembered {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        answer(&self.entries, path, || self.tree.entry(path))
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        answer(&self.lists, path, || self.tree.list(path))
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        answer(&self.files, path, || self.tree.read(path))
    }
}

fn answer<K: Clone + Eq + Hash, T: Clone>(
    answers: &Mutex<HashMap<K, T>>,
    key: &K,
    ask: impl FnOnce() -> T,
) -> T {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    answers.entry(key.clone()).or_insert_with(ask).clone()
}
