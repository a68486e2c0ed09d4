//! The data of a Secret, held so that it can't be printed by accident.

use super::{ReceivedAnswer, quoted};
use std::collections::BTreeMap;
use std::fmt;
use trueup_object::hide_values;

/// Keys and values of a Secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, Vec<u8>>);

impl Credentials {
    /// The value under a key, as text: bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.0
            .get(key)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// A message without any of the values: `***` stands in their places.
    #[must_use]
    pub fn hide_in(&self, message: &str) -> String {
        let values: Vec<String> = self
            .0
            .values()
            .map(|value| String::from_utf8_lossy(value).trim().to_owned())
            .collect();
        hide_values(message, values.iter().map(String::as_str))
    }

    /// The body of an answer as a message may quote it, without any of the
    /// values: they are masked before it is cut, so that no part is left.
    #[must_use]
    pub fn quoted_body(&self, answer: &ReceivedAnswer) -> String {
        quoted(&self.hide_in(&String::from_utf8_lossy(&answer.body)))
    }
}

impl<K: Into<String>, V: Into<Vec<u8>>> FromIterator<(K, V)> for Credentials {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

/// The keys only.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_neither_printed_nor_left_in_messages() {
        let credentials: Credentials = [("token", "s3cret-token\n")].into_iter().collect();
        assert_eq!(format!("{credentials:?}"), "{\"token\"}");
        assert_eq!(
            credentials.hide_in("bad token s3cret-token given"),
            "bad token *** given"
        );
        let long = "x".repeat(crate::outgoing::MAX_QUOTED_BYTES - 6) + "s3cret-token";
        let shown = credentials.quoted_body(&ReceivedAnswer::new(500, long));
        assert!(!shown.contains("s3"), "{shown}");
        assert_eq!(credentials.text("token").as_deref(), Some("s3cret-token\n"));
        assert_eq!(credentials.text("other"), None);
    }
}
