//! The Kubernetes object as a value: one compact tree, names, references,
//! field paths, selectors, manifests.
//!
//! Floor 2: knows YAML, and nothing of types, clusters or files.

mod json;
mod map;
mod reference;
mod value;

pub use ecow::{EcoString as Text, EcoVec};
pub use json::{JsonError, MAX_JSON_DEPTH, decode, encode, from_json, to_json};
pub use map::Map;
pub use reference::{GroupKind, GroupVersionKind, ObjectRef};
pub use value::Value;
