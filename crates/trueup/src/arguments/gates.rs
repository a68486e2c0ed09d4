//! Flux's `--feature-gates`.

use std::str::FromStr;
use trueup_controller::Strictness;

/// One gate and whether it is open, as in `StrictPostBuildSubstitutions=false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureGate {
    gate: Gate,
    is_open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Whether a variable that nothing sets is an error.
    StrictPostBuildSubstitutions,
    /// Whether `ExternalArtifact` may be a source.
    ExternalArtifact,
}

const GATES: [(&str, Gate); 2] = [
    (
        "StrictPostBuildSubstitutions",
        Gate::StrictPostBuildSubstitutions,
    ),
    ("ExternalArtifact", Gate::ExternalArtifact),
];

impl FromStr for FeatureGate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let known = GATES.iter().find(|(known, _)| *known == name.trim());
        let Some((name, gate)) = known else {
            let names = GATES.map(|(name, _)| name).join(", ");
            return Err(format!("unknown feature gate; known are: {names}"));
        };
        let is_open = match value.trim() {
            "true" => true,
            "false" => false,
            _ => return Err(format!("expected {name}=true or {name}=false")),
        };
        Ok(Self {
            gate: *gate,
            is_open,
        })
    }
}

/// What a variable is that nothing sets.
pub fn substitutions(gates: &[FeatureGate]) -> Strictness {
    match last(gates, Gate::StrictPostBuildSubstitutions) {
        Some(false) => Strictness::Lenient,
        _ => Strictness::Strict,
    }
}

/// Whether an `ExternalArtifact` may be a source; as in Flux it may not where
/// nothing is said.
pub fn allows_external_artifacts(gates: &[FeatureGate]) -> bool {
    last(gates, Gate::ExternalArtifact) == Some(true)
}

/// Whether a gate is open, where that is said; its last word counts.
fn last(gates: &[FeatureGate], gate: Gate) -> Option<bool> {
    let said = gates.iter().rev().find(|it| it.gate == gate)?;
    Some(said.is_open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_gate_of_a_name_counts() {
        let read = |text: &str| {
            text.split(',')
                .map(|it| it.parse().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(substitutions(&[]), Strictness::Strict);
        let off = read("StrictPostBuildSubstitutions=false");
        assert_eq!(substitutions(&off), Strictness::Lenient);
        let on = read(
            "StrictPostBuildSubstitutions=false,ExternalArtifact=false,StrictPostBuildSubstitutions=true",
        );
        assert_eq!(substitutions(&on), Strictness::Strict);
        assert!(!allows_external_artifacts(&on));
        assert!(!allows_external_artifacts(&[]));
        let open = read("ExternalArtifact=false,ExternalArtifact=true");
        assert!(allows_external_artifacts(&open));
    }

    #[test]
    fn gates_that_are_none_are_refused() {
        for text in [
            "Unknown=true",
            "ExternalArtifact=yes",
            "StrictPostBuildSubstitutions",
            "StrictPostBuildSubstitutions=1",
            "",
        ] {
            assert!(text.parse::<FeatureGate>().is_err(), "{text}");
        }
    }
}
