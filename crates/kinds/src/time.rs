//! Points in time as the Kubernetes API writes them.

use jiff::Timestamp;
use trueup_object::Text;

/// RFC 3339 in UTC, whole seconds: `2026-01-02T03:04:05Z`.
#[must_use]
pub fn format_time(at: Timestamp) -> Text {
    whole_seconds(at).to_string().into()
}

/// Reads an API time; fractions of a second are kept. `None` if it is not one.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The same time without its fraction of a second.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_millisecond().div_euclid(1000)).unwrap_or(at)
}

/// Serde for a [`Timestamp`] in the API's form.
pub(crate) mod api {
    use super::{format_time, parse_time};
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use trueup_object::Text;

    pub(crate) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_time(*at))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = Text::deserialize(deserializer)?;
        parse_time(&text)
            .ok_or_else(|| D::Error::custom(format_args!("{text:?} is no RFC 3339 time")))
    }
}

/// Serde for an optional [`Timestamp`] in the API's form.
pub(crate) mod api_option {
    use super::{format_time, parse_time};
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};
    use trueup_object::Text;

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&format_time(*at)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Text>::deserialize(deserializer)?.and_then(|text| parse_time(&text)))
    }
}
