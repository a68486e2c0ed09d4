//! JSON texts looked at as they are written, without a tree being made of them.

use crate::JsonError;
use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value of a JSON text that is being read. It hears of what stands in the
/// value, in the order of the text, and says what is looked into.
pub trait JsonPlace: Sized {
    /// What a key is read as: a text, or [`IgnoredAny`] where none is needed.
    type Key: DeserializeOwned;
    /// What is remembered while one object is read.
    type Memory: Default;

    /// The place of an item, if it is looked into.
    fn item(&self, index: usize) -> Option<Self>;

    /// The place of a member, if it is looked into. A key that is given twice
    /// comes twice.
    fn member(&self, key: Self::Key, memory: &mut Self::Memory) -> Option<Self>;
}

/// Reads the JSON value that a text begins with, which stands at a place. An
/// error says where the text is no JSON; what stands before was heard of.
pub fn walk_json<P: JsonPlace>(text: &[u8], place: P) -> Result<(), JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    Ok(Walk(place).deserialize(&mut reader)?)
}

struct Walk<P>(P);

impl<'de, P: JsonPlace> DeserializeSeed<'de> for Walk<P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, P: JsonPlace> Visitor<'de> for Walk<P> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0.. {
            let is_there = match self.0.item(index) {
                Some(item) => items.next_element_seed(Walk(item))?.is_some(),
                None => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut memory = P::Memory::default();
        while let Some(key) = members.next_key()? {
            match self.0.member(key, &mut memory) {
                Some(member) => members.next_value_seed(Walk(member))?,
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// Notes all keys, and looks into all values but those of `skip`.
    struct Noted<'a>(String, &'a RefCell<Vec<String>>);

    impl JsonPlace for Noted<'_> {
        type Key = String;
        type Memory = usize;

        fn item(&self, index: usize) -> Option<Self> {
            (index < 2).then(|| Noted(format!("{}[{index}]", self.0), self.1))
        }

        fn member(&self, key: String, before: &mut usize) -> Option<Self> {
            let path = format!("{}.{key}", self.0);
            self.1.borrow_mut().push(format!("{before} {path}"));
            *before += 1;
            (key != "skip").then_some(Noted(path, self.1))
        }
    }

    #[test]
    fn members_come_in_the_order_of_the_text_with_those_given_twice() {
        let noted = RefCell::new(Vec::new());
        let text = br#"{"b":{"x":1},"a":[{"y":2.5},null,{"z":true}],"skip":{"q":"s"},"b":-1}"#;
        walk_json(text, Noted(String::new(), &noted)).unwrap();
        let wanted = ["0 .b", "0 .b.x", "1 .a", "0 .a[0].y", "2 .skip", "3 .b"];
        assert_eq!(*noted.borrow(), wanted);
    }

    #[test]
    fn what_is_no_json_is_an_error_after_what_was_heard() {
        for text in [&br#"{"a":1,"b":"#[..], &br#"{"a":1 "b":2}"#[..]] {
            let noted = RefCell::new(Vec::new());
            assert!(walk_json(text, Noted(String::new(), &noted)).is_err());
            assert_eq!(noted.borrow()[0], "0 .a");
        }
        let deep = "[".repeat(100_000);
        let noted = RefCell::new(Vec::new());
        assert!(walk_json(deep.as_bytes(), Noted(String::new(), &noted)).is_err());
    }
}
