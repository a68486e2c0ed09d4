//! Manifests as repositories keep them: files of several documents, lists of
//! objects, JSON.

use crate::names::{dns_label_errors, is_dns_1035_label, is_dns_subdomain, object_name_errors};
use crate::{GroupVersionKind, Map, ObjectRef, Text, Value, from_json};
use std::borrow::Cow;
use std::fmt;
use trueup_yaml::{Content, LoadOptions, Node, YamlError};

/// How many objects one file may hold, lists unfolded.
pub const MAX_MANIFESTS: usize = 100_000;

/// How deeply lists of objects may nest.
const MAX_LIST_DEPTH: usize = 8;

/// Where a manifest, or an error in one, stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The file, as the reader was told it.
    pub file: Text,
    /// The line, counted from 1; 0 where it is not known.
    pub line: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}", self.file),
            line => write!(formatter, "{}:{line}", self.file),
        }
    }
}

/// One object of a repository, with a kind and a valid name.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object.
    pub value: Value,
    /// Where it starts.
    pub position: Position,
}

/// Why a file holds no manifests that we take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct ManifestError {
    /// The file and line of the error.
    pub position: Position,
    /// The column, counted from 1; 0 where it is not known.
    pub column: u32,
    /// What was found and what was expected.
    pub message: String,
}

/// How much of a file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestLimits {
    /// Limits of the YAML text.
    pub yaml: LoadOptions,
    /// At most this many objects, lists unfolded.
    pub max_manifests: usize,
}

impl Default for ManifestLimits {
    fn default() -> Self {
        Self {
            yaml: LoadOptions::default(),
            max_manifests: MAX_MANIFESTS,
        }
    }
}

impl Manifest {
    /// Takes an object that was not read from YAML, after the same checks.
    pub fn new(value: Value, position: Position) -> Result<Self, ManifestError> {
        match check(&value) {
            Ok(()) => Ok(Self { value, position }),
            Err(fault) => Err(ManifestError {
                position,
                column: 0,
                message: fault.message,
            }),
        }
    }

    /// What the object is called. Its namespace is empty where the manifest
    /// names none, whether or not the kind has namespaces.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new(self.api_version(), self.kind()),
            namespace: self.namespace().into(),
            name: self.name().into(),
        }
    }

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.value.str_at(&["apiVersion"]).unwrap_or_default()
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.value.str_at(&["kind"]).unwrap_or_default()
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.value.str_at(&["metadata", "name"]).unwrap_or_default()
    }

    /// `metadata.namespace`, empty if there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.value
            .str_at(&["metadata", "namespace"])
            .unwrap_or_default()
    }

    /// `metadata.labels`, if there are any.
    #[must_use]
    pub fn labels(&self) -> Option<&Map> {
        self.value.at(&["metadata", "labels"])?.as_map()
    }

    /// `metadata.annotations`, if there are any.
    #[must_use]
    pub fn annotations(&self) -> Option<&Map> {
        self.value.at(&["metadata", "annotations"])?.as_map()
    }

    /// The value of one annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations()?.get(key)?.as_str()
    }
}

/// Reads every object of a file: all documents, empty ones skipped, `List`s
/// and lists of one kind unfolded. Each object must have an `apiVersion`, a
/// `kind` and a valid name; the error says where it does not. The same object
/// twice is no error here.
pub fn read_manifests(
    file: &str,
    bytes: &[u8],
    limits: &ManifestLimits,
) -> Result<Vec<Manifest>, ManifestError> {
    let mut reader = Reader {
        file: file.into(),
        limits,
        manifests: Vec::new(),
    };
    if let Some(value) = read_json(file, bytes, limits) {
        reader.object(value, &Places::Unknown, 0)?;
        return Ok(reader.manifests);
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| reader.not_utf8(bytes, error.valid_up_to()))?;
    let documents =
        trueup_yaml::parse_with(text, &limits.yaml).map_err(|error| reader.yaml_error(error))?;
    for document in documents {
        let places = Places::of(&document.root, 0);
        if !document.root.is_null() {
            reader.object(Value::from_yaml(document.root), &places, 0)?;
        }
    }
    Ok(reader.manifests)
}

/// JSON files are YAML too, but for a few texts, such as characters escaped
/// as surrogate pairs, that only JSON knows.
fn read_json(file: &str, bytes: &[u8], limits: &ManifestLimits) -> Option<Value> {
    if !file.ends_with(".json") || bytes.len() > limits.yaml.max_bytes {
        return None;
    }
    from_json(bytes).ok()
}

/// The lines of those parts of an object that errors point at.
#[derive(Clone, Debug)]
enum Places {
    /// From JSON, which keeps no lines.
    Unknown,
    Known {
        root: Place,
        fields: Vec<(&'static str, Place)>,
        items: Vec<Places>,
    },
}

/// Line and column, counted from 1.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    line: u32,
    column: u32,
}

impl Place {
    fn of(node: &Node) -> Self {
        Self {
            line: node.line,
            column: node.column,
        }
    }
}

/// Fields that are checked, and so pointed at.
const CHECKED_FIELDS: [(&str, &[&str]); 5] = [
    ("apiVersion", &["apiVersion"]),
    ("kind", &["kind"]),
    ("metadata", &["metadata"]),
    ("metadata.name", &["metadata", "name"]),
    ("metadata.namespace", &["metadata", "namespace"]),
];

impl Places {
    fn of(node: &Node, depth: usize) -> Self {
        let fields = CHECKED_FIELDS
            .iter()
            .filter_map(|(field, path)| node.at(path).map(|found| (*field, Place::of(found))))
            .collect();
        let items = match node.get("items").map(|items| &items.content) {
            Some(Content::List(items)) if depth < MAX_LIST_DEPTH => {
                items.iter().map(|item| Self::of(item, depth + 1)).collect()
            }
            _ => Vec::new(),
        };
        Self::Known {
            root: Place::of(node),
            fields,
            items,
        }
    }

    fn root(&self) -> Place {
        match self {
            Self::Unknown => Place::default(),
            Self::Known { root, .. } => *root,
        }
    }

    fn field(&self, wanted: &str) -> Place {
        match self {
            Self::Unknown => Place::default(),
            Self::Known { root, fields, .. } => fields
                .iter()
                .find(|(field, _)| *field == wanted)
                .map_or(*root, |(_, place)| *place),
        }
    }

    fn item(&self, index: usize) -> &Self {
        match self {
            Self::Known { items, .. } => items.get(index).unwrap_or(&Self::Unknown),
            Self::Unknown => self,
        }
    }
}

struct Reader<'a> {
    file: Text,
    limits: &'a ManifestLimits,
    manifests: Vec<Manifest>,
}

impl Reader<'_> {
    fn error(&self, place: Place, message: impl Into<String>) -> ManifestError {
        let position = Position {
            file: self.file.clone(),
            line: place.line,
        };
        ManifestError {
            position,
            column: place.column,
            message: message.into(),
        }
    }

    fn yaml_error(&self, error: YamlError) -> ManifestError {
        self.error(
            Place {
                line: error.line,
                column: error.column,
            },
            error.message,
        )
    }

    fn not_utf8(&self, bytes: &[u8], valid_bytes: usize) -> ManifestError {
        let lines = bytes[..valid_bytes]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let line = u32::try_from(lines).unwrap_or(u32::MAX);
        self.error(Place { line, column: 0 }, "expected UTF-8 text")
    }

    fn object(&mut self, value: Value, places: &Places, depth: usize) -> Result<(), ManifestError> {
        let Some(kind) = list_kind(&value) else {
            return self.single(value, places);
        };
        if depth == MAX_LIST_DEPTH {
            return Err(self.error(
                places.root(),
                format!("lists nested more than {MAX_LIST_DEPTH} deep"),
            ));
        }
        let api_version = value.str_at(&["apiVersion"]).unwrap_or_default().to_owned();
        let items = value
            .get("items")
            .and_then(Value::as_list)
            .unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let mut item = item.clone();
            complete_item(&mut item, &kind, &api_version);
            self.object(item, places.item(index), depth + 1)?;
        }
        Ok(())
    }

    fn single(&mut self, value: Value, places: &Places) -> Result<(), ManifestError> {
        check(&value).map_err(|fault| self.error(places.field(fault.field), fault.message))?;
        if self.manifests.len() == self.limits.max_manifests {
            let limit = self.limits.max_manifests;
            return Err(self.error(
                places.root(),
                format!("more than {limit} objects in one file"),
            ));
        }
        let position = Position {
            file: self.file.clone(),
            line: places.root().line,
        };
        self.manifests.push(Manifest { value, position });
        Ok(())
    }
}

/// The kind of the items if the value is a list of objects: empty for a
/// `List`, which holds any kind. A kind that merely ends in `List` is an
/// object like any other unless it has items.
fn list_kind(value: &Value) -> Option<Text> {
    let kind = value.str_at(&["kind"])?.strip_suffix("List")?;
    let items = value.get("items");
    let unfolds = match items {
        Some(Value::List(_)) => true,
        Some(Value::Null) | None => kind.is_empty() && value.str_at(&["apiVersion"]) == Some("v1"),
        Some(_) => false,
    };
    unfolds.then(|| kind.into())
}

/// Items of a list of one kind may leave out what the list says already.
fn complete_item(item: &mut Value, kind: &str, api_version: &str) {
    let Some(map) = item.as_map_mut().filter(|_| !kind.is_empty()) else {
        return;
    };
    if !map.contains_key("kind") && !map.contains_key("apiVersion") {
        map.insert("kind", kind);
        map.insert("apiVersion", api_version);
    }
}

/// How much of a faulty name a message shows.
const MAX_SHOWN_CHARACTERS: usize = 80;

/// A faulty name in quotes, shortened.
fn shown(text: &str) -> String {
    format!("{:?}", shortened(text))
}

/// What a resource definition accepts as a kind.
fn is_kind(text: &str) -> bool {
    is_dns_1035_label(&text.to_ascii_lowercase())
}

/// `version` or `group/version`.
fn is_api_version(text: &str) -> bool {
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    (text == version || is_dns_subdomain(group)) && is_dns_1035_label(version)
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}

/// What is wrong with an object, and at which field.
struct Fault {
    field: &'static str,
    message: String,
}

fn check(value: &Value) -> Result<(), Fault> {
    let fault = |field, message| Err(Fault { field, message });
    if value.as_map().is_none() {
        let found = value.kind_name();
        return fault(
            "",
            format!("expected an object with apiVersion, kind and metadata.name, found: {found}"),
        );
    }
    let api_version = required_text(value, "apiVersion", &["apiVersion"])?;
    if !is_api_version(api_version) {
        let found = shown(api_version);
        return fault(
            "apiVersion",
            format!("expected apiVersion to be a version such as v1 or apps/v1, found: {found}"),
        );
    }
    let kind = required_text(value, "kind", &["kind"])?;
    if !is_kind(kind) {
        let found = shown(kind);
        return fault(
            "kind",
            format!("expected kind to be a name of letters, digits and '-', found: {found}"),
        );
    }
    if value
        .get("metadata")
        .is_some_and(|metadata| metadata.as_map().is_none())
    {
        return fault("metadata", format!("{kind}: expected a map as metadata"));
    }
    let name = required_text(value, "metadata.name", &["metadata", "name"])?;
    let group = GroupVersionKind::new(api_version, kind).group;
    if let Some(error) = object_name_errors(&group, kind, name).first() {
        return fault(
            "metadata.name",
            format!("{kind} {}: metadata.name: {error}", shown(name)),
        );
    }
    let namespace = match value.at(&["metadata", "namespace"]) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(namespace)) if namespace.is_empty() => return Ok(()),
        Some(Value::String(namespace)) => namespace,
        Some(other) => {
            let found = other.kind_name();
            return fault(
                "metadata.namespace",
                format!(
                    "{kind} {name:?}: expected metadata.namespace to be a string, found: {found}"
                ),
            );
        }
    };
    match dns_label_errors(namespace).first() {
        Some(error) => fault(
            "metadata.namespace",
            format!(
                "{kind} {name:?}: metadata.namespace {}: {error}",
                shown(namespace)
            ),
        ),
        None => Ok(()),
    }
}

fn required_text<'a>(
    value: &'a Value,
    field: &'static str,
    path: &[&str],
) -> Result<&'a str, Fault> {
    let message = match value.at(path) {
        Some(Value::String(text)) if !text.is_empty() => return Ok(text),
        None | Some(Value::Null | Value::String(_)) => {
            let kind = value.str_at(&["kind"]).filter(|kind| is_kind(kind));
            format!("{} has no {field}", kind.unwrap_or("the document"))
        }
        Some(other) => format!(
            "expected {field} to be a string, found: {}; put it in quotes",
            other.kind_name()
        ),
    };
    Err(Fault { field, message })
}

#[cfg(test)]
mod tests;
