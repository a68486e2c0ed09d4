//! How much a build makes out of what it reads: a few lines of a kustomization
//! file can ask for more than any machine holds.

use crate::node::Node;
use crate::resources::Resources;
use crate::{BuildError, Limits};
use std::cell::Cell;
use trueup_object::Value;

/// What a value takes beside its text, in a list or as one side of an entry.
const NODE_BYTES: usize = size_of::<Node>();

/// Counts what transformers add to objects, over a whole build.
#[derive(Debug)]
pub(crate) struct Growth {
    made_bytes: Cell<u64>,
    limit: u64,
}

impl Growth {
    pub fn new(limits: &Limits) -> Self {
        Self {
            made_bytes: Cell::new(0),
            limit: limits.max_built_bytes,
        }
    }

    /// Counts bytes that are made; to be called before they are.
    pub fn add(&self, bytes: usize) -> Result<(), String> {
        let made_bytes = self.made_bytes.get().saturating_add(bytes as u64);
        self.made_bytes.set(made_bytes);
        self.check()
    }

    /// Counts what a value is larger than another.
    pub fn add_difference(&self, before: usize, after: usize) -> Result<(), String> {
        self.add(after.saturating_sub(before))
    }

    /// Whether the limit is kept so far.
    pub fn check(&self) -> Result<(), String> {
        if self.made_bytes.get() <= self.limit {
            return Ok(());
        }
        Err(format!(
            "the build makes more than {} bytes out of what it reads",
            self.limit
        ))
    }
}

/// How much a value takes, texts that are shared counted each time.
pub(crate) fn weight(node: &Node) -> usize {
    let inner: usize = match node {
        Node::Scalar(scalar) => scalar.text.len(),
        Node::List(items) => items.iter().map(weight).sum(),
        Node::Map(map) => map
            .iter()
            .map(|(key, value)| key.len() + NODE_BYTES + weight(value))
            .sum(),
    };
    inner + NODE_BYTES
}

/// The same for what a value would take as a tree of its own. Numbers count as
/// long as they may be.
pub(crate) fn weight_of_copy(value: &Value) -> usize {
    const NUMBER_BYTES: usize = 24;
    let inner: usize = match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(weight_of_copy).sum(),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| key.len() + NODE_BYTES + weight_of_copy(value))
            .sum(),
        _ => NUMBER_BYTES,
    };
    inner + NODE_BYTES
}

/// Whether the finished objects, each and all, are within the limits: texts
/// that stand once in memory are written out many times.
pub(crate) fn check_built(resources: &Resources, limits: &Limits) -> Result<(), BuildError> {
    let mut total_bytes = 0_u64;
    for resource in resources.iter() {
        let bytes = weight(&resource.node) as u64;
        total_bytes = total_bytes.saturating_add(bytes);
        let checks = [
            ("", bytes, limits.max_object_bytes),
            (" with all before it", total_bytes, limits.max_built_bytes),
        ];
        if let Some((which, actual, limit)) =
            checks.iter().find(|(_, actual, limit)| actual > limit)
        {
            return Err(BuildError::Transformer {
                position: resource.position.clone(),
                message: format!(
                    "{}{which} takes {actual} bytes when built, more than the limit of {limit}",
                    resource.id()
                ),
            });
        }
    }
    Ok(())
}
