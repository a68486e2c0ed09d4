//! References to other objects.

use super::number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_object::Text;

/// The group of Knative's Services.
const KNATIVE_GROUP: &str = "serving.knative.dev/";

/// An object in the namespace of the `Canary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetReference {
    /// API version.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub api_version: Text,
    /// Kind.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
    /// Name.
    pub name: Text,
}

impl TargetReference {
    /// Whether it is a Service of Knative.
    #[must_use]
    pub fn is_knative(&self) -> bool {
        self.kind == "Service" && self.api_version.starts_with(KNATIVE_GROUP)
    }
}

/// An object, perhaps of another namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CrossNamespaceReference {
    /// API version.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub api_version: Text,
    /// Kind.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Namespace; that of the `Canary` where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub namespace: Text,
}

impl CrossNamespaceReference {
    /// The namespace of the object, for a `Canary` in `own`.
    #[must_use]
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        if self.namespace.is_empty() {
            own
        } else {
            &self.namespace
        }
    }
}

/// The autoscaler of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AutoscalerReference {
    /// API version.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub api_version: Text,
    /// `HorizontalPodAutoscaler` or `ScaledObject`.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Queries of the primary's `ScaledObject` by the names of its triggers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub primary_scaler_queries: BTreeMap<Text, Text>,
    /// Bounds of the primary's autoscaler, where they differ from the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_scaler_replicas: Option<ScalerReplicas>,
}

/// Bounds of an autoscaler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalerReplicas {
    /// The least number of replicas.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub min_replicas: Option<i64>,
    /// The greatest number of replicas.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_replicas: Option<i64>,
}
