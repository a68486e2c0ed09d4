//! Patches: strategic merges and JSON 6902.

use crate::BuildError;
use crate::files::Files;
use crate::kustomization::{Located, PatchRule};
use crate::openapi::OpenApi;
use crate::resources::Resources;
use trueup_artifact::TreePath;
use trueup_object::Text;

/// `patchesStrategicMerge`: files or texts.
pub(crate) fn strategic_merge(
    _resources: &mut Resources,
    _files: &mut Files<'_>,
    _folder: &TreePath,
    _patches: &[Located<Text>],
    _openapi: &OpenApi,
) -> Result<(), BuildError> {
    Ok(())
}

/// `patches`.
pub(crate) fn patches(
    _resources: &mut Resources,
    _files: &mut Files<'_>,
    _folder: &TreePath,
    _rules: &[PatchRule],
    _openapi: &OpenApi,
) -> Result<(), BuildError> {
    Ok(())
}

/// `patchesJson6902`.
pub(crate) fn json_6902(
    _resources: &mut Resources,
    _files: &mut Files<'_>,
    _folder: &TreePath,
    _rules: &[PatchRule],
) -> Result<(), BuildError> {
    Ok(())
}
