//! YAML as Go's libraries read and write it, with positions and limits.
//!
//! Floor 1: knows nothing of Kubernetes. Syntax follows libyaml as Go has it;
//! what scalars mean, and how trees are written, follows `sigs.k8s.io/yaml`.

mod emit;
mod error;
mod load;
mod node;
mod scalar;
mod source;
mod syntax;

pub use emit::{Emit, View, emit, emit_behind};
pub use error::YamlError;
pub use load::{
    Booleans, DuplicateKeys, LoadOptions, MAX_ALIASED_NODES, MAX_BYTES, MAX_DEPTH, MAX_DOCUMENTS,
    MAX_NODES, parse, parse_first, parse_with,
};
pub use node::{Content, Document, Duplicate, Entry, Node};
pub use source::{
    SourceContent, SourceDocument, SourceNode, SourceOptions, SourcePart, read_source,
    read_source_parts,
};
pub use syntax::ScalarStyle;
