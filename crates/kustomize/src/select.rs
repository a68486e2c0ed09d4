//! Which resources a selector means.

use crate::kustomization::Selector;
use crate::node::Node;
use crate::resource::Resource;
use trueup_gocompat::regexp::Regexp;
use trueup_object::Selector as LabelSelector;

/// A selector whose patterns are compiled.
pub(crate) struct Matcher {
    group: Option<Regexp>,
    version: Option<Regexp>,
    kind: Option<Regexp>,
    name: Option<Regexp>,
    namespace: Option<Regexp>,
    labels: LabelSelector,
    annotations: LabelSelector,
}

impl Matcher {
    /// Compiles a selector; the error says which part can't be.
    pub fn new(selector: &Selector) -> Result<Self, String> {
        Ok(Self {
            group: pattern("group", &selector.group)?,
            version: pattern("version", &selector.version)?,
            kind: pattern("kind", &selector.kind)?,
            name: pattern("name", &selector.name)?,
            namespace: pattern("namespace", &selector.namespace)?,
            labels: labels("labelSelector", &selector.label_selector)?,
            annotations: labels("annotationSelector", &selector.annotation_selector)?,
        })
    }

    /// Whether a resource fits: name and namespace as they are or as they were
    /// read, everything else as it is.
    pub fn fits(&self, resource: &Resource) -> bool {
        if !fits(&self.kind, resource.kind()) {
            return false;
        }
        let (now, first) = (resource.id(), resource.first_id());
        let gvk = &now.gvk;
        let either = |pattern: &Option<Regexp>, one: &str, other: &str| {
            fits(pattern, one) || fits(pattern, other)
        };
        either(
            &self.namespace,
            first.effective_namespace(),
            now.effective_namespace(),
        ) && either(&self.name, &first.name, &now.name)
            && fits(&self.group, &gvk.group)
            && fits(&self.version, &gvk.version)
            && holds(&self.labels, resource, "labels")
            && holds(&self.annotations, resource, "annotations")
    }

    /// Whether labels and annotations fit.
    pub fn fits_texts(&self, resource: &Resource) -> bool {
        holds(&self.labels, resource, "labels") && holds(&self.annotations, resource, "annotations")
    }

    /// Whether labels or annotations are asked for.
    pub fn has_texts(&self) -> bool {
        !(self.labels.is_everything() && self.annotations.is_everything())
    }

    /// Whether any part of an id is asked for.
    pub fn has_id(&self) -> bool {
        [
            &self.group,
            &self.version,
            &self.kind,
            &self.name,
            &self.namespace,
        ]
        .iter()
        .any(|pattern| pattern.is_some())
    }

    /// Whether an id fits, labels and annotations left aside.
    pub fn fits_id(&self, id: &crate::id::ResourceId) -> bool {
        fits(&self.namespace, &id.namespace)
            && fits(&self.name, &id.name)
            && fits(&self.group, &id.gvk.group)
            && fits(&self.version, &id.gvk.version)
            && fits(&self.kind, &id.gvk.kind)
    }
}

/// Patterns match the whole text, as kustomize anchors them.
fn pattern(field: &str, text: &str) -> Result<Option<Regexp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match Regexp::compile(&format!("^(?:{text})$")) {
        Ok(pattern) => Ok(Some(pattern)),
        Err(error) => Err(format!(
            "{field} {text:?} is no regular expression: {error}"
        )),
    }
}

fn labels(field: &str, text: &str) -> Result<LabelSelector, String> {
    LabelSelector::parse(text).map_err(|error| format!("{field} {text:?}: {error}"))
}

fn fits(pattern: &Option<Regexp>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_none_or(|pattern| pattern.is_match(text))
}

fn holds(selector: &LabelSelector, resource: &Resource, place: &str) -> bool {
    let texts = resource.node.at(&["metadata", place]);
    selector.matches_with(|key| texts?.get(key).and_then(Node::text))
}
