//! The Kubernetes object as a value: one compact tree, names, references,
//! field paths, selectors, quantities, manifests.
//!
//! Floor 2: knows YAML, and nothing of types, clusters or files.

mod field_selector;
mod json;
mod json_walk;
mod manifest;
mod map;
mod mask;
pub mod names;
mod order;
mod path;
mod quantity;
mod reference;
mod selector;
mod sharing;
mod value;
mod yaml;

pub use ecow::{EcoString as Text, EcoVec};
pub use field_selector::{Comparison, FieldSelector, FieldTerm};
pub use json::{JsonError, MAX_JSON_DEPTH, decode, encode, from_json, to_json};
pub use json_walk::{JsonPlace, walk_json};
pub use manifest::{
    MAX_MANIFESTS, Manifest, ManifestError, ManifestLimits, Position, read_manifests,
};
pub use map::Map;
pub use mask::{MASK, hide_values};
pub use path::{FieldPath, Segment};
pub use quantity::{MAX_QUANTITY_DIGITS, Quantity, QuantityError, QuantityFormat};
pub use reference::{GroupKind, GroupVersionKind, ObjectRef};
pub use selector::{MAX_SELECTOR_BYTES, Operator, Requirement, Selector, SelectorError};
pub use trueup_yaml::YamlError;
pub use value::Value;
pub use yaml::{from_yaml, to_yaml};
