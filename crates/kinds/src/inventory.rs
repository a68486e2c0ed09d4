//! The inventory: which objects are a Kustomization's own.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_object::{GroupVersionKind, ObjectRef, Text};

/// An inventory entry that names no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("inventory entry {id:?}: expected <namespace>_<name>_<group>_<kind>")]
pub struct InventoryError {
    /// What was found.
    pub id: Text,
}

/// One object: `<namespace>_<name>_<group>_<kind>` and a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// The object without its version; see [`object_id`].
    pub id: Text,
    /// Version of its group.
    #[serde(rename = "v")]
    pub version: Text,
}

/// The objects of one Kustomization, as `status.inventory` holds them: each
/// once, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    entries: Vec<InventoryEntry>,
}

impl Inventory {
    /// An inventory of these objects.
    #[must_use]
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a ObjectRef>) -> Self {
        let by_id: BTreeMap<Text, Text> = objects
            .into_iter()
            .map(|object| (object_id(object), object.kind.version.clone()))
            .collect();
        Self::from_ids(by_id)
    }

    fn from_ids(by_id: BTreeMap<Text, Text>) -> Self {
        Self {
            entries: by_id
                .into_iter()
                .map(|(id, version)| InventoryEntry { id, version })
                .collect(),
        }
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[InventoryEntry] {
        &self.entries
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes the entries take in JSON.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        const FRAME: usize = r#"{"id":"","v":""},"#.len();
        let entries = self.entries.iter();
        entries
            .map(|entry| FRAME + entry.id.len() + entry.version.len())
            .sum()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The objects; entries that name none are left out (see
    /// [`Inventory::unreadable`]).
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> {
        self.entries
            .iter()
            .filter_map(|entry| parse_object_id(&entry.id, &entry.version).ok())
    }

    /// Entries that name no object.
    pub fn unreadable(&self) -> impl Iterator<Item = &InventoryEntry> {
        self.entries
            .iter()
            .filter(|entry| parse_object_id(&entry.id, &entry.version).is_err())
    }

    /// Whether an object is in, whatever its version.
    #[must_use]
    pub fn contains(&self, object: &ObjectRef) -> bool {
        let id = object_id(object);
        self.entries.iter().any(|entry| entry.id == id)
    }

    /// Both together; of an object in both the version of `other` stays.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let pairs = self.entries.iter().chain(&other.entries);
        Self::from_ids(
            pairs
                .map(|entry| (entry.id.clone(), entry.version.clone()))
                .collect(),
        )
    }

    /// The entries that `other` lacks; a changed version makes no difference.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let gone = |entry: &&InventoryEntry| !other.entries.iter().any(|kept| kept.id == entry.id);
        Self {
            entries: self.entries.iter().filter(gone).cloned().collect(),
        }
    }
}

/// The id of an object: `<namespace>_<name>_<group>_<kind>`. A
/// cluster-scoped object begins with `_`; a colon in a name, as RBAC allows,
/// is written `__`.
#[must_use]
pub fn object_id(object: &ObjectRef) -> Text {
    let name = object.name.replace(":", "__");
    format!(
        "{}_{name}_{}_{}",
        object.namespace, object.kind.group, object.kind.kind
    )
    .into()
}

/// Reads an id back. Kinds, groups and namespaces hold no underscore, so the
/// name is what lies between the first and the last two.
pub fn parse_object_id(id: &str, version: &str) -> Result<ObjectRef, InventoryError> {
    let split = || {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        (!name.is_empty() && !kind.is_empty()).then_some((namespace, name, group, kind))
    };
    let (namespace, name, group, kind) = split().ok_or_else(|| InventoryError { id: id.into() })?;
    Ok(ObjectRef {
        kind: GroupVersionKind {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        },
        namespace: namespace.into(),
        name: name.replace("__", ":").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new(api_version, kind),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    #[test]
    fn ids_are_those_that_other_tools_parse() {
        for (object, id) in [
            (
                object("apps/v1", "Deployment", "prod", "web"),
                "prod_web_apps_Deployment",
            ),
            (
                object("v1", "ConfigMap", "prod", "settings"),
                "prod_settings__ConfigMap",
            ),
            (object("v1", "Namespace", "", "prod"), "_prod__Namespace"),
            (
                object(
                    "rbac.authorization.k8s.io/v1",
                    "ClusterRole",
                    "",
                    "system:view",
                ),
                "_system__view_rbac.authorization.k8s.io_ClusterRole",
            ),
        ] {
            assert_eq!(object_id(&object), id);
            assert_eq!(parse_object_id(id, &object.kind.version).unwrap(), object);
        }
    }

    #[test]
    fn what_is_no_id_is_told_apart() {
        for id in ["", "a", "a_b", "a_b_c", "___", "a__x_"] {
            assert!(parse_object_id(id, "v1").is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_new_version_of_an_object_is_the_same_object() {
        let old = Inventory::of([
            &object("batch/v1beta1", "CronJob", "a", "x"),
            &object("v1", "Secret", "a", "s"),
        ]);
        let new = Inventory::of([&object("batch/v1", "CronJob", "a", "x")]);
        assert_eq!(
            old.without(&new)
                .objects()
                .map(|o| o.name)
                .collect::<Vec<_>>(),
            ["s"]
        );
        let union = old.union(&new);
        assert_eq!(union.len(), 2);
        assert!(
            union
                .objects()
                .any(|o| o.kind.version == "v1" && o.kind.kind == "CronJob")
        );
        assert!(union.contains(&object("batch/v2", "CronJob", "a", "x")));
    }
}
