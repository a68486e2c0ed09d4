//! `GitRepository` of `source.toolkit.fluxcd.io/v1`.

use crate::names;
use crate::time;
use crate::{ApiDuration, Conditions, LocalReference, MIN_INTERVAL, Metadata, Resource};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_object::Text;

/// `spec.timeout` where it is not given.
pub const DEFAULT_GIT_TIMEOUT: Duration = Duration::from_secs(60);
/// The branch where `spec.ref` names nothing, as Flux.
const DEFAULT_BRANCH: &str = "master";

/// A Git repository whose tree at some reference is kept as an artifact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GitRepository {
    /// Metadata.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: GitRepositorySpec,
    /// What was found.
    #[serde(default)]
    pub status: GitRepositoryStatus,
}

/// What a `GitRepository` asks for; all fields of Flux's API, served or not
/// (see [`crate::unserved_fields`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositorySpec {
    /// Where the repository is: `http`, `https` or `ssh`.
    pub url: Text,
    /// Credentials and certificate authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalReference>,
    /// Where credentials come from: `generic`, `aws`, `azure`, `github`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text>,
    /// Service account of workload identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<Text>,
    /// How often to look.
    pub interval: ApiDuration,
    /// How long one Git operation may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<ApiDuration>,
    /// Which commit.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRepositoryRef>,
    /// Whether signatures are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitRepositoryVerification>,
    /// Proxy settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalReference>,
    /// Ignore rules in gitignore notation, after those in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Text>,
    /// Stops all work on the object.
    pub suspend: bool,
    /// Whether submodules are fetched.
    pub recurse_submodules: bool,
    /// Artifacts of other repositories copied into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<GitRepositoryInclude>,
    /// Folders to check out, others are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sparse_checkout: Vec<Text>,
}

impl GitRepositorySpec {
    /// How long one Git operation may take, with its default.
    #[must_use]
    pub fn timeout_or_default(&self) -> Duration {
        self.timeout
            .map_or(DEFAULT_GIT_TIMEOUT, |timeout| timeout.0)
    }

    /// How often Git is asked when nothing happens: as given, but not more
    /// often than every [`MIN_INTERVAL`].
    #[must_use]
    pub fn interval_or_least(&self) -> Duration {
        self.interval.0.max(MIN_INTERVAL)
    }

    /// The reference with Flux's default, branch `master`, where nothing is
    /// named.
    #[must_use]
    pub fn reference_or_default(&self) -> GitRepositoryRef {
        let given = self.reference.clone().unwrap_or_default();
        if given == GitRepositoryRef::default() {
            return GitRepositoryRef {
                branch: Some(DEFAULT_BRANCH.into()),
                ..given
            };
        }
        given
    }
}

/// Which commit of a repository; precedence commit, name, semver, tag, branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitRepositoryRef {
    /// A branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    /// A tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Text>,
    /// A range of versions, matched against the tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<Text>,
    /// A full reference name, such as `refs/pull/1/head`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// A commit id; with a branch, a commit of that branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Text>,
}

/// Which signatures are checked with which keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositoryVerification {
    /// `HEAD`, `Tag` or `TagAndHEAD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Text>,
    /// The keys.
    pub secret_ref: LocalReference,
}

/// Another repository's artifact, copied in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositoryInclude {
    /// The other `GitRepository`.
    pub repository: LocalReference,
    /// Folder in the other artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<Text>,
    /// Folder in this artifact; the other's name without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_path: Option<Text>,
}

/// A stored artifact as sources publish it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Path in the storage: `gitrepository/<namespace>/<name>/<commit>.tar.gz`.
    pub path: Text,
    /// Where to fetch it.
    pub url: Text,
    /// Revision, such as `main@sha1:…`.
    pub revision: Text,
    /// Digest of the archive, `sha256:…`.
    pub digest: Text,
    /// When it was stored.
    #[serde(with = "time::api")]
    pub last_update_time: Timestamp,
    /// Size of the archive in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Facts about the origin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<Text, Text>,
}

/// What a `GitRepository` reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositoryStatus {
    /// The generation that this status is about; −1 before the first look.
    #[serde(skip_serializing_if = "is_zero")]
    pub observed_generation: i64,
    /// Conditions.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
    /// The newest artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The artifacts that were included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_artifacts: Vec<Artifact>,
    /// `spec.ignore` of the artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<Text>,
    /// `spec.recurseSubmodules` of the artifact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub observed_recurse_submodules: bool,
    /// `spec.include` of the artifact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_include: Vec<GitRepositoryInclude>,
    /// `spec.sparseCheckout` of the artifact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_sparse_checkout: Vec<Text>,
    /// How the artifact was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_verification_mode: Option<Text>,
    /// The last handled value of the request annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<Text>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
pub(crate) fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Resource for GitRepository {
    const GROUP: &'static str = names::SOURCE_GROUP;
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "GitRepository";
    const PLURAL: &'static str = "gitrepositories";
    const CONTROLLER: &'static str = names::SOURCE_CONTROLLER;
    const STATUS_MANAGER: &'static str = names::SOURCE_STATUS_MANAGER;
    type Status = GitRepositoryStatus;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn status(&self) -> &GitRepositoryStatus {
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
