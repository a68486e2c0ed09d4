//! Names, tags and digests of images.

use super::visit_all;
use crate::BuildError;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::growth::Growth;
use crate::kustomization::ImageRule;
use crate::node::Node;
use crate::resources::Resources;
use trueup_gocompat::regexp::Regexp;

/// Changes images at the given places, and in every list called `containers`
/// or `initContainers`, however deep.
pub(crate) fn images(
    resources: &mut Resources,
    rules: &[ImageRule],
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    for rule in rules {
        let change = Change::new(rule, growth);
        for resource in resources.iter_mut() {
            if resource.kind() == "CustomResourceDefinition" {
                continue;
            }
            change.in_containers(&mut resource.node);
            growth.check().map_err(|message| BuildError::Transformer {
                position: resource.position.clone(),
                message: format!("{}: {message}", resource.id()),
            })?;
            visit_all(resource, specs, Make::Nothing, &mut |node| change.at(node))?;
        }
    }
    Ok(())
}

struct Change<'a> {
    rule: &'a ImageRule,
    pattern: Pattern,
    growth: &'a Growth,
}

/// Which images a rule means.
enum Pattern {
    /// Those whose name has these characters, a dot being any.
    Name,
    /// Those that fit a regular expression as a whole.
    Expression(Box<Regexp>),
    /// None: what was written is no regular expression.
    Nothing,
}

impl Pattern {
    fn new(name: &str) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_/.:@".contains(c);
        if name.chars().all(is_plain) {
            return Self::Name;
        }
        let tail = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?";
        match Regexp::compile(&format!("^{name}{tail}$")) {
            Ok(expression) => Self::Expression(Box::new(expression)),
            Err(_) => Self::Nothing,
        }
    }

    fn fits(&self, name: &str, image: &str) -> bool {
        match self {
            Self::Name => behind_name(name, image).is_some_and(is_tag_and_digest),
            Self::Expression(expression) => expression.is_match(image),
            Self::Nothing => false,
        }
    }
}

/// What stands behind the name in an image that has it.
fn behind_name<'a>(name: &str, image: &'a str) -> Option<&'a str> {
    let mut characters = image.chars();
    for wanted in name.chars() {
        let found = characters.next()?;
        let fits = found == wanted || (wanted == '.' && found != '\n');
        if !fits {
            return None;
        }
    }
    Some(characters.as_str())
}

/// Whether a text is a tag and a digest, as far as they are there.
fn is_tag_and_digest(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_.{}-".contains(c);
    let rest = match text.strip_prefix(':') {
        Some(tag) => tag.trim_start_matches(is_word),
        None => text,
    };
    match rest.strip_prefix("@sha256:") {
        Some(digest) => digest.chars().all(is_word),
        None => rest.is_empty(),
    }
}

impl<'a> Change<'a> {
    fn new(rule: &'a ImageRule, growth: &'a Growth) -> Self {
        Self {
            growth,
            pattern: Pattern::new(&rule.name),
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
        self.growth.check().map_err(WalkError::Refused)
    }

    fn change(&self, node: &mut Node) {
        let Node::Scalar(scalar) = node else { return };
        if self.pattern.fits(&self.rule.name, &scalar.text) {
            let changed = self.changed(&scalar.text);
            // Once too much is made nothing is added; the caller tells of it.
            if self
                .growth
                .add_difference(scalar.text.len(), changed.len())
                .is_ok()
            {
                node.write(&changed);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_fit_what_their_regular_expression_fits() {
        let images = [
            "app",
            "app:1",
            "app:1@sha256:ab",
            "app@sha256:",
            "app@sha256:a:b",
            "app@md5:1",
            "app:",
            "app:a/b",
            "apple",
            "a.b/app:1",
            "axb/app:1",
            "a\nb/app",
            "a\u{e9}b/app",
            "host:5000/app:1",
            "",
            ":1",
        ];
        for name in ["app", "a.b/app", "host:5000/app", "app:1", ""] {
            let tail = "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?";
            let expression = Regexp::compile(&format!("^{name}{tail}$")).unwrap();
            for image in images {
                let fits = Pattern::new(name).fits(name, image);
                assert_eq!(fits, expression.is_match(image), "{name:?} {image:?}");
            }
        }
        assert!(matches!(Pattern::new("ap+"), Pattern::Expression(_)));
        assert!(matches!(Pattern::new("a("), Pattern::Nothing));
    }
}
