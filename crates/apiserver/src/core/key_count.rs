//! Whether a JSON text gives a key twice, told without building anything: it
//! then has more keys than the tree that was read from it.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use trueup_object::Value;

/// Whether some object in a text has a key twice, given the tree of the text.
#[must_use]
pub fn has_duplicates(text: &[u8], tree: &Value) -> bool {
    let mut keys = 0;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let counted = Count(&mut keys).deserialize(&mut reader);
    counted.is_err() || keys != members(tree)
}

fn members(tree: &Value) -> usize {
    match tree {
        Value::Map(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::List(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

struct Count<'a>(&'a mut usize);

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Count(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_key::<IgnoredAny>()?.is_some() {
            *self.0 += 1;
            entries.next_value_seed(Count(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::from_json;

    #[test]
    fn a_key_given_twice_is_found_at_any_depth() {
        for (text, twice) in [
            (r#"{"a":{"b":1},"c":[{"a":1},{"a":2}]}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"{"c":[1,{"a":{"x":1,"x":null}}]}"#, true),
            (r#"{"a":{"x":1},"a":{"x":1,"y":2}}"#, true),
            ("[]", false),
        ] {
            let tree = from_json(text.as_bytes()).unwrap();
            assert_eq!(has_duplicates(text.as_bytes(), &tree), twice, "{text}");
        }
    }
}
