//! How lists are merged: the schemas that kustomize comes with, and those that
//! `openapi` fields bring.

use crate::BuildError;
use crate::files::{FileName, Files, file_position};
use crate::kustomization::KustomizationFile;
use crate::node::{Node, read_documents};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};
use trueup_yaml::SourceOptions;

/// The versions of Kubernetes whose schemas kustomize has.
const BUILTIN_VERSIONS: [&str; 1] = ["v1.21.2"];

/// Schemas of kinds, as far as strategic merge patches need them. The first
/// root that names some decides for the whole build.
#[derive(Clone, Debug)]
pub(crate) struct OpenApi {
    /// Those that a root brought; the builtin ones are read when they are
    /// first asked for.
    custom: Option<Arc<Schemas>>,
    is_chosen: bool,
}

/// Definitions by name, and the definition of each kind.
#[derive(Debug, Default)]
struct Schemas {
    definitions: HashMap<Text, Definition>,
    /// `apiVersion kind` → definition.
    kinds: HashMap<String, Text>,
}

/// The fields of a definition that matter.
type Definition = HashMap<Text, Field>;

#[derive(Clone, Debug, Default)]
struct Field {
    /// The definition of the value, or of the items of a list.
    definition: Option<Text>,
    /// The keys that tell items of a list apart where the list is merged;
    /// none where its items are texts.
    merge: Option<Arc<[Text]>>,
}

/// What is known of one place of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Schema<'a> {
    schemas: &'a Schemas,
    field: Field,
}

impl OpenApi {
    /// The schemas of Kubernetes 1.21, the only ones that kustomize has.
    pub fn builtin() -> Self {
        Self {
            custom: None,
            is_chosen: false,
        }
    }

    fn schemas(&self) -> &Schemas {
        static BUILTIN: OnceLock<Schemas> = OnceLock::new();
        match &self.custom {
            Some(schemas) => schemas,
            None => BUILTIN.get_or_init(builtin),
        }
    }

    /// The schemas that hold from this root on.
    pub fn of(
        files: &mut Files<'_>,
        folder: &TreePath,
        file: &KustomizationFile,
        before: &OpenApi,
    ) -> Result<Self, BuildError> {
        let field = |name: &str| {
            let mut pairs = file.openapi.iter();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let refused = |message: &str| BuildError::BadFile {
            position: file.position.clone(),
            message: message.to_owned(),
        };
        let text = match field("path") {
            Some(path) => Some(files.read_text(folder, path, &file.position)?),
            None => None,
        };
        if before.is_chosen {
            return Ok(before.clone());
        }
        match (text, field("version")) {
            (None, None) => Ok(before.clone()),
            (Some(_), Some(_)) => Err(refused(
                "openapi: builtin version and custom schema provided, cannot use both",
            )),
            (Some((path, text)), None) => Ok(Self {
                custom: Some(Arc::new(custom(&path, &text)?)),
                is_chosen: true,
            }),
            (None, Some(version)) if BUILTIN_VERSIONS.contains(&version.as_str()) => Ok(Self {
                is_chosen: true,
                ..Self::builtin()
            }),
            (None, Some(_)) => Err(refused(
                "openapi: the specified OpenAPI version is not built in",
            )),
        }
    }

    /// The schema of a kind.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        let schemas = self.schemas();
        let definition = schemas.kinds.get(&format!("{api_version} {kind}"))?;
        Some(Schema {
            schemas,
            field: Field {
                definition: Some(definition.clone()),
                merge: None,
            },
        })
    }
}

impl<'a> Schema<'a> {
    /// The schema of a member.
    pub fn field(&self, name: &str) -> Option<Schema<'a>> {
        let definition = self.field.definition.as_ref()?;
        let field = self.schemas.definitions.get(definition)?.get(name)?;
        Some(Self {
            schemas: self.schemas,
            field: field.clone(),
        })
    }

    /// The schema of the items of a list.
    pub fn items(&self) -> Option<Schema<'a>> {
        let definition = self.field.definition.clone()?;
        Some(Self {
            schemas: self.schemas,
            field: Field {
                definition: Some(definition),
                merge: None,
            },
        })
    }

    /// The keys by which a list is merged, none of them where its items are
    /// texts; `None` where a list is replaced.
    pub fn merge_keys(&self) -> Option<Arc<[Text]>> {
        self.field.merge.clone()
    }
}

fn keys(text: &str) -> Arc<[Text]> {
    let keys = text.split(',').filter(|key| !key.is_empty());
    keys.map(Text::from).collect()
}

fn builtin() -> Schemas {
    let mut schemas = Schemas::default();
    let mut definition = Text::new();
    let lines = include_str!("../data/merge-keys.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let Some(row) = line.strip_prefix("  ") else {
            definition = line.into();
            continue;
        };
        let mut words = row.split(' ');
        let name = words.next().unwrap_or_default();
        if definition == "KINDS" {
            let (kind, of) = (words.next(), words.next());
            if let (Some(kind), Some(of)) = (kind, of) {
                schemas.kinds.insert(format!("{name} {kind}"), of.into());
            }
            continue;
        }
        let mut field = Field::default();
        for word in words {
            match word.split_once('=') {
                Some(("type", of)) => field.definition = Some(of.into()),
                Some(("merge", list)) => field.merge = Some(keys(list)),
                _ => {}
            }
        }
        let fields = schemas.definitions.entry(definition.clone()).or_default();
        fields.insert(name.into(), field);
    }
    schemas
}

/// The schemas of an OpenAPI document in JSON or YAML, over the builtin ones.
fn custom(name: &FileName, text: &str) -> Result<Schemas, BuildError> {
    let refused = |line: u32, message: String| BuildError::BadFile {
        position: Position {
            line,
            ..file_position(name)
        },
        message,
    };
    let documents = read_documents(text, &SourceOptions::default())
        .map_err(|error| refused(error.line, error.message))?;
    let Some((_, document)) = documents.into_iter().next() else {
        return Err(refused(
            0,
            "is empty, expected an OpenAPI document".to_owned(),
        ));
    };
    let Some(definitions) = document.get("definitions").and_then(Node::as_map) else {
        return Err(refused(0, "expected definitions of OpenAPI".to_owned()));
    };
    let mut schemas = builtin();
    for (name, definition) in definitions.iter() {
        let name: Text = name.into();
        add_definition(&mut schemas, &name, definition);
        let kinds = definition.get("x-kubernetes-group-version-kind");
        for kind in kinds.and_then(Node::as_list).unwrap_or_default() {
            let (group, version) = (kind.text_at(&["group"]), kind.text_at(&["version"]));
            let api_version = match group {
                "" => version.to_owned(),
                group => format!("{group}/{version}"),
            };
            let key = format!("{api_version} {}", kind.text_at(&["kind"]));
            schemas.kinds.insert(key, name.clone());
        }
    }
    Ok(schemas)
}

/// Adds a definition, and those that are written out inside of it under names
/// of their own.
fn add_definition(schemas: &mut Schemas, name: &Text, definition: &Node) {
    let mut fields = Definition::new();
    let properties = definition.get("properties").and_then(Node::as_map);
    for (field, property) in properties.into_iter().flat_map(|map| map.iter()) {
        let value = property.get("items").unwrap_or(property);
        let of = match value.get("$ref").and_then(Node::text) {
            Some(reference) => reference.rsplit('/').next().map(Text::from),
            None => value.get("properties").map(|_| {
                let inner: Text = format!("{name}/{field}").into();
                add_definition(schemas, &inner, value);
                inner
            }),
        };
        fields.insert(
            field.into(),
            Field {
                definition: of,
                merge: merge_of(property),
            },
        );
    }
    schemas.definitions.insert(name.clone(), fields);
}

fn merge_of(property: &Node) -> Option<Arc<[Text]>> {
    let strategy = property.text_at(&["x-kubernetes-patch-strategy"]);
    if !strategy.split(',').any(|word| word == "merge") {
        return None;
    }
    let listed = property.get("x-kubernetes-list-map-keys");
    if let Some(listed) = listed.and_then(Node::as_list) {
        return Some(
            listed
                .iter()
                .filter_map(Node::text)
                .map(Text::from)
                .collect(),
        );
    }
    let key = property.text_at(&["x-kubernetes-patch-merge-key"]);
    Some(keys(key))
}
