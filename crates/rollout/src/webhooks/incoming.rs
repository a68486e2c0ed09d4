//! Requests of others, read as Go's `net/http` and `encoding/json` read them:
//! people write them by hand, and scripts that Flagger's load tester took must
//! go on.

use std::borrow::Cow;
use std::collections::BTreeMap;
use trueup_object::{Text, Value, from_json};

/// A payload as far as it matters to whom it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    pub name: Text,
    pub namespace: Text,
    pub metadata: BTreeMap<Text, Text>,
}

/// Reads a payload. What is absent or `null` is empty, keys may be written in
/// any case, keys of others are passed over; `None` where something has another
/// type than it must have, or the body is no JSON.
pub(super) fn read_payload(body: &[u8]) -> Option<Incoming> {
    let mut payload = Incoming::default();
    let tree = from_json(body).ok()?;
    if tree.is_null() {
        return Some(payload);
    }
    for (key, value) in tree.as_map()? {
        match key.to_ascii_lowercase().as_str() {
            "name" => payload.name = text(value)?,
            "namespace" => payload.namespace = text(value)?,
            "phase" | "checksum" => drop(text(value)?),
            "metadata" => payload.metadata = pairs(value)?,
            _ => {}
        }
    }
    Some(payload)
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::Null => Some(Text::default()),
        value => value.as_str().map(Text::from),
    }
}

fn pairs(value: &Value) -> Option<BTreeMap<Text, Text>> {
    if value.is_null() {
        return Some(BTreeMap::new());
    }
    let pairs = value.as_map()?.iter();
    pairs
        .map(|(key, value)| Some((key.clone(), text(value)?)))
        .collect()
}

/// The segments of a path, without those that say nothing (`//`, `/./`) or are
/// taken back (`/../`); one that ends with `/` has an empty last segment. What
/// is escaped with `%` is read after the path is cut, so that an escaped `/`
/// cuts nothing.
pub(super) fn route(path: &str) -> Vec<Cow<'_, str>> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(unescaped(segment)),
        }
    }
    if path.ends_with('/') {
        segments.push(Cow::Borrowed(""));
    }
    segments
}

/// Reads `%XX`; what is no such escape, or no text, stays as it is.
fn unescaped(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut read = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        read.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8(read).map_or(Cow::Borrowed(segment), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &str) -> Option<(String, String)> {
        let read = read_payload(body.as_bytes())?;
        Some((read.name.to_string(), read.namespace.to_string()))
    }

    #[test]
    fn what_people_write_is_understood_as_go_understands_it() {
        let read = Some(("podinfo".to_owned(), "test".to_owned()));
        for body in [
            r#"{"name":"podinfo","namespace":"test"}"#,
            r#"{"Name":"podinfo","NAMESPACE":"test"}"#,
            r#"{"name":"other","name":"podinfo","namespace":"test","x":[1,{"y":2}]}"#,
            r#"{"name":"podinfo","namespace":"test","phase":null,"metadata":null}"#,
            " {\"name\":\"pod\\u0069nfo\",\"namespace\":\"test\"}\n\n",
        ] {
            assert_eq!(names(body), read, "{body}");
        }
        let nobody = Some((String::new(), String::new()));
        for body in ["null", "{}", r#"{"name":null}"#] {
            assert_eq!(names(body), nobody, "{body}");
        }
        let nothing = read_payload(br#"{"metadata":{"cmd":null}}"#).unwrap();
        assert_eq!(nothing.metadata["cmd"], "");
    }

    #[test]
    fn what_has_another_type_or_is_no_json_is_no_payload() {
        for body in [
            "",
            "{",
            "[]",
            "3",
            "\"x\"",
            "{}{}",
            "{}x",
            "\u{feff}{}",
            r#"{"name":1}"#,
            r#"{"phase":3}"#,
            r#"{"checksum":{}}"#,
            r#"{"metadata":[]}"#,
            r#"{"metadata":{"a":1}}"#,
        ] {
            assert_eq!(read_payload(body.as_bytes()), None, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read_payload(deep.as_bytes()), None);
    }

    #[test]
    fn a_path_means_what_it_means_when_it_is_cleaned() {
        for (path, expected) in [
            ("/gate/check", "gate|check"),
            ("//gate/check", "gate|check"),
            ("/gate//check", "gate|check"),
            ("/gate/./check", "gate|check"),
            ("/x/../../gate/check", "gate|check"),
            ("/%67ate/check", "gate|check"),
            ("/gate%2Fcheck", "gate/check"),
            ("/gate/check/", "gate|check|"),
            ("/Gate/check", "Gate|check"),
            ("/gate%/%+f%zz%2", "gate%|%+f%zz%2"),
            ("/%ff", "%ff"),
            ("/", ""),
        ] {
            assert_eq!(route(path).join("|"), expected, "{path}");
        }
    }
}
