//! What an object is called: group, version, kind, namespace, name.

use crate::{Text, Value};
use std::fmt;

/// A kind and the API group that it belongs to; the core group is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKind {
    /// API group, empty for the core group.
    pub group: Text,
    /// Kind, as in manifests.
    pub kind: Text,
}

/// A kind in one version of its API group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// API group, empty for the core group.
    pub group: Text,
    /// Version, such as `v1`.
    pub version: Text,
    /// Kind, as in manifests.
    pub kind: Text,
}

impl GroupVersionKind {
    /// Splits an `apiVersion` and joins it with a kind; an `apiVersion`
    /// without a slash is a version of the core group.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> Text {
        if self.group.is_empty() {
            return self.version.clone();
        }
        ecow::eco_format!("{}/{}", self.group, self.version)
    }

    /// The kind without its version.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }

    /// What an object says it is; `None` without `apiVersion` or `kind`.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Some(Self::new(
            object.str_at(&["apiVersion"])?,
            object.str_at(&["kind"])?,
        ))
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// One object of a cluster; a cluster-scoped one has an empty namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Group, version and kind.
    pub kind: GroupVersionKind,
    /// Namespace, empty for a cluster-scoped object.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

impl ObjectRef {
    /// What an object calls itself; `None` without `apiVersion`, `kind` or
    /// `metadata.name`.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Some(Self {
            kind: GroupVersionKind::of(object)?,
            namespace: object
                .str_at(&["metadata", "namespace"])
                .unwrap_or("")
                .into(),
            name: object.str_at(&["metadata", "name"])?.into(),
        })
    }
}

/// `Kind/namespace/name`, or `Kind/name` for a cluster-scoped object: the way
/// Flux writes objects in conditions and events.
impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return write!(formatter, "{}/{}", self.kind.kind, self.name);
        }
        write!(
            formatter,
            "{}/{}/{}",
            self.kind.kind, self.namespace, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn an_object_names_itself() {
        let object = value!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "prod"},
        });
        let reference = ObjectRef::of(&object).unwrap();
        assert_eq!(reference.to_string(), "Deployment/prod/web");
        assert_eq!(reference.kind.api_version(), "apps/v1");
        assert_eq!(ObjectRef::of(&value!({"kind": "X"})), None);
    }

    #[test]
    fn the_core_group_is_empty() {
        let kind = GroupVersionKind::new("v1", "Pod");
        assert_eq!((kind.group.as_str(), kind.version.as_str()), ("", "v1"));
        assert_eq!(kind.to_string(), "v1, Kind=Pod");
    }
}
