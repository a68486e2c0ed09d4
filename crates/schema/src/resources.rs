//! What discovery says of the built-in resources.

use serde::Deserialize;
use trueup_object::{GroupVersionKind, Text};

/// One row of API discovery: a resource in one version of its group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: Text,
    /// Version, such as `v1`.
    pub version: Text,
    /// Plural name, as in paths.
    #[serde(rename = "name")]
    pub plural: Text,
    /// Singular name.
    #[serde(rename = "singularName", default)]
    pub singular: Text,
    /// Kind of its objects.
    pub kind: Text,
    /// Short names, such as `po`.
    #[serde(default)]
    pub short_names: Vec<Text>,
    /// Categories, such as `all`.
    #[serde(default)]
    pub categories: Vec<Text>,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// Verbs that it serves, sorted.
    pub verbs: Vec<Text>,
    /// Its subresources.
    #[serde(default)]
    pub subresources: Vec<Subresource>,
}

/// A subresource in discovery.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subresource {
    /// `plural/name`, such as `pods/status`.
    pub name: Text,
    /// Kind that it speaks.
    pub kind: Text,
    /// Group of that kind where it differs from the resource's.
    #[serde(default)]
    pub group: Option<Text>,
    /// Version of that kind where it differs from the resource's.
    #[serde(default)]
    pub version: Option<Text>,
    /// Verbs that it serves.
    pub verbs: Vec<Text>,
    /// Whether its resource lives in a namespace.
    pub namespaced: bool,
}

impl Resource {
    /// The kind of its objects, with group and version.
    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
        }
    }

    /// The subresource called `name` (`status`, `scale`, …), if there is one.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|row| row.short_name() == name)
    }

    /// Whether it serves `verb`.
    #[must_use]
    pub fn serves(&self, verb: &str) -> bool {
        self.verbs.iter().any(|served| served == verb)
    }
}

impl Subresource {
    /// Its name without the resource: `status` of `pods/status`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name
            .rsplit_once('/')
            .map_or(self.name.as_str(), |(_, name)| name)
    }
}
