//! What strict decoding says of a JSON text: keys given twice, and in which
//! order fields come.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::HashSet;
use trueup_object::Text;

/// How many keys given twice are named.
const MAX_DUPLICATES: usize = 100;

/// Keys that a JSON text gives twice in one object, `duplicate field "a.b"`.
#[must_use]
pub fn duplicates(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    walk(text, &mut |path, seen| {
        let text = format!("duplicate field {path:?}");
        if seen == Seen::Before && found.len() < MAX_DUPLICATES && !found.contains(&text) {
            found.push(text);
        }
    });
    found
}

/// Sorts complaints that end with a quoted path (`unknown field "a.b"`) by
/// where the field stands in the text.
pub fn sort_by_place(text: &[u8], complaints: &mut [String]) {
    if complaints.len() < 2 {
        return;
    }
    let mut places = Vec::new();
    walk(text, &mut |path, _| {
        let quoted = format!(" {path:?}");
        if let Some(index) = complaints
            .iter()
            .position(|complaint| complaint.ends_with(&quoted))
        {
            places.push(complaints[index].clone());
        }
    });
    complaints.sort_by_key(|complaint| {
        places
            .iter()
            .position(|other| other == complaint)
            .unwrap_or(usize::MAX)
    });
}

/// Whether a key stood in its object already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    First,
    Before,
}

type Visit<'a> = RefCell<&'a mut dyn FnMut(&str, Seen)>;

fn walk(text: &[u8], visit: &mut dyn FnMut(&str, Seen)) {
    let visit: Visit<'_> = RefCell::new(visit);
    let mut reader = serde_json::Deserializer::from_slice(text);
    // A text that is no JSON was refused before.
    let _ = Walk {
        path: String::new(),
        visit: &visit,
    }
    .deserialize(&mut reader);
}

struct Walk<'a, 'b> {
    path: String,
    visit: &'a Visit<'b>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
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
        let mut index = 0;
        let below = |index: usize| Walk {
            path: format!("{}[{index}]", self.path),
            visit: self.visit,
        };
        while items.next_element_seed(below(index))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen: HashSet<Text> = HashSet::new();
        while let Some(key) = entries.next_key::<Text>()? {
            let path = if self.path.is_empty() {
                key.to_string()
            } else {
                format!("{}.{key}", self.path)
            };
            if seen.insert(key) {
                (self.visit.borrow_mut())(&path, Seen::First);
                entries.next_value_seed(Walk {
                    path,
                    visit: self.visit,
                })?;
            } else {
                (self.visit.borrow_mut())(&path, Seen::Before);
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_given_twice_are_named_once_with_their_path() {
        let text = br#"{"a":{"b":1,"b":2,"b":3},"l":[{"x":1,"x":2}],"a":1}"#;
        assert_eq!(
            duplicates(text),
            [
                r#"duplicate field "a.b""#,
                r#"duplicate field "l[0].x""#,
                r#"duplicate field "a""#
            ]
        );
    }

    #[test]
    fn complaints_come_in_the_order_of_the_text() {
        let mut complaints = [
            r#"unknown field "a""#.to_owned(),
            r#"unknown field "z.y""#.to_owned(),
        ];
        sort_by_place(br#"{"z":{"y":1},"a":2}"#, &mut complaints);
        assert_eq!(complaints[0], r#"unknown field "z.y""#);
    }
}
