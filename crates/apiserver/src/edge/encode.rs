//! From what the core answers to the bytes that a client wants.

use super::negotiation::{Encoding, Format, Shape};
use super::reply::{JSON, Layout, Reply, ReplyBody, line, pretty, status_json};
use super::tables::{
    Headers, IncludeObject, MetaVersion, Printer, TableOptions, partial_list, partial_object, table,
};
use super::watch::{WatchBody, WatchForm};
use crate::core::{Answer, ApiError, List, ObjectBody, Outcome, Query, Request, Resource};
use http::HeaderName;
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq};
use trueup_object::{Map, Value, to_json};

const YAML: &str = "application/yaml";

/// How an answer is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The form that was negotiated.
    pub format: Format,
    /// How much of an object a row of a Table carries.
    pub include: IncludeObject,
    /// The time that ages are counted to.
    pub now: Timestamp,
}

impl View {
    /// Reads what the query says about Tables.
    pub fn new(request: &Request, format: Format, now: Timestamp) -> Result<Self, ApiError> {
        let query = Query::parse(&request.query);
        let word = query.get("includeObject").unwrap_or_default();
        let include = IncludeObject::parse(word).ok_or_else(|| {
            ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {word:?}: must be 'Metadata', 'Object', 'None', or empty"
            ))
        })?;
        Ok(Self {
            format,
            include,
            now,
        })
    }

    /// What a Table is made with.
    pub(super) fn table(&self, version: MetaVersion, headers: Headers) -> TableOptions {
        TableOptions {
            include: self.include,
            headers,
            version,
            now: self.now,
        }
    }
}

/// The printer of a resource's Tables.
#[must_use]
pub fn printer(resource: &Resource) -> Printer {
    match &resource.custom {
        None => Printer::builtin(&resource.group, &resource.plural),
        Some(custom) => {
            let columns = custom
                .version
                .get("additionalPrinterColumns")
                .and_then(Value::as_list);
            Printer::custom(columns.unwrap_or_default())
        }
    }
}

/// Encodes an answer of the core.
#[must_use]
pub fn encode(answer: Answer, view: &View) -> Reply {
    let Answer {
        code,
        warnings,
        outcome,
        revision,
    } = answer;
    let mut reply = match outcome {
        Outcome::Object { resource, object } => encode_object(code, &resource, &object, view),
        Outcome::List(list) => encode_list(code, &list, view),
        Outcome::Other { value, .. } => encode_other(code, &value, view),
        Outcome::Watch { resource, watcher } => {
            let form = WatchForm::new(resource, *view);
            let body = ReplyBody::Watch(Box::new(WatchBody::new(*watcher, form)));
            Reply {
                body,
                ..Reply::full(code, JSON, "")
            }
        }
    };
    reply.revision = revision;
    warnings.iter().fold(reply, |reply, warning| {
        reply.with_header(HeaderName::from_static("warning"), warning)
    })
}

fn encode_object(code: u16, resource: &Resource, object: &ObjectBody, view: &View) -> Reply {
    match (view.format.shape, object) {
        (Shape::Whole, ObjectBody::Stored(stored)) if view.format.encoding == Encoding::Json => {
            match view.format.layout {
                Layout::Compact => Reply::full(code, JSON, stored.line()),
                Layout::Pretty => Reply::full(code, JSON, pretty(&stored.json())),
            }
        }
        (Shape::Whole, object) => encode_value(code, object.value(), view.format),
        (Shape::Metadata(version), object) => {
            encode_value(code, &partial_object(object.value(), version), view.format)
        }
        (Shape::MetadataList(_), _) => {
            let kind = internal_kind(resource, &resource.kind);
            let what = format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list (*{kind})"
            );
            Reply::error(&ApiError::new(406, "NotAcceptable", what), view.format)
        }
        (Shape::Table(version), object) => {
            let rows = single_row(&printer(resource), object.value(), view, version);
            encode_value(code, &rows, view.format)
        }
    }
}

/// What a genuine server calls a kind in the inside of it, and in the texts
/// that show it.
fn internal_kind(resource: &Resource, kind: &str) -> String {
    let package = match (&resource.custom, resource.group.split('.').next()) {
        (Some(_), _) if kind == resource.list_kind => {
            return "unstructured.UnstructuredList".into();
        }
        (Some(_), _) => return "unstructured.Unstructured".into(),
        (None, None | Some("" | "events")) => "core",
        (None, Some(first)) => first,
    };
    format!("{package}.{kind}")
}

/// A body of another kind than the resource: of these only a Scale has a
/// Table; metadata alone can be had of all that have any.
fn encode_other(code: u16, value: &Value, view: &View) -> Reply {
    match view.format.shape {
        Shape::Table(version) if value.str_at(&["kind"]) == Some("Scale") => {
            let rows = single_row(
                &Printer::builtin("autoscaling", "scales"),
                value,
                view,
                version,
            );
            encode_value(code, &rows, view.format)
        }
        Shape::Metadata(version) if value.str_at(&["kind"]) == Some("Scale") => {
            encode_value(code, &partial_object(value, version), view.format)
        }
        _ => encode_value(code, value, view.format),
    }
}

/// A Table of one object.
fn single_row(printer: &Printer, object: &Value, view: &View, version: MetaVersion) -> Value {
    let revision = object.at(&["metadata", "resourceVersion"]).cloned();
    let mut metadata = Map::new();
    metadata.insert("resourceVersion", revision.unwrap_or_else(|| "".into()));
    let options = view.table(version, Headers::Shown);
    table(
        printer,
        Value::Map(metadata),
        std::slice::from_ref(object),
        &options,
    )
}

fn encode_list(code: u16, list: &List, view: &View) -> Reply {
    let values = || {
        list.items
            .iter()
            .map(|item| item.value().clone())
            .collect::<Vec<_>>()
    };
    match view.format.shape {
        Shape::Whole if view.format.encoding == Encoding::Json => {
            json(code, whole_list(list), view.format.layout)
        }
        Shape::Whole => {
            let whole = serde_json::to_vec(&WholeList(list)).unwrap_or_default();
            encode_value(
                code,
                &trueup_object::from_json(&whole).unwrap_or_default(),
                view.format,
            )
        }
        Shape::Metadata(_) => {
            let kind = internal_kind(&list.resource, &list.resource.list_kind);
            let what = format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*{kind})"
            );
            Reply::error(&ApiError::new(406, "NotAcceptable", what), view.format)
        }
        Shape::MetadataList(version) => encode_value(
            code,
            &partial_list(list_metadata(list), &values(), version),
            view.format,
        ),
        Shape::Table(version) => {
            let options = view.table(version, Headers::Shown);
            let rows = table(
                &printer(&list.resource),
                list_metadata(list),
                &values(),
                &options,
            );
            encode_value(code, &rows, view.format)
        }
    }
}

fn list_metadata(list: &List) -> Value {
    let mut metadata = Map::new();
    // What is not stored has no version.
    if list.revision > 0 {
        metadata.insert("resourceVersion", list.revision.to_string());
    }
    if !list.continue_token.is_empty() {
        metadata.insert("continue", list.continue_token.clone());
    }
    if let Some(remaining) = list.remaining {
        metadata.insert(
            "remainingItemCount",
            i64::try_from(remaining).unwrap_or(i64::MAX),
        );
    }
    Value::Map(metadata)
}

/// Lists of custom resources name their continuation even where there is none.
fn whole_list_metadata(list: &List) -> Value {
    let mut metadata = list_metadata(list);
    if list.resource.custom.is_some() && list.continue_token.is_empty() {
        metadata.set_at(&["continue"], "".into());
    }
    metadata
}

/// A list as JSON. The first item tells about how long all are, so that the
/// bytes are rarely moved.
fn whole_list(list: &List) -> Vec<u8> {
    let first = list
        .items
        .first()
        .map_or(0, |item| to_json(item.value()).len());
    let mut written = Vec::with_capacity(256 + list.items.len() * (first + first / 16 + 1));
    match serde_json::to_writer(&mut written, &WholeList(list)) {
        Ok(()) => written,
        Err(_) => Vec::new(),
    }
}

/// A list as JSON, written without building another tree.
struct WholeList<'a>(&'a List);

struct Items<'a>(&'a List);

/// An item of a built-in list: its version and kind are the list's matter.
struct BareItem<'a>(&'a Value);

impl Serialize for WholeList<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = &self.0.resource;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", resource.list_kind.as_str())?;
        map.serialize_entry("apiVersion", resource.api_version().as_str())?;
        map.serialize_entry("metadata", &whole_list_metadata(self.0))?;
        map.serialize_entry("items", &Items(self.0))?;
        map.end()
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let custom = self.0.resource.custom.is_some();
        let mut sequence = serializer.serialize_seq(Some(self.0.items.len()))?;
        for item in &self.0.items {
            if custom {
                sequence.serialize_element(item.value())?;
            } else {
                sequence.serialize_element(&BareItem(item.value()))?;
            }
        }
        sequence.end()
    }
}

impl Serialize for BareItem<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let entries = self.0.as_map().into_iter().flat_map(Map::iter);
        for (key, value) in entries.filter(|(key, _)| *key != "apiVersion" && *key != "kind") {
            map.serialize_entry(key.as_str(), value)?;
        }
        map.end()
    }
}

/// Encodes a whole body.
#[must_use]
pub fn encode_value(code: u16, value: &Value, format: Format) -> Reply {
    match format.encoding {
        Encoding::Yaml => Reply::full(code, YAML, trueup_object::to_yaml(value)),
        Encoding::Json if value.str_at(&["kind"]) == Some("Status") => {
            json(code, status_json(value), format.layout)
        }
        Encoding::Json => json(code, to_json(value), format.layout),
    }
}

fn json(code: u16, written: Vec<u8>, layout: Layout) -> Reply {
    let body = match layout {
        Layout::Compact => line(written),
        Layout::Pretty => pretty(&written),
    };
    Reply::full(code, JSON, body)
}
