//! Parts of a JSON text as they stand in it.

use serde::de::IgnoredAny;

/// The text of the first value in `json`, and what follows it.
fn value(json: &str) -> Option<(&str, &str)> {
    let json = json.trim_start();
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(json.split_at(values.byte_offset()))
}

fn skip(json: &str, mark: char) -> Option<&str> {
    json.trim_start().strip_prefix(mark)
}

/// The text of a member of an object.
pub fn member<'a>(json: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = skip(json, '{')?;
    loop {
        let (key, after) = value(rest)?;
        let (found, after) = value(skip(after, ':')?)?;
        if serde_json::from_str::<String>(key).is_ok_and(|key| key == wanted) {
            return Some(found);
        }
        rest = skip(after, ',')?;
    }
}

/// The text of an item of a list.
pub fn item(json: &str, index: usize) -> Option<&str> {
    let mut rest = skip(json, '[')?;
    for _ in 0..index {
        rest = skip(value(rest)?.1, ',')?;
    }
    Some(value(rest)?.0)
}

/// The same JSON without the blanks between its parts.
pub fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = move |letter: &char| {
        let blank = !quoted && letter.is_ascii_whitespace();
        if quoted {
            quoted = escaped || *letter != '"';
            escaped = !escaped && *letter == '\\';
        } else {
            quoted = *letter == '"';
        }
        !blank
    };
    json.chars().filter(keep).collect()
}
