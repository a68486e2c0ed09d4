//! `metadata.managedFields`: field sets with their owners and times.

use crate::field_set::FieldSet;
use crate::fields_v1::{FieldsError, fields_from_value, fields_to_value};
use crate::go;
use std::fmt;
use trueup_object::{Map, Text, Value};

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By create, update or another patch.
    Update,
}

impl Operation {
    /// As `managedFields` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One entry of `metadata.managedFields`.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedEntry {
    /// Name of the manager.
    pub manager: Text,
    /// How it came to own the fields.
    pub operation: Operation,
    /// The version in which the fields are named.
    pub api_version: Text,
    /// When it last changed something; missing where it only came to share.
    pub time: Option<Text>,
    /// The subresource through which it wrote; empty for the main resource.
    pub subresource: Text,
    /// What it owns.
    pub fields: FieldSet,
}

/// Why `metadata.managedFields` can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManagedError {
    /// It is no list of objects.
    #[error("managedFields must be a list of objects")]
    NotAList,
    /// An operation other than the two.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// An entry without `apiVersion`.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// An entry without `fieldsType`.
    #[error("missing fieldsType in managed fields entry {0}")]
    MissingType(usize),
    /// A `fieldsType` other than `FieldsV1`.
    #[error("invalid fieldsType {kind} in managed fields entry {index}")]
    InvalidType {
        /// What was given, quoted.
        kind: String,
        /// Which entry, from 0.
        index: usize,
    },
    /// `fieldsV1` itself.
    #[error("error decoding set: {0}")]
    Fields(#[from] FieldsError),
}

impl ManagedEntry {
    /// Whether two entries are of one owner: of appliers the version does
    /// not matter.
    #[must_use]
    pub fn same_owner(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// The owner as conflicts print it: `"kubectl" with subresource "scale"
    /// using apps/v1`.
    #[must_use]
    pub fn printed(&self) -> String {
        Owner {
            manager: &self.manager,
            entry: self,
        }
        .to_string()
    }

    fn read(index: usize, entry: &Value) -> Result<Self, ManagedError> {
        let text = |key: &str| entry.str_at(&[key]).unwrap_or("");
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err(ManagedError::Operation),
        };
        if text("apiVersion").is_empty() {
            return Err(ManagedError::ApiVersion);
        }
        match text("fieldsType") {
            "FieldsV1" => {}
            "" => return Err(ManagedError::MissingType(index)),
            other => {
                return Err(ManagedError::InvalidType {
                    kind: go::quoted(other),
                    index,
                });
            }
        }
        let fields = match entry.get("fieldsV1") {
            None | Some(Value::Null) => FieldSet::new(),
            Some(fields) => fields_from_value(fields)?,
        };
        Ok(Self {
            manager: text("manager").into(),
            operation,
            api_version: text("apiVersion").into(),
            time: entry.str_at(&["time"]).map(Into::into),
            subresource: text("subresource").into(),
            fields,
        })
    }

    fn write(&self) -> Value {
        let mut map = Map::new();
        map.insert("manager", self.manager.clone());
        map.insert("operation", self.operation.name());
        map.insert("apiVersion", self.api_version.clone());
        if let Some(time) = &self.time {
            map.insert("time", time.clone());
        }
        map.insert("fieldsType", "FieldsV1");
        map.insert("fieldsV1", fields_to_value(&self.fields));
        if !self.subresource.is_empty() {
            map.insert("subresource", self.subresource.clone());
        }
        map.into()
    }
}

struct Owner<'a> {
    manager: &'a str,
    entry: &'a ManagedEntry,
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&go::quoted(self.manager))?;
        if !self.entry.subresource.is_empty() {
            write!(
                formatter,
                " with subresource {}",
                go::quoted(&self.entry.subresource)
            )?;
        }
        match self.entry.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(formatter, " using {}", self.entry.api_version),
        }
    }
}

/// Reads `metadata.managedFields` of an object; an object without has none.
/// Of two entries of one owner the later one counts.
pub fn decode_managed(object: &Value) -> Result<Vec<ManagedEntry>, ManagedError> {
    match object.at(&["metadata", "managedFields"]) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(list)) => read_all(list),
        Some(_) => Err(ManagedError::NotAList),
    }
}

fn read_all(list: &[Value]) -> Result<Vec<ManagedEntry>, ManagedError> {
    let mut entries: Vec<ManagedEntry> = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        if entry.as_map().is_none() {
            return Err(ManagedError::NotAList);
        }
        let entry = ManagedEntry::read(index, entry)?;
        match entries.iter_mut().find(|known| known.same_owner(&entry)) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    Ok(entries)
}

/// Writes `metadata.managedFields`: appliers first, then older before newer
/// (by second), then by name. Without entries the field is removed.
pub fn encode_managed(object: &mut Value, mut entries: Vec<ManagedEntry>) {
    if entries.is_empty() {
        object.remove_at(&["metadata", "managedFields"]);
        return;
    }
    entries.sort_by(|a, b| order_key(a).cmp(&order_key(b)));
    let list: Vec<Value> = entries.iter().map(ManagedEntry::write).collect();
    object.set_at(&["metadata", "managedFields"], list.into());
}

fn order_key(entry: &ManagedEntry) -> (Operation, Option<&str>, &str, &str, &str) {
    let seconds = entry
        .time
        .as_deref()
        .map(|time| time.get(.."2006-01-02T15:04:05".len()).unwrap_or(time));
    (
        entry.operation,
        seconds,
        &entry.manager,
        &entry.api_version,
        &entry.subresource,
    )
}
