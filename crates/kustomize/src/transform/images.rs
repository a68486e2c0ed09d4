//! Names, tags and digests of images.

use super::visit_all;
use crate::BuildError;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::kustomization::ImageRule;
use crate::node::Node;
use crate::resources::Resources;
use regex::Regex;

/// Changes images at the given places, and in every list called `containers`
/// or `initContainers`, however deep.
pub(crate) fn images(
    resources: &mut Resources,
    rules: &[ImageRule],
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    for rule in rules {
        let change = Change::new(rule);
        for resource in resources.iter_mut() {
            if resource.kind() == "CustomResourceDefinition" {
                continue;
            }
            change.in_containers(&mut resource.node);
            visit_all(resource, specs, Make::Nothing, &mut |node| change.at(node))?;
        }
    }
    Ok(())
}

struct Change<'a> {
    rule: &'a ImageRule,
    /// Names that are no regular expression fit themselves alone.
    pattern: Option<Regex>,
}

impl<'a> Change<'a> {
    fn new(rule: &'a ImageRule) -> Self {
        let tail = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?";
        Self {
            pattern: Regex::new(&format!("^{}{tail}$", rule.name)).ok(),
            rule,
        }
    }

    fn in_containers(&self, node: &mut Node) {
        match node {
            Node::Map(map) => {
                for (key, value) in map.iter_mut() {
                    self.in_containers(value);
                    if matches!(key, "containers" | "initContainers") {
                        self.in_list(value);
                    }
                }
            }
            Node::List(items) => items.iter_mut().for_each(|item| self.in_containers(item)),
            Node::Scalar(_) => {}
        }
    }

    fn in_list(&self, node: &mut Node) {
        for item in node.as_list_mut().into_iter().flatten() {
            if let Some(image) = item.get_mut("image").filter(|image| !image.is_null()) {
                self.change(image);
            }
        }
    }

    fn at(&self, node: &mut Node) -> Result<(), WalkError> {
        if !matches!(node, Node::Scalar(_)) {
            let found = node.kind_name();
            return Err(WalkError::Refused(format!(
                "expected the name of an image, found {found}"
            )));
        }
        self.change(node);
        Ok(())
    }

    fn change(&self, node: &mut Node) {
        let Node::Scalar(scalar) = node else { return };
        let fits = |pattern: &Regex| pattern.is_match(&scalar.text);
        if self.pattern.as_ref().is_some_and(fits) {
            let changed = self.changed(&scalar.text);
            node.write(&changed);
        }
    }

    fn changed(&self, image: &str) -> String {
        let rule = self.rule;
        let (name, tag, digest) = split(image);
        let name = if rule.new_name.is_empty() {
            name
        } else {
            &rule.new_name
        };
        let (new_tag, new_digest) = (rule.new_tag.as_str(), rule.digest.as_str());
        let (tag, digest) = match (new_tag, new_digest, rule.tag_suffix.as_str()) {
            ("", "", "") => (tag.to_owned(), digest),
            ("", "", suffix) => (format!("{tag}{suffix}"), ""),
            (new_tag, new_digest, _) => (new_tag.to_owned(), new_digest),
        };
        let mut changed = name.to_owned();
        if !tag.is_empty() {
            changed = format!("{changed}:{tag}");
        }
        if !digest.is_empty() {
            changed = format!("{changed}@{digest}");
        }
        changed
    }
}

/// Name, tag and digest of an image; the port of a registry is part of the
/// name.
fn split(image: &str) -> (&str, &str, &str) {
    let host = image.find('/').unwrap_or(0);
    let find = |delimiter: char| image[host..].find(delimiter).map(|at| at + host);
    match (find(':'), find('@')) {
        (None, None) => (image, "", ""),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => {
            (&image[..colon], &image[colon + 1..at], &image[at + 1..])
        }
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
    }
}
