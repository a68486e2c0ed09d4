//! What strict decoding says of a JSON text: keys given twice, and in which
//! order fields come.

use std::cell::RefCell;
use std::collections::HashSet;
use trueup_object::{JsonPlace, Text, walk_json};

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
/// where the field stands in the text; a duplicate stands where the key comes
/// again.
pub fn sort_by_place(text: &[u8], complaints: &mut [String]) {
    if complaints.len() < 2 {
        return;
    }
    let mut places = Vec::new();
    walk(text, &mut |path, seen| {
        let quoted = format!(" {path:?}");
        let fits = |complaint: &&String| {
            let again = complaint.starts_with("duplicate");
            complaint.ends_with(&quoted) && again == (seen == Seen::Before)
        };
        places.extend(complaints.iter().find(fits).cloned());
    });
    complaints.sort_by_key(|complaint| {
        places
            .iter()
            .position(|other| other == complaint)
            .unwrap_or(usize::MAX)
    });
}

/// All complaints of one text in its order. What is unknown is not looked
/// into, so a key in it that comes again is none.
#[must_use]
pub fn joined(text: &[u8], duplicates: Vec<String>, unknown: Vec<String>) -> Vec<String> {
    let path_of = |complaint: &str| {
        let quoted = complaint.split_once('"').map_or("", |(_, rest)| rest);
        quoted.trim_end_matches('"').to_owned()
    };
    let unknown_paths: Vec<String> = unknown.iter().map(|complaint| path_of(complaint)).collect();
    let is_known = |complaint: &String| {
        let path = path_of(complaint);
        !unknown_paths.iter().any(|unknown| {
            path.strip_prefix(unknown.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let mut complaints: Vec<String> = duplicates
        .into_iter()
        .filter(is_known)
        .chain(unknown)
        .collect();
    sort_by_place(text, &mut complaints);
    complaints
}

/// Whether a key stood in its object already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    First,
    Before,
}

/// Hears of every key with its path.
type Visit<'a> = RefCell<&'a mut dyn FnMut(&str, Seen)>;

fn walk(text: &[u8], visit: &mut dyn FnMut(&str, Seen)) {
    let place = Place {
        path: String::new(),
        visit: &RefCell::new(visit),
    };
    // A text that is no JSON was refused before.
    let _ = walk_json(text, place);
}

struct Place<'a, 'b> {
    path: String,
    visit: &'a Visit<'b>,
}

impl JsonPlace for Place<'_, '_> {
    type Key = Text;
    type Memory = HashSet<Text>;

    fn item(&self, index: usize) -> Option<Self> {
        Some(Self {
            path: format!("{}[{index}]", self.path),
            visit: self.visit,
        })
    }

    fn member(&self, key: Text, known: &mut HashSet<Text>) -> Option<Self> {
        let path = if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        };
        let is_first = known.insert(key);
        let seen = if is_first { Seen::First } else { Seen::Before };
        (self.visit.borrow_mut())(&path, seen);
        is_first.then_some(Self {
            path,
            visit: self.visit,
        })
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
    fn what_is_unknown_is_not_complained_of_twice() {
        let text = br#"{"m":{"n":1,"n":1,"f":{"x":1}},"a":1,"a":2,"d":{"k":1,"k":2}}"#;
        let unknown = ["unknown field \"a\"", "unknown field \"m.f\""].map(String::from);
        assert_eq!(
            joined(text, duplicates(text), unknown.to_vec()),
            [
                "duplicate field \"m.n\"",
                "unknown field \"m.f\"",
                "unknown field \"a\"",
                "duplicate field \"d.k\"",
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
