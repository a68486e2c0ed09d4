//! Builtin generators, transformers and validators that are configured in
//! files of their own.

use crate::BuildError;
use crate::accumulate::{Accumulator, Builder};
use crate::kustomization::Located;
use crate::resource::Resource;
use trueup_artifact::TreePath;
use trueup_object::Text;

/// What the generators of these files make.
pub(crate) fn generate(
    _builder: &mut Builder<'_>,
    _folder: &TreePath,
    _written: &[Located<Text>],
) -> Result<Vec<Resource>, BuildError> {
    Ok(Vec::new())
}

/// Runs the transformers of these files.
pub(crate) fn transform(
    _builder: &mut Builder<'_>,
    _folder: &TreePath,
    _written: &[Located<Text>],
    _gathered: &mut Accumulator,
) -> Result<(), BuildError> {
    Ok(())
}

/// Runs the validators of these files; they must change nothing.
pub(crate) fn validate(
    _builder: &mut Builder<'_>,
    _folder: &TreePath,
    _written: &[Located<Text>],
    _gathered: &mut Accumulator,
) -> Result<(), BuildError> {
    Ok(())
}
