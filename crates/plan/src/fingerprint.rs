//! A short name for a value: equal fingerprints, equal values.

use sha2::{Digest, Sha256};
use std::fmt;
use trueup_object::{Value, to_json};

/// SHA-256 of a value's canonical JSON (keys in order, no space).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self(Sha256::digest(to_json(value)).into())
    }

    /// The fingerprint of several in their order.
    pub fn of_all(parts: impl IntoIterator<Item = Fingerprint>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.0);
        }
        Self(hash.finalize().into())
    }

    /// The first half as a number, where many are kept.
    #[must_use]
    pub(crate) fn short(&self) -> u128 {
        self.0
            .iter()
            .take(16)
            .fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

/// `sha256:` and 64 hexadecimal digits, as in `status.history`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
