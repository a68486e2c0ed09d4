//! What a decision looks at.

use super::{Observed, TargetError, TargetKind, TargetOptions};
use trueup_kinds::Canary;
use trueup_kinds::canary::AutoscalerReference;
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};

/// What the names of copies end with.
pub(super) const PRIMARY_SUFFIX: &str = "-primary";

/// What a decision looks at: the `Canary`, the settings of the installation,
/// and the objects that were read.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The `Canary`.
    pub canary: &'a Canary,
    /// Settings of the installation.
    pub options: &'a TargetOptions,
    /// What was read.
    pub observed: &'a Observed,
}

impl<'a> View<'a> {
    pub(super) fn kind(&self) -> Result<TargetKind, TargetError> {
        TargetKind::of(&self.canary.spec.target_ref)
    }

    pub(super) fn namespace(&self) -> &'a Text {
        &self.canary.metadata.namespace
    }

    pub(super) fn target_ref(&self) -> Result<ObjectRef, TargetError> {
        let name = self.canary.spec.target_ref.name.clone();
        Ok(self.local(self.kind()?.group_version_kind(), name))
    }

    pub(super) fn primary_ref(&self) -> Result<ObjectRef, TargetError> {
        let name = self.canary.spec.primary_name();
        Ok(self.local(self.kind()?.group_version_kind(), name))
    }

    pub(super) fn service_ref(&self, name: &str) -> ObjectRef {
        self.local(GroupVersionKind::new("v1", "Service"), name.into())
    }

    /// An object in the namespace of the `Canary`.
    pub(super) fn local(&self, kind: GroupVersionKind, name: Text) -> ObjectRef {
        ObjectRef {
            kind,
            namespace: self.namespace().clone(),
            name,
        }
    }

    /// The target as it was read.
    pub(super) fn target(&self) -> Result<&'a Value, TargetError> {
        self.observed.required(&self.target_ref()?)
    }

    /// The primary as it was read; an error if there is none.
    pub(super) fn primary(&self) -> Result<&'a Value, TargetError> {
        self.observed.required(&self.primary_ref()?)
    }

    /// The autoscaler and its copy, in the versions that are read.
    pub(super) fn scaler_refs(
        &self,
        reference: &AutoscalerReference,
    ) -> Result<(ObjectRef, ObjectRef), TargetError> {
        let kind = match reference.kind.as_str() {
            "HorizontalPodAutoscaler" => {
                GroupVersionKind::new("autoscaling/v2", "HorizontalPodAutoscaler")
            }
            "ScaledObject" => GroupVersionKind::new("keda.sh/v1alpha1", "ScaledObject"),
            other => {
                return Err(TargetError::refused(format!(
                    "autoscalerRef {}: kind {other} is neither HorizontalPodAutoscaler nor ScaledObject",
                    reference.name
                )));
            }
        };
        let copy = primary_name(&reference.name);
        Ok((
            self.local(kind.clone(), reference.name.clone()),
            self.local(kind, copy),
        ))
    }
}

/// The name of a copy.
pub(super) fn primary_name(name: &str) -> Text {
    format!("{name}{PRIMARY_SUFFIX}").into()
}

/// What every look at a `Canary` needs to have read: the target, the primary,
/// the Services, the autoscaler and its copy. What their content refers to is
/// asked for later, by [`TargetError::NeedsRead`]. Fails for a target that is
/// not supported.
pub fn first_needs(
    canary: &Canary,
    options: &TargetOptions,
) -> Result<Vec<ObjectRef>, TargetError> {
    let observed = Observed::new();
    let view = View {
        canary,
        options,
        observed: &observed,
    };
    let mut needs = vec![view.target_ref()?, view.primary_ref()?];
    let services = canary.spec.service_names();
    for name in [&services.apex, &services.primary, &services.canary] {
        let service = view.service_ref(name);
        if !needs.contains(&service) {
            needs.push(service);
        }
    }
    if let Some(reference) = &canary.spec.autoscaler_ref {
        let (scaler, copy) = view.scaler_refs(reference)?;
        needs.extend([scaler, copy]);
    }
    Ok(needs)
}
