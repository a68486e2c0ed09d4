//! The custom resources that Trueup serves, as Flux and Flagger define them: typed
//! `GitRepository`, `ExternalArtifact` and `Kustomization`, their conditions, reasons, messages,
//! inventory and history, the kinds of [`canary`], the definitions to install, and [`Report`],
//! the one value that becomes event, log line and terminal line.
//!
//! Floor 3: pure. Time is an argument, nothing here reads or writes.

mod approval;
mod condition;
mod definitions;
mod duration;
mod external_artifact;
mod git_repository;
mod history;
mod install;
mod inventory;
mod kustomization;
mod metadata;
mod patch;
mod report;
mod resource;
mod suspension;
mod time;
mod unserved;
mod widening;

pub mod canary;
pub mod message;
pub mod names;
pub mod outgoing;
pub mod reason;

pub use approval::Approval;
pub use canary::{AlertProvider, Canary, MetricTemplate};
pub use condition::{Condition, ConditionChange, ConditionStatus, Conditions, condition_type};
pub use definitions::{
    definition, definitions, gitops_definitions, progressive_delivery_definitions,
};
pub use duration::{ApiDuration, DurationError, MIN_INTERVAL};
pub use external_artifact::{
    ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus, ExternalSourceReference,
};
pub use git_repository::{
    Artifact, DEFAULT_GIT_TIMEOUT, GitRepository, GitRepositoryInclude, GitRepositoryRef,
    GitRepositorySpec, GitRepositoryStatus, GitRepositoryVerification,
};
pub use history::{History, HistoryEntry, MAX_HISTORY_ENTRIES, Reconciliation};
pub use install::{
    ARTIFACTS_PORT, CONTAINER, CanarySupport, ControllerRights, DEFAULT_NAMESPACE, HEALTH_PORT,
    INSTALL_NAME, InstallManifests, InstallOptions, Isolation, KUBERNETES_RANGE,
    KUSTOMIZE_COMPONENT, SOURCE_COMPONENT, WatchedNamespaces, install_manifests,
};
pub use inventory::{Inventory, InventoryEntry, InventoryError, object_id, parse_object_id};
pub use kustomization::{
    CommonMetadata, CustomHealthCheck, Decryption, DeletionPolicy, DependencyReference,
    HealthCheckReference, IgnoreRule, Image, KubeConfigReference, Kustomization, KustomizationSpec,
    KustomizationStatus, MIN_TIMEOUT, Patch, PostBuild, Selector, SourceReference,
    SubstituteReference,
};
pub use metadata::{LocalReference, Metadata, SecretKeyReference};
pub use patch::status_patch;
pub use report::{EventType, Report, Reporter, Severity, Style, requested_event_metadata};
pub use resource::{KindError, Resource};
pub use suspension::{Suspension, SuspensionEnd};
pub use time::{format_time, parse_time};
pub use unserved::{UnservedField, unserved_fields};
pub use widening::{Widening, widen};
