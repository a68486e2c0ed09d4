//! Variables put into one object of a build.

use super::{SubstituteError, Substitution, substitute};
use crate::{RenderError, Rendered};
use trueup_kinds::names;
use trueup_kustomize::BuiltObject;
use trueup_object::{Manifest, ObjectRef, Value, from_yaml, hide_values};

/// The value of a label or annotation that keeps an object as it is.
const DISABLED: &str = "disabled";

/// An object with its variables put in; what the values of Secrets became is
/// noted in `rendered`.
pub(crate) fn substituted(
    object: &BuiltObject<'_>,
    substitution: &Substitution,
    rendered: &mut Rendered,
) -> Result<Manifest, RenderError> {
    let printed = object.to_yaml()?;
    if is_disabled(object) || !printed.contains('$') {
        return Ok(object.manifest()?);
    }
    let made = substitute(&printed, &substitution.variables, substitution.strictness);
    let made = made.map_err(|cause| failed(object, cause))?;
    let taints = !made.secrets.is_empty();
    let value = read(object, &made.text, taints)?;
    let manifest = Manifest::new(value, object.position().clone()).map_err(|error| {
        let values = made.secrets.iter();
        let values = values.filter_map(|it| std::str::from_utf8(it).ok());
        RenderError::NoObject {
            message: hide_values(&error.to_string(), values),
            object: Box::new(object.reference()),
        }
    })?;
    if taints {
        rendered.secrets.extend(made.secrets);
        rendered.tainted.insert(manifest.reference());
    }
    Ok(manifest)
}

fn is_disabled(object: &BuiltObject<'_>) -> bool {
    let says = |text: Option<&str>| text == Some(DISABLED);
    says(object.label(names::SUBSTITUTE)) || says(object.annotation(names::SUBSTITUTE))
}

/// In a Secret what stands in the place of a variable's name may be part of a
/// value.
fn failed(object: &BuiltObject<'_>, cause: SubstituteError) -> RenderError {
    let reference = object.reference();
    let cause = match cause {
        SubstituteError::Syntax(error) if is_secret(&reference) => {
            SubstituteError::Syntax(error.anonymous())
        }
        cause => cause,
    };
    RenderError::Substitution {
        position: object.position().clone(),
        object: Box::new(reference),
        cause,
    }
}

fn is_secret(reference: &ObjectRef) -> bool {
    reference.kind.group.is_empty() && reference.kind.kind == "Secret"
}

/// The text read again; where values of Secrets are in it, what is wrong with
/// it is not told, as it might quote them.
fn read(object: &BuiltObject<'_>, text: &str, taints: bool) -> Result<Value, RenderError> {
    let failed = |line: u32, message: &str| {
        let reference = object.reference();
        RenderError::NotYaml {
            position: object.position().clone(),
            line,
            message: if taints || is_secret(&reference) {
                "what is wrong is withheld, it may show the value of a Secret".to_owned()
            } else {
                message.to_owned()
            },
            object: Box::new(reference),
        }
    };
    from_yaml(text).map_err(|error| failed(error.line, &error.message))
}
