//! `Canary` and what it asks for.

use super::decode::{FieldErrors, decode_fields};
use super::{
    AutoscalerReference, CanaryAnalysis, CanaryService, CanaryStatus, CrossNamespaceReference,
    Strategy, TargetReference, number,
};
use crate::{Conditions, KindError, Metadata, Resource, names};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use trueup_object::{ObjectRef, Text, Value};

/// How long a workload may make no progress where nothing is given.
pub const DEFAULT_PROGRESS_DEADLINE_SECONDS: i64 = 600;

/// A workload whose new revisions get traffic little by little.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Canary {
    /// Metadata.
    pub metadata: Metadata,
    /// What is wanted.
    pub spec: CanarySpec,
    /// What was found.
    pub status: CanaryStatus,
}

/// What a `Canary` asks for; all fields of Flagger's API, served or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanarySpec {
    /// Who shifts the traffic; that of the installation where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub provider: Text,
    /// The Prometheus of builtin and inline queries; that of the installation
    /// where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub metrics_server: Text,
    /// How long a workload may make no progress, in seconds, as given.
    #[serde(
        deserialize_with = "number::whole_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub progress_deadline_seconds: Option<i64>,
    /// The workload.
    pub target_ref: TargetReference,
    /// Its autoscaler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaler_ref: Option<AutoscalerReference>,
    /// Its `Ingress` (NGINX, Skipper).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_ref: Option<TargetReference>,
    /// Its `ApisixRoute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_ref: Option<TargetReference>,
    /// The `Upstream` whose settings are copied (Gloo).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_ref: Option<CrossNamespaceReference>,
    /// The Services and routes that are made.
    pub service: CanaryService,
    /// How a new revision is watched.
    pub analysis: CanaryAnalysis,
    /// Whether a new revision is promoted without being watched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_analysis: bool,
    /// Whether everything is put back when the `Canary` is deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub revert_on_deletion: bool,
    /// Stops all work on the object; traffic stays where it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// The names of the three Services of a `Canary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNames {
    /// The Service that others call.
    pub apex: Text,
    /// The Service of the primary's Pods.
    pub primary: Text,
    /// The Service of the canary's Pods.
    pub canary: Text,
}

impl CanarySpec {
    /// The names of the three Services.
    #[must_use]
    pub fn service_names(&self) -> ServiceNames {
        let apex = if self.service.name.is_empty() {
            &self.target_ref.name
        } else {
            &self.service.name
        };
        ServiceNames {
            apex: apex.clone(),
            primary: format!("{apex}-primary").into(),
            canary: format!("{apex}-canary").into(),
        }
    }

    /// The name of the copy of the target that serves.
    #[must_use]
    pub fn primary_name(&self) -> Text {
        format!("{}-primary", self.target_ref.name).into()
    }

    /// The provider, with the installation's where none is given.
    #[must_use]
    pub fn provider_or<'a>(&'a self, default: &'a str) -> &'a str {
        if self.provider.is_empty() {
            default
        } else {
            &self.provider
        }
    }

    /// How long a workload may make no progress.
    #[must_use]
    pub fn progress_deadline_or_default(&self) -> Duration {
        let seconds = self
            .progress_deadline_seconds
            .unwrap_or(DEFAULT_PROGRESS_DEADLINE_SECONDS);
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }

    /// The way in which a new revision gets traffic.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        Strategy::of(&self.analysis)
    }
}

impl Canary {
    /// Reads a live object; names every field that does not fit. Unknown
    /// fields are passed over.
    pub fn decode(object: &Value) -> Result<Self, FieldErrors> {
        decode_fields(object)
    }

    /// `NAME.NAMESPACE`, as events and metrics call it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.metadata.name, self.metadata.namespace)
    }

    /// Whether Flagger's finalizer is on it, so that it can be put back before
    /// it goes.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.metadata
            .finalizers
            .iter()
            .any(|finalizer| finalizer == names::FLAGGER_FINALIZER)
    }
}

impl Resource for Canary {
    const GROUP: &'static str = names::FLAGGER_GROUP;
    const VERSION: &'static str = "v1beta1";
    const KIND: &'static str = "Canary";
    const PLURAL: &'static str = "canaries";
    const CONTROLLER: &'static str = names::FLAGGER_CONTROLLER;
    const STATUS_MANAGER: &'static str = names::FLAGGER_STATUS_MANAGER;
    type Status = CanaryStatus;

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn status(&self) -> &CanaryStatus {
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

    fn read(object: &Value) -> Result<Self, KindError> {
        Self::decode(object).map_err(|errors| KindError {
            kind: Self::KIND,
            object: ObjectRef::of(object).map_or_else(
                || "an object without a name".into(),
                |it| it.to_string().into(),
            ),
            cause: errors.into(),
        })
    }
}
