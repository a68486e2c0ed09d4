//! The variables of a substitution, and where each comes from.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeMap;
use std::fmt;
use trueup_kinds::SubstituteReference;
use trueup_object::{Text, Value};

/// How many variables one Kustomization may have.
pub const MAX_VARIABLES: usize = 10_000;
/// How long all names and values of one Kustomization may be, in bytes.
pub const MAX_VARIABLE_BYTES: usize = 8 * 1024 * 1024;
/// How much of a bad name a message shows.
const MAX_SHOWN_CHARACTERS: usize = 80;

/// Where a variable comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableSource {
    /// `spec.postBuild.substitute`.
    Inline,
    /// A `ConfigMap` of `spec.postBuild.substituteFrom`, by name.
    ConfigMap(Text),
    /// A Secret of `spec.postBuild.substituteFrom`, by name.
    Secret(Text),
}

impl fmt::Display for VariableSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline => formatter.write_str("spec.postBuild.substitute"),
            Self::ConfigMap(name) => write!(formatter, "ConfigMap/{name}"),
            Self::Secret(name) => write!(formatter, "Secret/{name}"),
        }
    }
}

/// The value of a variable.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    value: Vec<u8>,
    source: VariableSource,
}

impl Variable {
    /// The value, which for a Secret need not be UTF-8.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &VariableSource {
        &self.source
    }

    /// Whether its value must not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.source, VariableSource::Secret(_))
    }
}

/// Values of Secrets are not shown.
impl fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            VariableSource::Secret(_) => write!(formatter, "*** ({})", self.source),
            _ => write!(
                formatter,
                "{:?} ({})",
                String::from_utf8_lossy(&self.value),
                self.source
            ),
        }
    }
}

/// The variables of one `ConfigMap` or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencedVariables {
    /// Which one.
    pub source: VariableSource,
    /// Names and values.
    pub pairs: Vec<(Text, Vec<u8>)>,
}

impl ReferencedVariables {
    /// Those of an object that `spec.postBuild.substituteFrom` leads to: the
    /// texts of its `data`, of a Secret decoded. Fails for a Secret whose
    /// data is no base64.
    pub fn of(reference: &SubstituteReference, object: &Value) -> Result<Self, ReferenceError> {
        let data = object.get("data").and_then(Value::as_map);
        let is_secret = reference.kind == "Secret";
        let pairs = data.into_iter().flatten().map(|(name, text)| {
            let value = if is_secret {
                BASE64_STANDARD.decode(text.as_str()?).ok()?
            } else {
                text.as_str().unwrap_or_default().into()
            };
            Some((name.clone(), value))
        });
        let pairs = pairs.collect::<Option<_>>();
        let name = reference.name.clone();
        Ok(Self {
            source: if is_secret {
                VariableSource::Secret(name)
            } else {
                VariableSource::ConfigMap(name)
            },
            pairs: pairs
                .ok_or_else(|| ReferenceError::new(reference, &"its data is not base64"))?,
        })
    }
}

/// Why a reference of `spec.postBuild.substituteFrom` gives no variables, in
/// Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("post build failed: substitute from '{kind}/{name}' error: {cause}")]
pub struct ReferenceError {
    kind: Text,
    name: Text,
    cause: String,
}

impl ReferenceError {
    /// Of a reference, for a cause such as what the API says.
    #[must_use]
    pub fn new(reference: &SubstituteReference, cause: &dyn fmt::Display) -> Self {
        Self {
            kind: reference.kind.clone(),
            name: reference.name.clone(),
            cause: cause.to_string(),
        }
    }
}

/// Why variables are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A name that is none.
    #[error(
        "{source_of}: '{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'"
    )]
    BadName {
        /// Where it is set.
        source_of: VariableSource,
        /// The name.
        name: Text,
    },
    /// More variables than are taken.
    #[error("spec.postBuild: more than {MAX_VARIABLES} variables")]
    TooMany,
    /// More text than is taken.
    #[error("spec.postBuild: the variables are longer than {MAX_VARIABLE_BYTES} bytes together")]
    TooLong,
}

/// The variables of a Kustomization; what is added later wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    by_name: BTreeMap<Text, Variable>,
}

impl Variables {
    /// No variable.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets variables in place of those of the same names. Newlines go from
    /// the values, as in Flux. Fails on a name that is none, and on too much.
    pub fn add<'a>(
        &mut self,
        source: &VariableSource,
        pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), VariableError> {
        for (name, value) in pairs {
            if !is_name(name) {
                return Err(VariableError::BadName {
                    source_of: source.clone(),
                    name: name
                        .chars()
                        .take(MAX_SHOWN_CHARACTERS)
                        .collect::<String>()
                        .into(),
                });
            }
            let value = value
                .iter()
                .copied()
                .filter(|byte| *byte != b'\n')
                .collect();
            let source = source.clone();
            self.by_name.insert(name.into(), Variable { value, source });
        }
        self.check_limits()
    }

    fn check_limits(&self) -> Result<(), VariableError> {
        if self.by_name.len() > MAX_VARIABLES {
            return Err(VariableError::TooMany);
        }
        let bytes = self
            .by_name
            .iter()
            .map(|(name, it)| name.len() + it.value.len());
        if bytes.sum::<usize>() > MAX_VARIABLE_BYTES {
            return Err(VariableError::TooLong);
        }
        Ok(())
    }

    /// A variable by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.by_name.get(name)
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Variable)> {
        self.by_name.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The values that must not be shown.
    pub fn secret_values(&self) -> impl Iterator<Item = &[u8]> {
        let secrets = self.by_name.values().filter(|it| it.is_secret());
        secrets.map(Variable::value)
    }
}

fn is_name(name: &str) -> bool {
    let is_start = |sign: u8| sign == b'_' || sign.is_ascii_alphabetic();
    let mut signs = name.bytes();
    signs.next().is_some_and(is_start) && signs.all(|sign| is_start(sign) || sign.is_ascii_digit())
}
