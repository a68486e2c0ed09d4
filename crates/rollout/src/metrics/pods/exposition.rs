//! Prometheus's text format, version 0.0.4, and as much of OpenMetrics as
//! programs answer with that don't know the older one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use trueup_gocompat::parse_float;
use trueup_object::Text;

/// The most bytes of one Pod's metrics.
pub const MAX_EXPOSITION_BYTES: usize = 4 << 20;
/// The most series of one Pod.
pub const MAX_SERIES: usize = 20_000;
/// The most labels of one series.
pub const MAX_LABELS: usize = 64;

/// A metric's name and its labels, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The metric's name.
    pub name: Text,
    /// Names and values, by name.
    pub labels: Vec<(Text, Text)>,
}

impl SeriesKey {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What a program told of itself at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    series: BTreeMap<SeriesKey, f64>,
}

/// What is wrong with a text, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpositionError {
    /// Over [`MAX_EXPOSITION_BYTES`].
    #[error("the metrics are larger than {MAX_EXPOSITION_BYTES} bytes")]
    TooLarge,
    /// Over [`MAX_SERIES`].
    #[error("there are more than {MAX_SERIES} series")]
    TooManySeries,
    /// No UTF-8.
    #[error("the metrics are not UTF-8")]
    Encoding,
    /// A line in no known notation.
    #[error("line {line} of the metrics: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

impl Exposition {
    /// Reads a text. Of series that come twice the first counts.
    ///
    /// # Errors
    /// What is over a limit or in another notation; nothing of it is taken.
    pub fn parse(text: &[u8]) -> Result<Self, ExpositionError> {
        Self::parse_kept(text, |_| true)
    }

    /// As [`Exposition::parse`], keeping only the metrics of some names; the
    /// limit of series is that of the kept ones.
    ///
    /// # Errors
    /// As [`Exposition::parse`].
    pub fn parse_kept(text: &[u8], keep: impl Fn(&str) -> bool) -> Result<Self, ExpositionError> {
        if text.len() > MAX_EXPOSITION_BYTES {
            return Err(ExpositionError::TooLarge);
        }
        let text = std::str::from_utf8(text).map_err(|_| ExpositionError::Encoding)?;
        let mut series = BTreeMap::new();
        for (at, line) in text.split('\n').enumerate() {
            let error = |problem| ExpositionError::Line {
                line: at + 1,
                problem,
            };
            let line = line.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = sample(line).map_err(error)?;
            if !keep(&key.name) {
                continue;
            }
            let full = series.len() >= MAX_SERIES;
            match series.entry(key) {
                Entry::Vacant(_) if full => return Err(ExpositionError::TooManySeries),
                Entry::Vacant(free) => {
                    free.insert(value);
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(Self { series })
    }

    /// All series and their values, by name and labels.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, f64)> {
        self.series.iter().map(|(key, value)| (key, *value))
    }

    /// The value of a series.
    #[must_use]
    pub fn value(&self, key: &SeriesKey) -> Option<f64> {
        self.series.get(key).copied()
    }
}

/// `name{label="value",…} number [timestamp] [# exemplar]`.
fn sample(line: &str) -> Result<(SeriesKey, f64), &'static str> {
    let (name, rest) = metric_name(line)?;
    let (labels, rest) = match rest.trim_start_matches([' ', '\t']).strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let number = rest.split('#').next().unwrap_or_default();
    let mut words = number.split_ascii_whitespace();
    let value = words.next().ok_or("a value is missing")?;
    let value = parse_float(value).ok_or("a value is no number")?;
    if let Some(time) = words.next() {
        parse_float(time).ok_or("a timestamp is no number")?;
    }
    if words.next().is_some() {
        return Err("something stands behind the timestamp");
    }
    let name = name.into();
    Ok((SeriesKey { name, labels }, value))
}

fn metric_name(line: &str) -> Result<(&str, &str), &'static str> {
    let end = line
        .find(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '_' | ':')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let begins = |it: u8| it.is_ascii_alphabetic() || matches!(it, b'_' | b':');
    if !name.bytes().next().is_some_and(begins) {
        return Err("a metric has no name");
    }
    Ok((name, rest))
}

type Labels = Vec<(Text, Text)>;

/// Labels up to the closing brace, and what is behind it.
fn labels(text: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t']);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            labels.sort();
            return Ok((labels, after));
        }
        if labels.len() >= MAX_LABELS {
            return Err("a series has too many labels");
        }
        let (name, value) = rest.split_once('=').ok_or("a label has no value")?;
        let name = name.trim_matches([' ', '\t']);
        if !is_label_name(name) {
            return Err("a label has no name");
        }
        if labels.iter().any(|(known, _)| known == name) {
            return Err("a label comes twice");
        }
        let value = value.trim_start_matches([' ', '\t']);
        let value = value
            .strip_prefix('"')
            .ok_or("a label's value is not quoted")?;
        let (value, after) = label_value(value)?;
        labels.push((name.into(), value.into()));
        let after = after.trim_start_matches([' ', '\t']);
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start_matches([' ', '\t']),
            None if after.starts_with('}') => after,
            None => return Err("labels are not separated by commas"),
        };
    }
}

fn is_label_name(name: &str) -> bool {
    let possible = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    !name.is_empty() && name.bytes().all(possible) && !name.as_bytes()[0].is_ascii_digit()
}

/// A quoted value up to its end, `\\`, `\"` and `\n` undone, and what is
/// behind it.
fn label_value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                // What no version of the format knows is kept as it is.
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a label's value has no end")
}
