//! Which resources are served: the built-in table, and one row a version of
//! every established custom resource definition.
//!
//! `core` writes it (at start, and when a definition changes); `edge` reads
//! [`Registry::tables`] for discovery and OpenAPI and compares
//! [`Tables::version`] to know when its documents are stale.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use trueup_object::{Text, Value};
use trueup_schema::{Structural, Type};

/// A group and plural name: the key under which objects are stored, whatever
/// version they are written in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupResource {
    /// API group, empty for the core group.
    pub group: Text,
    /// Plural name.
    pub plural: Text,
}

/// A served subresource.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// Its name, such as `status`.
    pub name: Text,
    /// Group of the kind in its body.
    pub group: Text,
    /// Version of the kind in its body.
    pub version: Text,
    /// Kind in its body.
    pub kind: Text,
    /// What may be done to it.
    pub verbs: Vec<Text>,
}

/// What a version of a custom resource adds to a row.
#[derive(Clone, Debug)]
pub struct Custom {
    /// `spec.versions[…]` of the definition: schema, printer columns,
    /// subresources.
    pub version: Value,
    /// Name of the definition.
    pub definition: Text,
    /// Tells this schema from those before and after it.
    pub id: u64,
    /// The schema of the version.
    pub schema: Structural,
    /// All versions of the resource that are served, and the type of each.
    pub types: Vec<(Text, Type)>,
}

impl Custom {
    /// Whether `selectableFields` names a field.
    #[must_use]
    pub fn selects_by(&self, field: &str) -> bool {
        let fields = self
            .version
            .get("selectableFields")
            .and_then(Value::as_list)
            .unwrap_or_default();
        fields.iter().any(|entry| {
            entry
                .str_at(&["jsonPath"])
                .is_some_and(|path| path.trim_start_matches('.') == field)
        })
    }

    /// A part of the `scale` subresource: `specReplicasPath`,
    /// `statusReplicasPath`, `labelSelectorPath`, as keys.
    #[must_use]
    pub fn scale_path(&self, part: &str) -> Option<Vec<&str>> {
        let path = self.version.str_at(&["subresources", "scale", part])?;
        Some(path.split('.').filter(|key| !key.is_empty()).collect())
    }
}

/// One served resource in one version.
#[derive(Clone, Debug)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: Text,
    /// Version.
    pub version: Text,
    /// Plural name.
    pub plural: Text,
    /// Singular name.
    pub singular: Text,
    /// Kind.
    pub kind: Text,
    /// Kind of its lists.
    pub list_kind: Text,
    /// Short names.
    pub short_names: Vec<Text>,
    /// Categories, such as `all`.
    pub categories: Vec<Text>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What may be done to it.
    pub verbs: Vec<Text>,
    /// Its subresources.
    pub subresources: Vec<Subresource>,
    /// Its type; `None` for kinds that are never stored (reviews, bindings).
    pub typ: Option<Type>,
    /// Name of its type's definition; empty for custom resources.
    pub definition: &'static str,
    /// Version in which objects are kept.
    pub storage_version: Text,
    /// Set for custom resources.
    pub custom: Option<Arc<Custom>>,
}

impl Resource {
    /// `group/version`, or the version alone in the core group.
    #[must_use]
    pub fn api_version(&self) -> Text {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            ecow::eco_format!("{}/{}", self.group, self.version)
        }
    }

    /// The key of its objects in the store.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource {
            group: self.group.clone(),
            plural: self.plural.clone(),
        }
    }

    /// A subresource by name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }
}

/// What is served at one moment.
#[derive(Debug, Default)]
pub struct Tables {
    /// Grows with every change.
    pub version: u64,
    /// The rows, in the order of discovery: built-in ones first.
    pub rows: Vec<Arc<Resource>>,
    index: HashMap<(Text, Text, Text), usize>,
}

impl Tables {
    /// Builds the index over rows.
    #[must_use]
    pub fn new(version: u64, rows: Vec<Arc<Resource>>) -> Self {
        let index = rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                (
                    (row.group.clone(), row.version.clone(), row.plural.clone()),
                    place,
                )
            })
            .collect();
        Self {
            version,
            rows,
            index,
        }
    }

    /// The row of a group, version and plural name.
    #[must_use]
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        let key = (Text::from(group), Text::from(version), Text::from(plural));
        self.index.get(&key).map(|place| &self.rows[*place])
    }

    /// The row that serves a kind in a version.
    #[must_use]
    pub fn find_kind(&self, group: &str, version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.rows
            .iter()
            .find(|row| row.group == group && row.version == version && row.kind == kind)
    }

    /// Any row of a stored resource, for its kind and scope.
    #[must_use]
    pub fn of(&self, key: &GroupResource) -> Option<&Arc<Resource>> {
        self.rows
            .iter()
            .find(|row| row.group == key.group && row.plural == key.plural)
    }
}

/// The served resources, changing at run time.
#[derive(Debug, Default)]
pub struct Registry {
    tables: RwLock<Arc<Tables>>,
}

impl Registry {
    /// What is served now; a snapshot that never changes.
    #[must_use]
    pub fn tables(&self) -> Arc<Tables> {
        self.tables
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Replaces the rows and raises the version.
    pub fn replace(&self, rows: Vec<Arc<Resource>>) {
        let mut tables = self
            .tables
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *tables = Arc::new(Tables::new(tables.version + 1, rows));
    }
}
