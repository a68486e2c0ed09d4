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
    /// Whether `ExternalArtifact` may be a source; it may not.
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
        if *gate == Gate::ExternalArtifact && is_open {
            return Err("sources of kind ExternalArtifact are not supported".to_owned());
        }
        Ok(Self {
            gate: *gate,
            is_open,
        })
    }
}

/// What a variable is that nothing sets; the last gate of its name counts.
pub fn substitutions(gates: &[FeatureGate]) -> Strictness {
    let gate = Gate::StrictPostBuildSubstitutions;
    match gates.iter().rev().find(|it| it.gate == gate) {
        Some(FeatureGate { is_open: false, .. }) => Strictness::Lenient,
        _ => Strictness::Strict,
    }
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
    }

    #[test]
    fn gates_that_are_none_are_refused() {
        for text in [
            "Unknown=true",
            "ExternalArtifact=true",
            "StrictPostBuildSubstitutions",
            "StrictPostBuildSubstitutions=1",
            "",
        ] {
            assert!(text.parse::<FeatureGate>().is_err(), "{text}");
        }
    }
}
