//! One resource on its way through a build.

use crate::id::{Gvk, ResourceId};
use crate::node::Node;
use std::sync::Arc;
use trueup_object::{Position, Text};

/// What a generator does with a resource that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

/// Where a resource came from, as `buildMetadata` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub path: Text,
    /// The repository elsewhere that the path is in; empty for the source.
    pub repository: Text,
    pub reference: Text,
    pub configured_in: Text,
    /// The kind and name of the plugin that made or changed the resource.
    pub configured_by: Option<ResourceId>,
}

/// One resource and what happened to it so far.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// The object; an empty map once a patch deleted it.
    pub node: Node,
    /// Where it was read; generated ones stand where they are asked for.
    pub position: Position,
    /// The ids that it had before, the first one first; namespaces are
    /// effective ones.
    pub previous: Vec<ResourceId>,
    pub prefixes: Vec<Text>,
    pub suffixes: Vec<Text>,
    pub behavior: Behavior,
    pub needs_hash: bool,
    pub may_change_name: bool,
    pub may_change_kind: bool,
    /// Who refers to it by name.
    pub referred_by: Vec<ResourceId>,
    /// The variables that take a value from it.
    pub variables: Vec<Text>,
    pub origin: Option<Arc<Origin>>,
    /// What transformed it, for `transformerAnnotations`.
    pub transformed_by: Vec<Arc<Origin>>,
}

impl Resource {
    pub fn new(node: Node, position: Position) -> Self {
        Self {
            node,
            position,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Unspecified,
            needs_hash: false,
            may_change_name: false,
            may_change_kind: false,
            referred_by: Vec::new(),
            variables: Vec::new(),
            origin: None,
            transformed_by: Vec::new(),
        }
    }

    pub fn id(&self) -> ResourceId {
        ResourceId::of(&self.node)
    }

    pub fn gvk(&self) -> Gvk {
        Gvk::of(&self.node)
    }

    pub fn kind(&self) -> &str {
        self.node.text_at(&["kind"])
    }

    pub fn name(&self) -> &str {
        self.node.text_at(&["metadata", "name"])
    }

    pub fn namespace(&self) -> &str {
        self.node.text_at(&["metadata", "namespace"])
    }

    /// The id that it was read with.
    pub fn first_id(&self) -> ResourceId {
        self.previous.first().cloned().unwrap_or_else(|| self.id())
    }

    /// Keeps the present id among the previous ones.
    pub fn remember_id(&mut self) {
        let mut id = self.id();
        id.namespace = id.effective_namespace().into();
        self.previous.push(id);
    }

    /// Whether a patch left nothing of it.
    pub fn is_gone(&self) -> bool {
        self.node.is_nothing()
    }

    /// The text of a label or annotation; `place` is `labels` or
    /// `annotations`.
    pub fn metadata_text(&self, place: &str, key: &str) -> Option<&str> {
        self.node.at(&["metadata", place, key])?.text()
    }

    /// Sets a label or annotation.
    pub fn set_metadata_text(&mut self, place: &str, key: &str, text: &str) {
        self.node
            .set_at(&["metadata", place, key], Node::string(text));
    }

    /// Removes a label or annotation, and the map once it is empty.
    pub fn remove_metadata_text(&mut self, place: &str, key: &str) {
        self.node.remove_at(&["metadata", place, key]);
        let map = self.node.at(&["metadata", place]);
        if map.and_then(Node::as_map).is_some_and(|map| map.is_empty()) {
            self.node.remove_at(&["metadata", place]);
        }
    }
}
