//! What to render.

use trueup_kinds::Kustomization;
use trueup_kustomize::Limits;
use trueup_object::Text;

/// What to render; together with the tree it decides the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderRequest {
    /// `spec.path`; empty for the root of the tree.
    pub path: Text,
    /// `spec.targetNamespace`.
    pub target_namespace: Option<Text>,
    /// The Kustomization's name, for the owner label.
    pub owner_name: Text,
    /// The Kustomization's namespace, for the owner label.
    pub owner_namespace: Text,
    /// How much may be read.
    pub limits: Limits,
}

impl RenderRequest {
    /// What a Kustomization asks for. A path is relative to the root of the
    /// source, a slash in front makes no difference, as in Flux.
    #[must_use]
    pub fn of(kustomization: &Kustomization) -> Self {
        let path = kustomization.spec.path.as_deref().unwrap_or("");
        Self {
            path: path.trim_start_matches('/').into(),
            target_namespace: kustomization
                .spec
                .target_namespace
                .clone()
                .filter(|given| !given.is_empty()),
            owner_name: kustomization.metadata.name.clone(),
            owner_namespace: kustomization.metadata.namespace.clone(),
            limits: Limits::default(),
        }
    }
}
