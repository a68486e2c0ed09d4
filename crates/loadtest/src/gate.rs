//! Gates: which there are, and what is kept of them.

use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_rollout::webhooks::loadtest::GateKind;

/// The ConfigMap that keeps the gates that are open.
pub const GATES: &str = "trueup-gates";
/// The most gates that are open at once.
pub const MAX_OPEN_GATES: usize = 2_000;
/// The longest key of a ConfigMap, which is the API's limit.
const MAX_KEY_BYTES: usize = 253;
/// What an open gate is called; anything else, and nothing, is a closed one.
const OPEN: &str = "open";

/// A gate of one Canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    kind: GateKind,
    key: Text,
}

/// Why nothing is kept of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Names that no Canary can have.
    #[error("no Canary has such a name and namespace")]
    Name,
    /// Over [`MAX_OPEN_GATES`].
    #[error("{MAX_OPEN_GATES} gates are open already")]
    TooMany,
}

impl Gate {
    /// The gate of a Canary. Gates of different Canaries, and the two of one,
    /// never share a key: names hold no underscore.
    ///
    /// # Errors
    /// Names that the API does not allow, or too long to be kept.
    pub fn new(kind: GateKind, namespace: &str, name: &str) -> Result<Self, GateError> {
        let prefix = match kind {
            GateKind::Advance => "gate",
            GateKind::Rollback => "rollback",
        };
        let key = format!("{prefix}_{namespace}_{name}");
        let possible = is_label(namespace) && name.split('.').all(is_label);
        if !possible || key.len() > MAX_KEY_BYTES {
            return Err(GateError::Name);
        }
        Ok(Self {
            kind,
            key: key.into(),
        })
    }

    /// What it lets through.
    #[must_use]
    pub fn kind(&self) -> GateKind {
        self.kind
    }

    /// Whether it is open, by the ConfigMap that keeps the gates; without one
    /// all are closed.
    #[must_use]
    pub fn is_open(&self, kept: Option<&Value>) -> bool {
        kept.and_then(|kept| kept.str_at(&["data", &self.key])) == Some(OPEN)
    }

    /// The merge patch that opens it. It touches nothing but this gate, so
    /// that two who open and close at once don't undo each other.
    ///
    /// # Errors
    /// When too many are open.
    pub fn opening(&self, kept: Option<&Value>) -> Result<Value, GateError> {
        let data = kept.and_then(|kept| kept.at(&["data"])?.as_map());
        let full =
            data.is_some_and(|data| data.len() >= MAX_OPEN_GATES && !data.contains_key(&self.key));
        if full {
            return Err(GateError::TooMany);
        }
        Ok(value!({"data": {(self.key.clone()): OPEN}}))
    }

    /// The merge patch that closes it.
    #[must_use]
    pub fn closing(&self) -> Value {
        value!({"data": {(self.key.clone()): null}})
    }
}

/// The ConfigMap that keeps the gates, in a namespace.
#[must_use]
pub fn gates_reference(namespace: &str) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new("v1", "ConfigMap"),
        namespace: namespace.into(),
        name: GATES.into(),
    }
}

/// A label of RFC 1123, as the API wants it.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(kind: GateKind, namespace: &str, name: &str) -> Gate {
        Gate::new(kind, namespace, name).unwrap()
    }

    #[test]
    fn a_gate_is_open_only_when_it_is_kept_as_open() {
        let advance = gate(GateKind::Advance, "test", "podinfo");
        let kept = |text: &str| value!({"data": {"gate_test_podinfo": text}});
        assert!(advance.is_open(Some(&kept("open"))));
        for text in ["closed", "", "OPEN", "true"] {
            assert!(!advance.is_open(Some(&kept(text))), "{text}");
        }
        assert!(!advance.is_open(None));
        assert!(!advance.is_open(Some(&value!({"data": {"gate_test_podinfo": true}}))));
        assert!(!gate(GateKind::Rollback, "test", "podinfo").is_open(Some(&kept("open"))));
        assert!(!gate(GateKind::Advance, "other", "podinfo").is_open(Some(&kept("open"))));
    }

    /// In Flagger `rollback.podinfo.test` is both the gate of a Canary called
    /// `rollback.podinfo` and the rollback of `podinfo`.
    #[test]
    fn no_two_gates_share_a_key() {
        let gates = [
            gate(GateKind::Advance, "test", "rollback.podinfo"),
            gate(GateKind::Rollback, "test", "podinfo"),
            gate(GateKind::Advance, "test", "podinfo"),
        ];
        for (at, one) in gates.iter().enumerate() {
            assert!(gates[at + 1..].iter().all(|other| other.key != one.key));
        }
    }

    #[test]
    fn names_that_no_canary_has_are_refused() {
        let long = "a".repeat(64);
        for (namespace, name) in [
            ("", "a"),
            ("a", ""),
            ("a.b", "c"),
            ("a", "b_c"),
            ("a", "B"),
            ("a", "b/c"),
            ("a", "b..c"),
            ("a", "-b"),
            ("a", "b."),
            ("../x", "a"),
            (long.as_str(), "a"),
            ("a", long.as_str()),
            ("a", "ü"),
        ] {
            let found = Gate::new(GateKind::Advance, namespace, name);
            assert_eq!(found, Err(GateError::Name), "{namespace}/{name}");
        }
        let longest = ["a"; 120].join(".");
        assert!(Gate::new(GateKind::Advance, "a", &longest).is_ok());
        let longer = ["a"; 127].join(".");
        assert!(Gate::new(GateKind::Rollback, "a", &longer).is_err());
    }

    #[test]
    fn only_so_many_are_open_at_once() {
        let mut kept = value!({});
        for number in 0..MAX_OPEN_GATES {
            let key = format!("gate_test_a{number}");
            kept.set_at(&["data", &key], OPEN.into());
        }
        let another = gate(GateKind::Advance, "test", "b");
        assert_eq!(another.opening(Some(&kept)), Err(GateError::TooMany));
        assert!(
            gate(GateKind::Advance, "test", "a7")
                .opening(Some(&kept))
                .is_ok()
        );
    }
}
