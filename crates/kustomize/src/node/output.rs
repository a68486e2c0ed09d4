//! From trees to what leaves the build: the values that Go would have after
//! YAML and JSON, printed as `sigs.k8s.io/yaml` prints them.

use super::{Mapping, Node, Scalar, Tag};
use base64::Engine;
use trueup_gocompat::{parse_float, parse_integer};
use trueup_object::Value;
use trueup_yaml::{Content, Emit, Entry, Node as YamlNode, View};

/// Why a tree has no output; JSON lacks something that YAML has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct OutputError {
    message: String,
}

impl Node {
    /// The value as the API would get it.
    pub fn value(&self) -> Result<Value, OutputError> {
        Ok(match self {
            Self::Scalar(scalar) => match content(scalar)? {
                Content::Null => Value::Null,
                Content::Bool(truth) => Value::Bool(truth),
                Content::Integer(number) => Value::Integer(number),
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "the tree has no larger integers"
                )]
                Content::Unsigned(number) => Value::Float(number as f64),
                Content::Float(number) => Value::Float(number),
                Content::String(text) => Value::String(text.into()),
                Content::List(_) | Content::Map(_) => unreachable!("a scalar has no members"),
            },
            Self::List(items) => {
                Value::List(items.iter().map(Node::value).collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                let mut value = Value::map();
                for (key, member) in members(map)? {
                    value.set_at(&[key], member.value()?);
                }
                value
            }
        })
    }

    /// The tree to print.
    pub fn printable(&self) -> Result<YamlNode, OutputError> {
        let content = match self {
            Self::Scalar(scalar) => content(scalar)?,
            Self::List(items) => Content::List(
                items
                    .iter()
                    .map(Node::printable)
                    .collect::<Result<_, _>>()?,
            ),
            Self::Map(map) => Content::Map(
                members(map)?
                    .map(|(key, value)| Ok(printed_entry(key, value.printable()?)))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(at_no_line(content))
    }

    /// Makes texts of what only YAML has, dates and bytes, and refuses what JSON
    /// has no value for: what is left can be printed.
    fn make_printable(&mut self) -> Result<(), OutputError> {
        match self {
            Self::Scalar(scalar) => {
                let content = content(scalar)?;
                if let (Tag::Timestamp | Tag::Binary, Content::String(text)) = (scalar.tag, content)
                {
                    *scalar = Scalar::string(text);
                }
                Ok(())
            }
            Self::List(items) => items.iter_mut().try_for_each(Node::make_printable),
            Self::Map(map) => {
                check_keys(map)?;
                map.iter_mut()
                    .try_for_each(|(_, value)| value.make_printable())
            }
        }
    }

    /// Writes the text of this tree, as kustomize prints a resource, behind
    /// that of others.
    pub fn print_behind(&self, text: &mut String) -> Result<(), OutputError> {
        if self.is_printable()? {
            trueup_yaml::emit_behind(text, self);
            return Ok(());
        }
        let mut printable = self.clone();
        printable.make_printable()?;
        trueup_yaml::emit_behind(text, &printable);
        Ok(())
    }

    /// Whether [`Node::make_printable`] has nothing to do.
    fn is_printable(&self) -> Result<bool, OutputError> {
        match self {
            Self::Scalar(scalar) => match scalar.tag {
                Tag::Timestamp | Tag::Binary => Ok(false),
                Tag::Null | Tag::String | Tag::Custom => Ok(true),
                Tag::Bool | Tag::Integer | Tag::Float => content(scalar).map(|_| true),
            },
            Self::List(items) => are_printable(items.iter()),
            Self::Map(map) => {
                check_keys(map)?;
                are_printable(map.iter().map(|(_, value)| value))
            }
        }
    }
}

fn are_printable<'a>(mut nodes: impl Iterator<Item = &'a Node>) -> Result<bool, OutputError> {
    nodes.try_fold(true, |all, node| Ok(node.is_printable()? && all))
}

/// What was not made printable is printed as text.
impl Emit for Node {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Scalar(scalar) => scalar_view(scalar),
            Self::List(items) => View::List(items.iter().collect()),
            Self::Map(map) => View::Map(map.iter().collect()),
        }
    }
}

fn scalar_view(scalar: &Scalar) -> View<'_, Node> {
    let text = scalar.text.as_str();
    let view = match scalar.tag {
        Tag::Null => Some(View::Null),
        Tag::Bool => truth(text).map(View::Bool),
        Tag::Integer => integer(text).and_then(|content| match content {
            Content::Integer(number) => Some(View::Integer(number)),
            Content::Unsigned(number) => Some(View::Unsigned(number)),
            _ => None,
        }),
        Tag::Float => float(text).map(View::Float),
        _ => None,
    };
    view.unwrap_or(View::Text(text))
}

pub(super) fn at_no_line(content: Content) -> YamlNode {
    YamlNode {
        line: 0,
        column: 0,
        content,
    }
}

fn printed_entry(key: &str, value: YamlNode) -> Entry {
    Entry {
        key: key.to_owned(),
        line: 0,
        column: 0,
        value,
    }
}

/// The members of a map whose keys are all text.
fn members(map: &Mapping) -> Result<impl Iterator<Item = (&str, &Node)>, OutputError> {
    check_keys(map)?;
    Ok(map.iter())
}

fn check_keys(map: &Mapping) -> Result<(), OutputError> {
    let odd = map
        .entries()
        .iter()
        .find(|entry| !matches!(entry.key.tag, Tag::String | Tag::Custom | Tag::Binary));
    match odd {
        Some(entry) => Err(OutputError {
            message: format!("expected a text as key, found {:?}", entry.key.text),
        }),
        None => Ok(()),
    }
}

fn content(scalar: &Scalar) -> Result<Content, OutputError> {
    let text = scalar.text.as_str();
    let wrong = |what: &str| OutputError {
        message: format!("expected {what}, found {text:?}"),
    };
    Ok(match scalar.tag {
        Tag::Null => Content::Null,
        Tag::Bool => Content::Bool(truth(text).ok_or_else(|| wrong("a truth value"))?),
        Tag::Integer => integer(text).ok_or_else(|| wrong("a whole number"))?,
        Tag::Float => {
            let number = float(text).ok_or_else(|| wrong("a number"))?;
            if !number.is_finite() {
                return Err(wrong("a finite number, as JSON has no others"));
            }
            Content::Float(number)
        }
        Tag::Timestamp => Content::String(timestamp(text).ok_or_else(|| wrong("a date"))?),
        Tag::Binary => Content::String(binary(text).ok_or_else(|| wrong("base64"))?),
        Tag::String | Tag::Custom => Content::String(text.to_owned()),
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<Content> {
    let number = parse_integer(&text.replace('_', ""))?;
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Some(Content::Integer(number)),
        (_, Ok(number)) => Some(Content::Unsigned(number)),
        _ => None,
    }
}

fn float(text: &str) -> Option<f64> {
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        _ => parse_float(&text.replace('_', "")),
    }
}

fn binary(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(compact)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// A date or a date and time as JSON gets it from Go; `None` for any other
/// text. The forms are those that `yaml.v3` takes: a date; a date, `T`, `t` or
/// spaces, and a time with or without a zone.
pub(super) fn timestamp(text: &str) -> Option<String> {
    let date_end = date(text)?;
    let rest = &text[date_end..];
    if rest.is_empty() {
        let (year, month, day) = parts(text)?;
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    time_text(text, time)
}

/// Where `2001-1-2` ends; the year has four digits.
fn date(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    if bytes.len() < 8 || digits(0) != 4 || bytes[4] != b'-' {
        return None;
    }
    let month = digits(5);
    let dash = 5 + month;
    if !(1..=2).contains(&month) || bytes.get(dash) != Some(&b'-') {
        return None;
    }
    let day = digits(dash + 1);
    (1..=2).contains(&day).then_some(dash + 1 + day)
}

fn parts(text: &str) -> Option<(u16, u8, u8)> {
    let mut numbers = text.splitn(3, '-');
    let year: u16 = numbers.next()?.parse().ok()?;
    let month: u8 = numbers.next()?.parse().ok()?;
    let day: String = numbers
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let day: u8 = day.parse().ok()?;
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (1..=longest).contains(&day).then_some((year, month, day))
}

fn time_text(text: &str, time: &str) -> Option<String> {
    let (year, month, day) = parts(text)?;
    let end = time
        .find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'))
        .unwrap_or(time.len());
    let (clock, zone) = time.split_at(end);
    let mut fields = clock.split(':');
    let (hour, minute, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let within = |text: &str, limit: u8| text.parse::<u8>().ok().filter(|number| *number < limit);
    let (hour, minute, second) = (within(hour, 24)?, within(minute, 60)?, within(second, 60)?);
    let fraction = fraction.trim_end_matches('0');
    let fraction = if fraction.is_empty() {
        String::new()
    } else {
        format!(".{fraction}")
    };
    let zone = zone_text(zone)?;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
    ))
}

fn zone_text(zone: &str) -> Option<String> {
    if zone.is_empty() || zone == "Z" {
        return Some("Z".to_owned());
    }
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
    let fits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    (fits(hours) && fits(minutes)).then(|| zone.to_owned())
}

impl Node {
    /// The tree of a value.
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(truth) => Self::Scalar(Scalar::plain(truth.to_string())),
            Value::Integer(number) => Self::Scalar(Scalar::plain(number.to_string())),
            Value::Float(number) => Self::Scalar(Scalar {
                tag: Tag::Float,
                ..Scalar::plain(trueup_gocompat::format_float(*number))
            }),
            Value::String(text) => Self::string(text.clone()),
            Value::List(items) => Self::List(items.iter().map(Self::from_value).collect()),
            Value::Map(map) => {
                let mut members = Mapping::default();
                for (key, value) in map.iter() {
                    members.push(Scalar::string(key.clone()), Self::from_value(value));
                }
                Self::Map(members)
            }
        }
    }
}
