//! `replacements`: values copied from one resource to others.

use crate::BuildError;
use crate::files::Files;
use crate::kustomization::ReplacementRule;
use crate::resources::Resources;
use trueup_artifact::TreePath;

/// Runs the replacements of a root.
pub(crate) fn replacements(
    _resources: &mut Resources,
    _files: &mut Files<'_>,
    _folder: &TreePath,
    _rules: &[ReplacementRule],
) -> Result<(), BuildError> {
    Ok(())
}
