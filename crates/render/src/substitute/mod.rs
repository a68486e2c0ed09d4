//! Variables put into manifests after the build: `spec.postBuild`.
//!
//! Substitution is textual: an object is printed as kustomize prints it, the
//! expansions in the text are replaced, and the result is read as YAML again.
//! The dialect is that of Flux's `envsubst`.

mod case;
mod error;
mod expand;
mod glob;
mod object;
mod template;
#[cfg(test)]
mod tests;
mod variables;

pub use error::{SubstituteError, SyntaxError};
pub use expand::{MAX_EXPANSION_STEPS, MAX_SUBSTITUTED_BYTES};
pub(crate) use object::substituted;
pub use template::MAX_NESTED_EXPANSIONS;
pub use variables::{
    MAX_VARIABLE_BYTES, MAX_VARIABLES, ReferenceError, ReferencedVariables, Variable,
    VariableError, VariableSource, Variables,
};

use expand::Expander;
use std::collections::BTreeSet;
use trueup_kinds::PostBuild;

/// What a variable is that nothing sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// An error; Flux's default since 2.9.
    #[default]
    Strict,
    /// An empty text: Flux's `StrictPostBuildSubstitutions=false`.
    Lenient,
}

/// When substitution takes place: `spec.postBuild.substituteStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Where there is a variable at all.
    #[default]
    WithVariables,
    /// Always.
    Always,
}

/// `spec.postBuild`, the variables read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substitution {
    /// The variables.
    pub variables: Variables,
    /// When it takes place.
    pub strategy: Strategy,
    /// What a variable is that nothing sets.
    pub strictness: Strictness,
}

impl Substitution {
    /// What `spec.postBuild` asks for. `referenced` is what its
    /// `substituteFrom` leads to, in order: later ones win, and what is
    /// written in the specification wins over all. Fails on a name that is
    /// none, and on too much.
    pub fn of(
        post_build: &PostBuild,
        referenced: &[ReferencedVariables],
        strictness: Strictness,
    ) -> Result<Self, VariableError> {
        let mut variables = Variables::new();
        for from in referenced {
            let pairs = from.pairs.iter();
            variables.add(
                &from.source,
                pairs.map(|(name, value)| (name.as_str(), value.as_slice())),
            )?;
        }
        let inline = post_build.substitute.iter();
        variables.add(
            &VariableSource::Inline,
            inline.map(|(name, value)| (name.as_str(), value.as_bytes())),
        )?;
        let strategy = match post_build.substitute_strategy.as_deref() {
            Some("Always") => Strategy::Always,
            _ => Strategy::WithVariables,
        };
        Ok(Self {
            variables,
            strategy,
            strictness,
        })
    }

    /// Whether anything is done at all.
    #[must_use]
    pub fn takes_place(&self) -> bool {
        self.strategy == Strategy::Always || !self.variables.is_empty()
    }
}

/// A text with its variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// What values of Secrets became in it.
    pub secrets: BTreeSet<Vec<u8>>,
}

/// Puts variables into a text.
pub fn substitute(
    text: &str,
    variables: &Variables,
    strictness: Strictness,
) -> Result<Substituted, SubstituteError> {
    let pieces = template::parse(text).map_err(SubstituteError::Syntax)?;
    let mut expander = Expander::new(variables, strictness);
    let bytes = expander.text(&pieces)?;
    Ok(Substituted {
        text: String::from_utf8(bytes).map_err(|_| SubstituteError::NotUtf8)?,
        secrets: expander.secrets,
    })
}
