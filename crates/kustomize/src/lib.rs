//! A kustomization root built into manifests.
//!
//! First floor of the engine: `resources` and `namespace`. Every other field
//! is refused by name, so that a build is never less than what was asked for.
//!
//! Pure: the tree, the folder and the limits are arguments; the same ones
//! make the same build.

mod build;
mod duplicate;
mod error;
mod file;
mod limits;
mod namespace;
mod nearest;
#[cfg(test)]
mod tests;

pub use build::{Build, build, build_resources};
pub use error::BuildError;
pub use file::{FILE_NAMES, Kustomization, find_file, read_file};
pub use limits::{Limits, MAX_FILE_BYTES, MAX_FILES, MAX_OBJECTS, MAX_ROOT_DEPTH, MAX_TOTAL_BYTES};
