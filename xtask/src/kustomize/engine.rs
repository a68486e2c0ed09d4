//! Builds in this process, from files on disk.

use super::cases::Case;
use crate::process::thread_cpu_s;
use std::time::{Duration, Instant};
use trueup_artifact::{Digest, FileTree, TreePath};
use trueup_kustomize::{BuildOptions, LoadRestrictor, Order, build};
use trueup_source::FolderTree;

/// The fewest builds of which a median is told.
const MIN_BUILDS: usize = 3;

/// What a build took: medians.
pub struct Built {
    /// Processor time in microseconds.
    pub cpu_us: f64,
    /// Elapsed time in microseconds.
    pub wall_us: f64,
}

/// Builds a root of a tree once, to what is printed.
pub fn build_once(
    tree: &dyn FileTree,
    path: &TreePath,
    is_legacy_order: bool,
) -> Result<String, String> {
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        order: match is_legacy_order {
            true => Order::Legacy,
            false => Order::Fifo,
        },
        ..BuildOptions::default()
    };
    build(tree, path, None, &options)
        .and_then(|made| made.to_yaml())
        .map_err(|error| error.to_string())
}

/// Builds a case once, from files that were not looked at before.
pub fn once(case: &Case) -> Result<String, String> {
    let tree = FolderTree::new(&case.home);
    build_once(&tree, &case.path, case.is_legacy_order)
        .map_err(|error| format!("{}: {error}", case.name))
}

/// The SHA-256 of what is printed, in hexadecimal.
pub fn digest(case: &Case) -> Result<String, String> {
    once(case).map(|text| Digest::of(text.as_bytes()).hex())
}

/// Builds a root again and again, for so many seconds.
pub fn measure(case: &Case, seconds: f64) -> Result<Built, String> {
    once(case)?;
    let limit = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let (mut cpu_us, mut wall_us) = (Vec::new(), Vec::new());
    while wall_us.len() < MIN_BUILDS || start.elapsed() < limit {
        let (began, cpu_s) = (Instant::now(), thread_cpu_s());
        std::hint::black_box(once(case)?);
        wall_us.push(began.elapsed().as_secs_f64() * 1e6);
        cpu_us.push((thread_cpu_s() - cpu_s) * 1e6);
    }
    Ok(Built {
        cpu_us: crate::median(cpu_us),
        wall_us: crate::median(wall_us),
    })
}
