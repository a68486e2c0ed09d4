//! Whole numbers out of fields that the API calls `number`.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// Beyond this every float is whole, and those below fit 64 bits.
const LARGEST_WHOLE_FLOAT: f64 = 9_007_199_254_740_992.0;

/// A whole number: `10`, and `10.0`, which is the same to the API.
pub(super) struct Whole(pub(super) i64);

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        i64::try_from(number)
            .map(Whole)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        if number.fract() != 0.0 || number.abs() > LARGEST_WHOLE_FLOAT {
            return Err(E::invalid_value(Unexpected::Float(number), &self));
        }
        // Whole and within the 53 bits that a float counts exactly.
        Ok(Whole(number as i64))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeVisitor)
    }
}

/// A whole number.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(Whole::deserialize(deserializer)?.0)
}

/// A whole number that may be absent.
pub(super) fn whole_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
}

/// A list of whole numbers.
pub(super) fn whole_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let list = Vec::<Whole>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|whole| whole.0).collect())
}

/// The number of a port.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let number = whole(deserializer)?;
    to_port(number)
}

/// The number of a port that may be absent.
pub(super) fn port_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    whole_option(deserializer)?.map(to_port).transpose()
}

/// A number as a port.
pub(super) fn to_port<E: Error>(number: i64) -> Result<u16, E> {
    u16::try_from(number)
        .map_err(|_| E::invalid_value(Unexpected::Signed(number), &"a port up to 65535"))
}

pub(super) fn is_zero(number: &i64) -> bool {
    *number == 0
}

pub(super) fn is_zero_float(number: &f64) -> bool {
    *number == 0.0
}
