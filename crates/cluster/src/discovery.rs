//! What a cluster serves: discovery documents, read.

use crate::{Placement, ResourceInfo};
use serde::Deserialize;
use std::collections::HashMap;
use trueup_object::{GroupKind, GroupVersionKind, Text};

/// `Accept` for aggregated discovery; servers without it answer with the
/// group list of old.
pub(crate) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Everything that a cluster serves, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    rows: HashMap<GroupVersionKind, ResourceInfo>,
    preferred: HashMap<GroupKind, Text>,
}

impl Catalogue {
    /// The row of a kind.
    #[must_use]
    pub fn resource_of(&self, kind: &GroupVersionKind) -> Option<&ResourceInfo> {
        self.rows.get(kind)
    }

    /// The row of a kind in the version that the server names first.
    #[must_use]
    pub fn preferred(&self, kind: &GroupKind) -> Option<&ResourceInfo> {
        self.rows.get(&GroupVersionKind {
            group: kind.group.clone(),
            version: self.preferred.get(kind)?.clone(),
            kind: kind.kind.clone(),
        })
    }

    /// All rows, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &ResourceInfo> {
        self.rows.values()
    }

    /// Adds a row. Of two rows of one kind the first stays (a kind such as
    /// `Scale` or `Eviction` belongs to many subresources, none of them here).
    pub(crate) fn add(&mut self, row: ResourceInfo) {
        self.preferred
            .entry(row.kind.group_kind())
            .or_insert_with(|| row.kind.version.clone());
        self.rows.entry(row.kind.clone()).or_insert(row);
    }
}

#[derive(Deserialize)]
pub(crate) struct DiscoveryDocument {
    #[serde(default)]
    pub kind: Text,
    #[serde(default)]
    items: Vec<Group>,
    /// Of the old `APIGroupList`.
    #[serde(default)]
    pub groups: Vec<OldGroup>,
    /// Of the old `APIVersions`.
    #[serde(default)]
    pub versions: Vec<Text>,
}

#[derive(Deserialize)]
pub(crate) struct OldGroup {
    pub name: Text,
    #[serde(default)]
    versions: Vec<OldVersion>,
    #[serde(rename = "preferredVersion")]
    preferred: Option<OldVersion>,
}

#[derive(Deserialize, Clone)]
struct OldVersion {
    version: Text,
}

impl OldGroup {
    /// Versions, the preferred one first.
    pub fn versions(&self) -> Vec<Text> {
        let mut versions: Vec<Text> = self
            .versions
            .iter()
            .map(|version| version.version.clone())
            .collect();
        if let Some(preferred) = &self.preferred {
            versions.sort_by_key(|version| *version != preferred.version);
        }
        versions
    }
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct GroupName {
    #[serde(default)]
    name: Text,
}

#[derive(Deserialize)]
struct Version {
    version: Text,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: Text,
    #[serde(default)]
    response_kind: Option<Kind>,
    #[serde(default)]
    scope: Text,
    #[serde(default)]
    singular_resource: Text,
    #[serde(default)]
    short_names: Vec<Text>,
    #[serde(default)]
    verbs: Vec<Text>,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    group: Text,
    #[serde(default)]
    version: Text,
    kind: Text,
}

#[derive(Deserialize)]
struct Subresource {
    subresource: Text,
}

#[derive(Deserialize)]
pub(crate) struct OldResourceList {
    #[serde(default)]
    resources: Vec<OldResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldResource {
    name: Text,
    #[serde(default)]
    singular_name: Text,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    group: Text,
    #[serde(default)]
    version: Text,
    kind: Text,
    #[serde(default)]
    short_names: Vec<Text>,
    #[serde(default)]
    verbs: Vec<Text>,
}

impl DiscoveryDocument {
    /// Whether this is aggregated discovery rather than the old form.
    pub fn is_aggregated(&self) -> bool {
        self.kind == "APIGroupDiscoveryList"
    }

    /// The rows of an aggregated document.
    pub fn into_rows(self) -> impl Iterator<Item = ResourceInfo> {
        self.items.into_iter().flat_map(|group| {
            let name = group.metadata.name;
            group.versions.into_iter().flat_map(move |version| {
                let (group, version_name) = (name.clone(), version.version);
                version
                    .resources
                    .into_iter()
                    .filter_map(move |resource| resource.row(&group, &version_name))
            })
        })
    }
}

impl Resource {
    fn row(self, group: &Text, version: &Text) -> Option<ResourceInfo> {
        // Parents of subresources only, such as a scale of something that is
        // no object, have no kind of their own.
        let kind = self.response_kind.filter(|kind| !kind.kind.is_empty())?;
        Some(ResourceInfo {
            kind: GroupVersionKind {
                group: or(kind.group, group),
                version: or(kind.version, version),
                kind: kind.kind,
            },
            plural: self.resource,
            singular: self.singular_resource,
            short_names: self.short_names,
            placement: if self.scope == "Namespaced" {
                Placement::Namespaced
            } else {
                Placement::ClusterWide
            },
            verbs: self.verbs,
            subresources: self
                .subresources
                .into_iter()
                .map(|sub| sub.subresource)
                .collect(),
        })
    }
}

impl OldResourceList {
    /// The rows of one group version, subresources folded into theirs.
    pub fn into_rows(self, group: &Text, version: &Text) -> Vec<ResourceInfo> {
        let (subresources, resources): (Vec<_>, Vec<_>) = self
            .resources
            .into_iter()
            .partition(|resource| resource.name.contains('/'));
        resources
            .into_iter()
            .map(|resource| ResourceInfo {
                subresources: subresources
                    .iter()
                    .filter_map(|sub| sub.name.split_once('/'))
                    .filter(|(parent, _)| *parent == resource.name)
                    .map(|(_, name)| name.into())
                    .collect(),
                kind: GroupVersionKind {
                    group: or(resource.group, group),
                    version: or(resource.version, version),
                    kind: resource.kind,
                },
                plural: resource.name,
                singular: resource.singular_name,
                short_names: resource.short_names,
                placement: if resource.namespaced {
                    Placement::Namespaced
                } else {
                    Placement::ClusterWide
                },
                verbs: resource.verbs,
            })
            .collect()
    }
}

fn or(given: Text, fallback: &Text) -> Text {
    if given.is_empty() {
        fallback.clone()
    } else {
        given
    }
}
