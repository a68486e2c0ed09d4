//! Tables: what `kubectl get` prints, computed where the objects are.
//!
//! Columns and cells are those of a genuine server; the descriptions are our
//! own. Kinds without a printer of their own get name and creation time.

mod age;
mod apps;
mod cells;
mod cluster;
mod columns;
mod core;
mod custom;
mod json_path;
mod network;
mod pods;
mod policy;
#[cfg(test)]
mod tests;

pub use age::human_duration;
pub use columns::Column;
pub use custom::{CustomColumn, custom_columns};
pub use json_path::{JsonPath, JsonPathError};

use jiff::Timestamp;
use trueup_object::{Map, Value, value};

/// How much of each object a row carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata, as a `PartialObjectMetadata`.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter `includeObject`; `None` for a word the API
    /// does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// Turns objects of one resource into rows.
#[derive(Debug)]
pub enum Printer {
    /// A built-in kind.
    Builtin(&'static Builtin),
    /// A custom resource with the columns of its definition.
    Custom(Vec<CustomColumn>),
}

/// The columns of a built-in kind and the function that fills them.
#[derive(Debug)]
pub struct Builtin {
    group: &'static str,
    resource: &'static str,
    columns: &'static [Column],
    cells: fn(&Value, Timestamp) -> Vec<Value>,
}

impl Printer {
    /// The printer of a built-in resource; name and creation time where the
    /// genuine server has nothing better.
    #[must_use]
    pub fn builtin(group: &str, resource: &str) -> Self {
        let tables = [
            core::PRINTERS,
            apps::PRINTERS,
            network::PRINTERS,
            policy::PRINTERS,
            cluster::PRINTERS,
        ];
        let found = tables
            .iter()
            .copied()
            .flatten()
            .find(|it| it.group == group && it.resource == resource);
        Self::Builtin(found.unwrap_or(&cells::DEFAULT))
    }

    /// The printer of a custom resource, from `additionalPrinterColumns` of
    /// the version asked for.
    #[must_use]
    pub fn custom(additional_printer_columns: &[Value]) -> Self {
        Self::Custom(custom_columns(additional_printer_columns))
    }

    fn columns(&self) -> Vec<Value> {
        match self {
            Self::Builtin(builtin) => builtin.columns.iter().map(Column::to_value).collect(),
            Self::Custom(columns) => std::iter::once(columns::NAME.to_value())
                .chain(columns.iter().map(CustomColumn::to_value))
                .collect(),
        }
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        match self {
            Self::Builtin(builtin) => (builtin.cells)(object, now),
            Self::Custom(columns) => std::iter::once(cells::name(object))
                .chain(columns.iter().map(|column| column.cell(object, now)))
                .collect(),
        }
    }

    /// The conditions of a row: only finished Pods have one.
    fn conditions(&self, object: &Value) -> Option<Value> {
        match self {
            Self::Builtin(builtin) if builtin.resource == "pods" => pods::row_conditions(object),
            _ => None,
        }
    }
}

/// The versions of `meta.k8s.io` in which a table or its partial objects may
/// be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetaVersion {
    /// `meta.k8s.io/v1`.
    #[default]
    V1,
    /// `meta.k8s.io/v1beta1`.
    V1Beta1,
}

impl MetaVersion {
    /// The `apiVersion` of what is made in this version.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// What a table needs beyond printer and objects.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// How much of each object a row carries.
    pub include: IncludeObject,
    /// Whether the column definitions are left out (later events of a watch).
    pub headers: Headers,
    /// The version asked for.
    pub version: MetaVersion,
    /// The time that ages are counted to.
    pub now: Timestamp,
}

/// Whether a table names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// It does.
    Shown,
    /// It does not: an earlier event of the same watch did.
    Omitted,
}

/// The table of a list or of one object.
///
/// `metadata` is the list's metadata (version, continue token); for a single
/// object only its resource version.
#[must_use]
pub fn table(
    printer: &Printer,
    metadata: Value,
    objects: &[Value],
    options: &TableOptions,
) -> Value {
    let rows: Value = objects
        .iter()
        .map(|object| row(printer, object, options))
        .collect();
    let columns = match options.headers {
        Headers::Shown => Value::from(printer.columns()),
        Headers::Omitted => Value::Null,
    };
    let mut table = Map::new();
    table.insert("kind", "Table");
    table.insert("apiVersion", options.version.api_version());
    table.insert("metadata", metadata);
    table.insert("columnDefinitions", columns);
    table.insert("rows", rows);
    Value::Map(table)
}

fn row(printer: &Printer, object: &Value, options: &TableOptions) -> Value {
    let mut row = Map::new();
    row.insert("cells", Value::from(printer.cells(object, options.now)));
    if let Some(conditions) = printer.conditions(object) {
        row.insert("conditions", conditions);
    }
    match options.include {
        IncludeObject::None => {
            row.insert("object", Value::Null);
        }
        IncludeObject::Metadata => {
            let mut object = partial_object(object, options.version);
            // Tables are made of the internal object, which keeps this as a
            // field.
            let path = ["metadata", "annotations"];
            object.remove_at(&[path[0], path[1], "deprecated.daemonset.template.generation"]);
            if object
                .at(&path)
                .and_then(Value::as_map)
                .is_some_and(|it| it.is_empty())
            {
                object.remove_at(&path);
            }
            row.insert("object", object);
        }
        IncludeObject::Object => {
            row.insert("object", object.clone());
        }
    }
    Value::Map(row)
}

/// An object reduced to its metadata, as metadata-only clients ask for it.
#[must_use]
pub fn partial_object(object: &Value, version: MetaVersion) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(Value::map);
    value!({"kind": "PartialObjectMetadata", "apiVersion": (version.api_version()), "metadata": metadata})
}

/// A list of objects reduced to their metadata.
#[must_use]
pub fn partial_list(metadata: Value, objects: &[Value], version: MetaVersion) -> Value {
    // An empty list is told as Go tells one that was never filled.
    let items = match objects {
        [] => Value::Null,
        _ => objects
            .iter()
            .map(|object| partial_object(object, version))
            .collect(),
    };
    value!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": (version.api_version()),
        "metadata": metadata,
        "items": items
    })
}
