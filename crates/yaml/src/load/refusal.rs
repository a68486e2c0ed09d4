//! What Go's libraries tell of a document that YAML takes and JSON can't hold:
//! keys that are maps, lists or nothing, and numbers that are infinite or none.
//!
//! Such documents are refused while they are composed; only then are they read
//! again here, with all that Go has in memory when it gives up.

use super::compose::RawContent;
use super::tag::resolve;
use super::{Booleans, LoadOptions};
use crate::scalar::{self, Scalar};
use crate::syntax::{Dialect, Event, Parser, SyntaxLimits};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use trueup_gocompat::format_float;

/// How many values may come from aliases in a text that is told of.
const MAX_ALIASED: usize = 10_000;

/// A value as `yaml.v2` decodes it into an `interface{}`.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// `<<` without quotes.
    Merge,
}

/// Why nothing can be told: the text says, or it says nothing of this kind.
enum Stop {
    Told(String),
    Untold,
}

/// What Go tells of the document `number` (from 0) of a text; `None` where it
/// finds none of these faults, or another one first.
pub(super) fn words(text: &str, number: usize, options: &LoadOptions) -> Option<String> {
    let limits = SyntaxLimits {
        max_depth: options.max_depth,
    };
    let mut reader = Reader {
        parser: Parser::new(text, Dialect::Version2, limits).ok()?,
        booleans: options.booleans,
        anchors: HashMap::new(),
        aliased: 0,
    };
    for _ in 0..number {
        while reader.parser.next().ok()?.0 != Event::DocumentEnd {}
    }
    reader.parser.next().ok()?;
    let (root, _) = match reader.next() {
        Ok(root) => root,
        Err(Stop::Told(words)) => return Some(words),
        Err(Stop::Untold) => return None,
    };
    null_key(&root).or_else(|| unsupported_number(&root))
}

struct Reader<'a> {
    parser: Parser<'a>,
    booleans: Booleans,
    /// Values and how many they are made of.
    anchors: HashMap<&'a str, (Value, usize)>,
    aliased: usize,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<Event<'a>, Stop> {
        self.parser
            .next()
            .map(|(event, _)| event)
            .map_err(|_| Stop::Untold)
    }

    /// The next value and of how many it is made.
    fn next(&mut self) -> Result<(Value, usize), Stop> {
        let event = self.event()?;
        self.value(event)
    }

    fn value(&mut self, event: Event<'a>) -> Result<(Value, usize), Stop> {
        let (anchor, made) = match event {
            Event::Alias(name) => {
                let (value, size) = self.anchors.get(name).ok_or(Stop::Untold)?;
                self.aliased += size;
                if self.aliased > MAX_ALIASED {
                    return Err(Stop::Untold);
                }
                return Ok((value.clone(), *size));
            }
            Event::Scalar(text, style, properties) => {
                let tag = properties.tag.as_deref();
                let found = resolve(text, style, tag, self.booleans);
                let value = found.ok().and_then(scalar_value).ok_or(Stop::Untold)?;
                (properties.anchor, (value, 1))
            }
            Event::SequenceStart(properties) => (properties.anchor, self.list()?),
            Event::MappingStart(properties) => (properties.anchor, self.map()?),
            _ => return Err(Stop::Untold),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, made.clone());
        }
        Ok(made)
    }

    fn list(&mut self) -> Result<(Value, usize), Stop> {
        let (mut items, mut size) = (Vec::new(), 1);
        loop {
            let event = self.event()?;
            if event == Event::SequenceEnd {
                return Ok((Value::List(items), size));
            }
            let (item, of) = self.value(event)?;
            size += of;
            items.push(item);
        }
    }

    fn map(&mut self) -> Result<(Value, usize), Stop> {
        let (mut entries, mut size) = (Vec::new(), 1);
        loop {
            let event = self.event()?;
            if event == Event::MappingEnd {
                return Ok((Value::Map(entries), size));
            }
            let (key, of_key) = self.value(event)?;
            if matches!(key, Value::List(_) | Value::Map(_)) {
                let key = syntax(&key);
                return Err(Stop::Told(format!("yaml: invalid map key: {key}")));
            }
            let (value, of_value) = self.next()?;
            size += of_key + of_value;
            match key {
                Value::Merge => merge(&mut entries, value)?,
                key => entries.push((key, value)),
            }
        }
    }
}

/// Puts the members of a map, or of several from the last one on.
fn merge(entries: &mut Vec<(Value, Value)>, value: Value) -> Result<(), Stop> {
    match value {
        Value::Map(more) => entries.extend(more),
        Value::List(maps) => {
            for map in maps.into_iter().rev() {
                let Value::Map(more) = map else {
                    return Err(Stop::Untold);
                };
                entries.extend(more);
            }
        }
        _ => return Err(Stop::Untold),
    }
    Ok(())
}

fn scalar_value(content: RawContent) -> Option<Value> {
    Some(match content {
        RawContent::Scalar(Scalar::Null) => Value::Null,
        RawContent::Scalar(Scalar::Bool(truth)) => Value::Bool(truth),
        RawContent::Scalar(Scalar::Integer(number)) => Value::Integer(number),
        RawContent::Scalar(Scalar::Float(number)) => Value::Float(number),
        RawContent::Scalar(Scalar::Text(text)) => Value::Text(text),
        RawContent::Merge => Value::Merge,
        RawContent::List(_) | RawContent::Map(_) => return None,
    })
}

/// The first key that is nothing. Go takes maps in an order of chance.
fn null_key(value: &Value) -> Option<String> {
    match value {
        Value::List(items) => items.iter().find_map(null_key),
        Value::Map(entries) => {
            // Of keys given twice the last counts.
            let mut last_first = entries.iter().rev();
            match last_first.find(|(key, _)| *key == Value::Null) {
                Some((_, Value::Null)) => Some(unsupported_key("<nil>")),
                Some((_, value)) => Some(unsupported_key(&syntax(value))),
                None => entries.iter().find_map(|(_, value)| null_key(value)),
            }
        }
        _ => None,
    }
}

fn unsupported_key(value: &str) -> String {
    format!("unsupported map key of type: %!s(<nil>), key: <nil>, value: {value}")
}

/// The first number that JSON has not, where maps are in the order of their
/// keys and the last of equal keys counts.
fn unsupported_number(value: &Value) -> Option<String> {
    match value {
        Value::Float(number) if !number.is_finite() => {
            let number = format_float(*number);
            Some(format!("json: unsupported value: {number}"))
        }
        Value::List(items) => items.iter().find_map(unsupported_number),
        Value::Map(entries) => {
            let keyed = entries.iter().map(|(key, value)| (key_text(key), value));
            let sorted: BTreeMap<String, &Value> = keyed.collect();
            sorted.into_values().find_map(unsupported_number)
        }
        _ => None,
    }
}

fn key_text(key: &Value) -> String {
    let scalar = match key {
        Value::Bool(truth) => Scalar::Bool(*truth),
        Value::Integer(number) => Scalar::Integer(*number),
        Value::Float(number) => Scalar::Float(*number),
        Value::Text(text) => return text.clone(),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Merge => return String::new(),
    };
    scalar::key_text(scalar).unwrap_or_default()
}

/// A value as Go's `%#v` prints it.
fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) if i64::try_from(*number).is_err() => format!("{number:#x}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format_float(*number),
        Value::Text(text) => quoted(text),
        Value::Merge => quoted("<<"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Map(entries) => {
            let mut entries: Vec<(String, String)> = last_of_each(entries);
            entries.sort();
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{key}:{value}"))
                .collect();
            format!(
                "map[interface {{}}]interface {{}}{{{}}}",
                entries.join(", ")
            )
        }
    }
}

/// Keys and values printed, the last value of each key.
fn last_of_each(entries: &[(Value, Value)]) -> Vec<(String, String)> {
    let printed = entries
        .iter()
        .map(|(key, value)| (syntax(key), syntax(value)));
    let last: HashMap<String, String> = printed.collect();
    last.into_iter().collect()
}

/// A text as Go's `%q` prints it.
fn quoted(text: &str) -> String {
    let mut made = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => made.extend(['\\', character]),
            '\n' => made.push_str("\\n"),
            '\r' => made.push_str("\\r"),
            '\t' => made.push_str("\\t"),
            '\u{7}' => made.push_str("\\a"),
            '\u{8}' => made.push_str("\\b"),
            '\u{b}' => made.push_str("\\v"),
            '\u{c}' => made.push_str("\\f"),
            hidden if is_hidden(hidden) => escape(&mut made, u32::from(hidden)),
            shown => made.push(shown),
        }
    }
    made.push('"');
    made
}

/// Characters that Go does not print: controls, marks without a shape, spaces
/// other than that of ASCII, and what is private or not assigned.
fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
        )
}

fn escape(made: &mut String, code: u32) {
    // Writing to a String can't fail.
    let _ = match code {
        0..=0x7f => write!(made, "\\x{code:02x}"),
        0x80..=0xffff => write!(made, "\\u{code:04x}"),
        _ => write!(made, "\\U{code:08x}"),
    };
}
