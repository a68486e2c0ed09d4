//! How lists are merged: the schemas that kustomize comes with, and those that
//! `openapi` fields bring.

use crate::BuildError;
use crate::files::Files;
use crate::kustomization::KustomizationFile;
use trueup_artifact::TreePath;

/// Schemas of kinds, as far as strategic merge patches need them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenApi {}

impl OpenApi {
    /// The schemas of Kubernetes 1.21, the only ones that kustomize has.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// The schemas that hold from this root on.
    pub fn of(
        _files: &mut Files<'_>,
        _folder: &TreePath,
        _file: &KustomizationFile,
        before: &OpenApi,
    ) -> Result<Self, BuildError> {
        Ok(before.clone())
    }
}
