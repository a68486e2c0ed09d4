//! What is said of a route that can't be followed.

use std::fmt;

/// How much of a value is shown.
const MAX_SHOWN_CHARACTERS: usize = 80;

/// A value that the gateway does not follow: the route as a whole is refused,
/// so that no part of it is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported {
    place: String,
    value: String,
}

impl Unsupported {
    /// `value` at the path `place` of the object.
    pub(crate) fn new(place: &str, value: &str) -> Self {
        let shown = value.chars().filter(|it| !it.is_control());
        Self {
            place: place.to_owned(),
            value: shown.take(MAX_SHOWN_CHARACTERS).collect(),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {:?} is not supported",
            self.place, self.value
        )
    }
}

/// The path of a field in an object.
pub(crate) fn at(place: &str, field: &str) -> String {
    format!("{place}.{field}")
}
