//! Which workloads can be targets.

use super::TargetError;
use trueup_kinds::canary::TargetReference;
use trueup_object::GroupVersionKind;

/// A kind that can be a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// A Service without a workload, such as an `ExternalName`.
    Service,
}

impl TargetKind {
    /// What a `targetRef` names. Kinds that are not served are refused by
    /// name.
    pub fn of(reference: &TargetReference) -> Result<Self, TargetError> {
        if reference.is_knative() {
            return Err(TargetError::refused(format!(
                "targetRef {}: Services of Knative are not supported as targets",
                reference.name
            )));
        }
        match reference.kind.as_str() {
            "Deployment" => Ok(Self::Deployment),
            "DaemonSet" => Ok(Self::DaemonSet),
            "Service" => Ok(Self::Service),
            other => Err(TargetError::refused(format!(
                "TargetRef.Kind invalid: {other}"
            ))),
        }
    }

    /// The version in which it is read and written.
    #[must_use]
    pub fn group_version_kind(self) -> GroupVersionKind {
        match self {
            Self::Deployment => GroupVersionKind::new("apps/v1", "Deployment"),
            Self::DaemonSet => GroupVersionKind::new("apps/v1", "DaemonSet"),
            Self::Service => GroupVersionKind::new("v1", "Service"),
        }
    }

    /// How messages call it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::DaemonSet => "daemonset",
            Self::Service => "service",
        }
    }
}
