//! Field selectors such as `metadata.name=web,status.phase!=Running`.

use crate::selector::{MAX_SELECTOR_BYTES, SelectorError};
use crate::{Text, Value};
use std::fmt;

/// Whether a field must have a value or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `field=value` or `field==value`.
    Equals,
    /// `field!=value`.
    NotEquals,
}

/// One condition on one field; a field that is absent counts as empty text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldTerm {
    /// The field with dots, such as `metadata.name`.
    pub field: Text,
    /// How it is compared.
    pub comparison: Comparison,
    /// The value compared with.
    pub value: Text,
}

/// Conditions on fields that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`. A backslash before `\`, `,` or `=` takes away its
    /// meaning. Which fields a kind knows is for the caller to check.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(SelectorError::new(format!(
                "selector is longer than {MAX_SELECTOR_BYTES} bytes"
            )));
        }
        let parts = split_terms(text)
            .into_iter()
            .filter(|part| !part.is_empty());
        let terms = parts
            .map(|part| parse_term(text, part))
            .collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// These conditions.
    #[must_use]
    pub fn all_of(terms: impl IntoIterator<Item = FieldTerm>) -> Self {
        Self {
            terms: terms.into_iter().collect(),
        }
    }

    /// The selector of the one object with this name.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self::all_of([FieldTerm {
            field: "metadata.name".into(),
            comparison: Comparison::Equals,
            value: name.into(),
        }])
    }

    /// The conditions in the order in which they were written.
    #[must_use]
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value that `field` must have, if a term asks for exactly one.
    #[must_use]
    pub fn required(&self, field: &str) -> Option<&str> {
        let wanted =
            |term: &&FieldTerm| term.field == field && term.comparison == Comparison::Equals;
        self.terms
            .iter()
            .find(wanted)
            .map(|term| term.value.as_str())
    }

    /// Whether the object satisfies every term; fields are looked up by the
    /// keys between the dots, and numbers and truth values compare by their
    /// text.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|term| {
            let keys: Vec<&str> = term.field.split('.').collect();
            let equal = scalar_text(object.at(&keys)) == term.value;
            equal == (term.comparison == Comparison::Equals)
        })
    }
}

fn scalar_text(value: Option<&Value>) -> Text {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Integer(number)) => ecow::eco_format!("{number}"),
        Some(Value::Bool(truth)) => ecow::eco_format!("{truth}"),
        _ => Text::new(),
    }
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn parse_term(whole: &str, part: &str) -> Result<FieldTerm, SelectorError> {
    let (field, comparison, value) = split_at_operator(part).ok_or_else(|| {
        SelectorError::new(format!(
            "invalid selector: '{whole}'; can't understand '{part}'"
        ))
    })?;
    Ok(FieldTerm {
        field: field.into(),
        comparison,
        value: unescape(value)?,
    })
}

/// The field, operator and value of a term, at the first operator that no
/// backslash precedes.
fn split_at_operator(part: &str) -> Option<(&str, Comparison, &str)> {
    let mut escaped = false;
    for (index, byte) in part.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        if byte == b'\\' {
            escaped = true;
            continue;
        }
        let (rest, field) = (&part[index..], &part[..index]);
        // A byte inside a character is no operator, so the cuts are sound.
        match byte {
            b'!' if rest.starts_with("!=") => {
                return Some((field, Comparison::NotEquals, &rest[2..]));
            }
            b'=' => {
                let value = rest.strip_prefix("==").unwrap_or(&rest[1..]);
                return Some((field, Comparison::Equals, value));
            }
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> Result<Text, SelectorError> {
    let mut out = Text::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                Some(other) => {
                    return Err(SelectorError::new(format!(
                        "invalid field selector: invalid escape sequence: \\{other}"
                    )));
                }
                None => {
                    return Err(SelectorError::new(
                        "invalid field selector: unterminated escape sequence",
                    ));
                }
            },
            ',' | '=' => {
                return Err(SelectorError::new(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(character)
                )));
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, term) in self.terms.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let sign = if term.comparison == Comparison::Equals {
                "="
            } else {
                "!="
            };
            let value = term
                .value
                .replace("\\", "\\\\")
                .replace(",", "\\,")
                .replace("=", "\\=");
            write!(formatter, "{comma}{}{sign}{value}", term.field)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;
    use proptest::prelude::*;

    #[test]
    fn terms_are_read_and_matched() {
        let pod = value!({"metadata": {"name": "web"}, "status": {"phase": "Running"}, "spec": {"hostNetwork": true}});
        for (text, expected) in [
            ("", true),
            ("metadata.name=web", true),
            ("metadata.name==web,status.phase!=Failed", true),
            ("metadata.name!=web", false),
            ("spec.hostNetwork=true", true),
            ("spec.nodeName=", true),
        ] {
            assert_eq!(
                FieldSelector::parse(text).unwrap().matches(&pod),
                expected,
                "{text}"
            );
        }
        let selector = FieldSelector::parse("metadata.name=web").unwrap();
        assert_eq!(selector.required("metadata.name"), Some("web"));
        assert_eq!(selector, FieldSelector::name("web"));
    }

    #[test]
    fn bad_selectors_are_refused_in_the_words_of_the_api() {
        let error = FieldSelector::parse("metadata.name>a").unwrap_err();
        assert_eq!(
            error.message,
            "invalid selector: 'metadata.name>a'; can't understand 'metadata.name>a'"
        );
        assert!(FieldSelector::parse("a=b=c").is_err());
        assert!(FieldSelector::parse("a=b\\c").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(
            terms in prop::collection::vec(("[a-z.]{1,6}", any::<bool>(), "[a-z,=!\\\\é]{0,6}"), 0..4)
        ) {
            let selector = FieldSelector::all_of(terms.into_iter().map(|(field, equal, value)| FieldTerm {
                field: field.into(),
                comparison: if equal { Comparison::Equals } else { Comparison::NotEquals },
                value: value.into(),
            }).filter(|term| !term.value.starts_with('=')));
            prop_assert_eq!(FieldSelector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
