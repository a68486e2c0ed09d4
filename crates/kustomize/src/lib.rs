//! A kustomization root built into manifests, as kustomize 5.8 builds it.
//!
//! Pure: the tree, the folder and the options are arguments; the same ones
//! make the same build. [`BuildError`] names the file and, for YAML, the line.

mod accumulate;
mod build;
mod configuration;
mod error;
mod field_path;
mod field_spec;
mod file;
mod files;
mod generate;
mod hash;
mod id;
mod kustomization;
mod limits;
mod nearest;
mod node;
mod openapi;
mod order;
mod origin;
mod patch;
mod plugins;
mod read;
mod references;
mod replace;
mod resource;
mod resources;
mod select;
mod steps;
#[cfg(test)]
mod tests;
mod transform;
mod vars;

pub use build::{Build, BuildOptions, build, build_resources};
pub use error::BuildError;
pub use file::{FILE_NAMES, find_file};
pub use files::{LoadRestrictor, MAX_LINKS};
pub use limits::{Limits, MAX_FILE_BYTES, MAX_FILES, MAX_OBJECTS, MAX_ROOT_DEPTH, MAX_TOTAL_BYTES};
pub use order::Order;
