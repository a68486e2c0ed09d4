//! `Kustomization` of `kustomize.toolkit.fluxcd.io/v1`.

use crate::git_repository::is_zero;
use crate::names;
use crate::{
    ApiDuration, Conditions, History, Inventory, LocalReference, MIN_INTERVAL, Metadata, Resource,
    SecretKeyReference,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_object::Text;

/// The least time that a reconciliation gets, also where `spec.timeout` says
/// less, as in Flux.
pub const MIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How much shorter than the interval the default timeout is.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(30);

/// A folder of a source, built and kept applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kustomization {
    /// Metadata.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: KustomizationSpec,
    /// What was found.
    #[serde(default)]
    pub status: KustomizationStatus,
}

/// What a `Kustomization` asks for; all fields of Flux's API, served or not
/// (see [`crate::unserved_fields`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizationSpec {
    /// Where the manifests come from.
    pub source_ref: SourceReference,
    /// Folder in the artifact; its root without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// Whether objects that left the source are deleted.
    pub prune: bool,
    /// How often to reconcile.
    pub interval: ApiDuration,
    /// How soon to try again after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<ApiDuration>,
    /// How long a reconciliation may take, health checks included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<ApiDuration>,
    /// Stops all work on the object.
    pub suspend: bool,
    /// Recreates objects whose immutable fields change.
    pub force: bool,
    /// Waits for the health of everything applied.
    pub wait: bool,
    /// Waits for the health of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<HealthCheckReference>,
    /// Health of custom kinds by expressions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<CustomHealthCheck>,
    /// What must be ready before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyReference>,
    /// Namespace set on every object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<Text>,
    /// Prefix of every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<Text>,
    /// Suffix of every name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<Text>,
    /// Labels and annotations of every object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Patches of the build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Image replacements of the build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Components of the build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Text>,
    /// Whether missing components are passed over.
    pub ignore_missing_components: bool,
    /// Annotations about where things come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_metadata: Vec<Text>,
    /// Variables replaced after the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_build: Option<PostBuild>,
    /// How encrypted files are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<Decryption>,
    /// The account to act as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<Text>,
    /// The cluster to act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfigReference>,
    /// What happens to the objects when the `Kustomization` goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Fields left to others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
}

impl KustomizationSpec {
    /// How long a reconciliation may take: as given, else the interval less
    /// 30 s, and 30 s at least.
    #[must_use]
    pub fn timeout_or_default(&self) -> Duration {
        let given = self.timeout.map_or_else(
            || self.interval.0.saturating_sub(TIMEOUT_MARGIN),
            |timeout| timeout.0,
        );
        given.max(MIN_TIMEOUT)
    }

    /// How often the object is looked at when nothing happens: as given, but
    /// not more often than every [`MIN_INTERVAL`].
    #[must_use]
    pub fn interval_or_least(&self) -> Duration {
        self.interval.0.max(MIN_INTERVAL)
    }

    /// How soon to try again after a failure: as given, else the interval;
    /// not sooner than after [`MIN_INTERVAL`].
    #[must_use]
    pub fn retry_interval_or_default(&self) -> Duration {
        let given = self.retry_interval.unwrap_or(self.interval).0;
        given.max(MIN_INTERVAL)
    }

    /// What happens to the objects when the `Kustomization` goes.
    #[must_use]
    pub fn deletion_policy_or_default(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or_default()
    }
}

/// What happens to applied objects when their `Kustomization` is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// As `spec.prune` says.
    #[default]
    MirrorPrune,
    /// They are deleted.
    Delete,
    /// They are deleted, and the `Kustomization` stays until they are gone.
    WaitForTermination,
    /// They stay.
    Orphan,
}

/// The source of a `Kustomization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceReference {
    /// API version; the served one without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Text>,
    /// Kind: `GitRepository`, `OCIRepository`, `Bucket`, `ExternalArtifact`.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Namespace; that of the `Kustomization` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
}

/// Another `Kustomization` that must be ready first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DependencyReference {
    /// Name.
    pub name: Text,
    /// Namespace; that of the dependent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Expression that decides readiness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_expr: Option<Text>,
}

/// An object whose health is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheckReference {
    /// API version; `apps/v1` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Text>,
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Namespace; cluster-scoped without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
}

/// Health of a custom kind by expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomHealthCheck {
    /// API version of the kind.
    pub api_version: Text,
    /// The kind.
    pub kind: Text,
    /// True while it is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<Text>,
    /// True when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Text>,
    /// True when it is as it should be.
    pub current: Text,
}

/// Labels and annotations for every object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommonMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Text, Text>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Text, Text>,
}

/// Which objects a patch or rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// Group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// Kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Annotation selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<Text>,
    /// Label selector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<Text>,
}

/// A patch of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patch {
    /// Strategic merge or JSON patch, as text.
    pub patch: Text,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// An image replacement of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    /// Name to replace.
    pub name: Text,
    /// New name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<Text>,
    /// New tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<Text>,
    /// New digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Text>,
}

/// Variables replaced after the build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostBuild {
    /// Variables and values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitute: BTreeMap<Text, Text>,
    /// Objects with variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub substitute_from: Vec<SubstituteReference>,
    /// `WithVariables` or `Always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute_strategy: Option<Text>,
}

/// A `ConfigMap` or Secret with variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Whether it may be missing.
    pub optional: bool,
}

/// How encrypted files are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decryption {
    /// `sops`.
    pub provider: Text,
    /// The keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
    /// Account of workload identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<Text>,
}

/// Another cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubeConfigReference {
    /// A kubeconfig in a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyReference>,
    /// Settings of workload identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<LocalReference>,
}

/// Fields left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IgnoreRule {
    /// JSON pointers.
    pub paths: Vec<Text>,
    /// Which objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// What a `Kustomization` reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizationStatus {
    /// The generation that this status is about; −1 before the first look.
    #[serde(skip_serializing_if = "is_zero")]
    pub observed_generation: i64,
    /// Conditions.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
    /// The last revision that was applied in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<Text>,
    /// Its revision at its origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied_origin_revision: Option<Text>,
    /// The last revision that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<Text>,
    /// The last handled value of the request annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<Text>,
    /// The objects that are ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The last reconciliations.
    #[serde(skip_serializing_if = "History::is_empty")]
    pub history: History,
}

impl Resource for Kustomization {
    const GROUP: &'static str = names::KUSTOMIZE_GROUP;
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Kustomization";
    const PLURAL: &'static str = "kustomizations";
    const CONTROLLER: &'static str = names::KUSTOMIZE_CONTROLLER;
    const STATUS_MANAGER: &'static str = names::KUSTOMIZATION_STATUS_MANAGER;
    type Status = KustomizationStatus;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn status(&self) -> &KustomizationStatus {
        &self.status
    }

    fn conditions(&self) -> &Conditions {
        &self.status.conditions
    }

    fn observed_generation(&self) -> i64 {
        self.status.observed_generation
    }

    fn last_handled_reconcile_at(&self) -> Option<&str> {
        self.status.last_handled_reconcile_at.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interval_keeps_a_core_busy() {
        let spec = |interval: &str, retry: Option<&str>| KustomizationSpec {
            interval: ApiDuration::parse(interval).unwrap(),
            retry_interval: retry.map(|text| ApiDuration::parse(text).unwrap()),
            ..KustomizationSpec::default()
        };
        for (interval, retry, least, soonest) in [
            ("0s", None, 1000, 1000),
            ("1ms", Some("0s"), 1000, 1000),
            ("10m", Some("250ms"), 600_000, 1000),
            ("10m", None, 600_000, 600_000),
        ] {
            let spec = spec(interval, retry);
            assert_eq!(spec.interval_or_least(), Duration::from_millis(least));
            assert_eq!(
                spec.retry_interval_or_default(),
                Duration::from_millis(soonest)
            );
        }
    }
}
