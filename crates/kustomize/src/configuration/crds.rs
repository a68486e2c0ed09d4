//! `crds`: OpenAPI definitions of custom resources, whose extensions tell
//! where names, labels and annotations stand.

use super::{Configuration, NameReference, add_all};
use crate::BuildError;
use crate::field_spec::FieldSpec;
use crate::file::first_document;
use crate::files::{FileName, file_position};
use crate::id::Gvk;
use trueup_object::{Position, Text};
use trueup_yaml::{Content, Node};

/// How deeply definitions may refer to each other.
const MAX_DEPTH: usize = 32;

const ANNOTATION: &str = "x-kubernetes-annotation";
const LABEL_SELECTOR: &str = "x-kubernetes-label-selector";
const IDENTITY: &str = "x-kubernetes-identity";
const REFERENCE_VERSION: &str = "x-kubernetes-object-ref-api-version";
const REFERENCE_KIND: &str = "x-kubernetes-object-ref-kind";
const REFERENCE_NAME_KEY: &str = "x-kubernetes-object-ref-name-key";

pub(super) fn read(name: &FileName, text: &str) -> Result<Configuration, BuildError> {
    let position = file_position(name);
    let document = first_document(&position, text)?;
    let mut configuration = Configuration::default();
    let Some(document) = document else {
        return Ok(configuration);
    };
    let Content::Map(definitions) = &document.content else {
        return Err(BuildError::BadFile {
            position,
            message: "expected a map of open API definitions".to_owned(),
        });
    };
    for definition in definitions {
        if !is_kubernetes_type(&definition.value) {
            continue;
        }
        let kind = definition.key.rsplit('.').next().unwrap_or_default();
        let mut places = Places {
            definitions: &document,
            gvk: Gvk {
                kind: kind.into(),
                ..Gvk::default()
            },
            found: &mut configuration,
        };
        places.definition(&definition.key, &mut Vec::new());
    }
    configuration.sort();
    Ok(configuration)
}

fn properties(definition: &Node) -> &[trueup_yaml::Entry] {
    match definition
        .at(&["Schema", "properties"])
        .map(|node| &node.content)
    {
        Some(Content::Map(entries)) => entries,
        _ => &[],
    }
}

fn is_kubernetes_type(definition: &Node) -> bool {
    ["kind", "apiVersion", "metadata"].iter().all(|name| {
        properties(definition)
            .iter()
            .any(|property| property.key == *name)
    })
}

/// The places of one kind, gathered over the definitions it refers to.
struct Places<'a> {
    definitions: &'a Node,
    gvk: Gvk,
    found: &'a mut Configuration,
}

impl Places<'_> {
    fn definition(&mut self, name: &str, path: &mut Vec<Text>) {
        let Some(definition) = self.definitions.get(name) else {
            return;
        };
        if path.len() >= MAX_DEPTH {
            return;
        }
        for property in properties(definition) {
            path.push(property.key.as_str().into());
            self.property(&property.value, path);
            if let Some(reference) = text(&property.value, "$ref") {
                self.definition(reference, path);
            }
            path.pop();
        }
    }

    fn property(&mut self, property: &Node, path: &[Text]) {
        let has = |name: &str| property.get(name).is_some();
        let spec = self.spec(path, None);
        // The same place can't be there with another `create`: none is made.
        if has(ANNOTATION) {
            let _ = add_all(&mut self.found.common_annotations, vec![spec.clone()]);
        }
        if has(LABEL_SELECTOR) {
            let _ = add_all(&mut self.found.common_labels, vec![spec.clone()]);
        }
        if has(IDENTITY) {
            let _ = add_all(&mut self.found.name_prefix, vec![spec]);
        }
        let (version, kind) = (
            text(property, REFERENCE_VERSION),
            text(property, REFERENCE_KIND),
        );
        if let (Some(version), Some(kind)) = (version, kind) {
            let key = text(property, REFERENCE_NAME_KEY).unwrap_or("name");
            let reference = NameReference {
                target: Gvk {
                    version: version.into(),
                    kind: kind.into(),
                    ..Gvk::default()
                },
                referrers: vec![self.spec(path, Some(key))],
            };
            let nowhere = Position::default();
            let _ = self.found.add_reference(reference, &nowhere);
        }
    }

    fn spec(&self, path: &[Text], last: Option<&str>) -> FieldSpec {
        let segments: Vec<&str> = path.iter().map(Text::as_str).chain(last).collect();
        FieldSpec {
            gvk: self.gvk.clone(),
            path: segments.join("/").into(),
            create: false,
        }
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &node.get(key)?.content {
        Content::String(text) => Some(text),
        _ => None,
    }
}
