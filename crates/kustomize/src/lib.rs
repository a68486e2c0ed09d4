//! A kustomization root built into manifests, as kustomize 5.8 builds it.
//!
//! Pure: the tree, the folder and the options are arguments; the same ones
//! make the same build. [`BuildError`] names the file and, for YAML, the line.
//! What lies elsewhere, in repositories, on web servers or in charts, is asked
//! for by [`BuildError::NeedsInput`] and given as [`Answers`]; [`Inputs`] say
//! what a build, also a failed one, has looked at.

mod accumulate;
mod additions;
mod build;
mod charts;
mod configuration;
mod elsewhere;
mod error;
mod field_path;
mod field_spec;
mod file;
mod files;
mod generate;
mod growth;
mod hash;
mod id;
mod inputs;
mod kustomization;
mod limits;
mod nearest;
mod needs;
mod node;
mod openapi;
mod order;
mod origin;
mod outside;
mod patch;
mod plugins;
mod read;
mod references;
mod remote;
mod replace;
mod resource;
mod resources;
mod select;
mod steps;
#[cfg(test)]
mod tests;
mod tracked;
mod transform;
mod vars;

pub use additions::{AddedImage, AddedPatch, Additions, MissingComponents, PatchTarget};
pub use build::{Build, BuildOptions, BuiltObject, Outcome, Root, build, build_tracked};
pub use charts::ChartInflation;
pub use error::BuildError;
pub use file::{FILE_NAMES, find_file};
pub use files::{LoadRestrictor, MAX_LINKS};
pub use inputs::{FetchedInput, FetchedState, Input, Inputs, inputs_unchanged};
pub use limits::{
    Limits, MAX_BUILT_BYTES, MAX_BUILT_OBJECT_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_NEEDS,
    MAX_OBJECTS, MAX_ROOT_DEPTH, MAX_TOTAL_BYTES,
};
pub use needs::{Answer, Answers, AskedNeed, Need};
pub use order::Order;
pub use remote::{DEFAULT_REMOTE_TIMEOUT_MS, RemoteError, RemoteRepository, RemoteRoot};
pub use tracked::TrackedTree;
