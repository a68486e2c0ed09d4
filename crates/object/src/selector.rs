//! Label selectors, as text (`app=web,tier in (a,b),!old`) and as the
//! `LabelSelector` of many specifications.

use crate::names::{is_label_value, label_value_errors, qualified_name_errors};
use crate::{Map, Text, Value};
use std::fmt;

mod parse;

/// How long the text of a selector may be.
pub const MAX_SELECTOR_BYTES: usize = 65_536;

/// Why a selector can't be read, in the words of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// What was found and what was expected.
    pub message: String,
}

impl SelectorError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// How a label is compared with the values of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// `key=value`: there, and the one value.
    Equals,
    /// `key!=value`: absent, or another value.
    NotEquals,
    /// `key in (a,b)`: there, and one of the values.
    In,
    /// `key notin (a,b)`: absent, or none of the values.
    NotIn,
    /// `key`: there.
    Exists,
    /// `!key`: absent.
    DoesNotExist,
    /// `key>1`: a whole number above.
    GreaterThan,
    /// `key<1`: a whole number below.
    LessThan,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    key: Text,
    operator: Operator,
    values: Vec<Text>,
}

impl Requirement {
    /// A condition on the label `key`. Refuses keys and values that no label
    /// can have, and a number of values that does not fit the operator.
    pub fn new(
        key: &str,
        operator: Operator,
        values: impl IntoIterator<Item = Text>,
    ) -> Result<Self, SelectorError> {
        check_key(key)?;
        let mut values: Vec<Text> = values.into_iter().collect();
        values.sort();
        values.dedup();
        check_count(operator, &values)?;
        for (index, value) in values.iter().enumerate() {
            check_value(key, operator, index, value)?;
        }
        Ok(Self {
            key: key.into(),
            operator,
            values,
        })
    }

    /// The key of the label.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it is compared.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The values in order, none for `Exists` and `DoesNotExist`.
    #[must_use]
    pub fn values(&self) -> &[Text] {
        &self.values
    }

    /// Whether a label of this value (`None`: absent) satisfies it.
    #[must_use]
    pub fn holds(&self, label: Option<&str>) -> bool {
        let among = |label: &str| self.values.iter().any(|value| value == label);
        match self.operator {
            Operator::Equals | Operator::In => label.is_some_and(among),
            Operator::NotEquals | Operator::NotIn => !label.is_some_and(among),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => self.compares(label, |label, bound| label > bound),
            Operator::LessThan => self.compares(label, |label, bound| label < bound),
        }
    }

    fn compares(&self, label: Option<&str>, holds: impl Fn(i64, i64) -> bool) -> bool {
        let number = label.and_then(|text| text.parse().ok());
        let bound = self.values.first().and_then(|text| text.parse().ok());
        number
            .zip(bound)
            .is_some_and(|(number, bound)| holds(number, bound))
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), SelectorError> {
    let errors = qualified_name_errors(key);
    if errors.is_empty() {
        return Ok(());
    }
    Err(SelectorError::new(format!(
        "<nil>: Invalid value: {key:?}: {}",
        errors.join("; ")
    )))
}

fn check_count(operator: Operator, values: &[Text]) -> Result<(), SelectorError> {
    let (fits, rule) = match operator {
        Operator::In | Operator::NotIn => (
            !values.is_empty(),
            "for 'in', 'notin' operators, values set can't be empty",
        ),
        Operator::Exists | Operator::DoesNotExist => (
            values.is_empty(),
            "values set must be empty for exists and does not exist",
        ),
        Operator::Equals | Operator::NotEquals => (
            values.len() == 1,
            "exact-match compatibility requires one single value",
        ),
        Operator::GreaterThan | Operator::LessThan => (
            values.len() == 1,
            "for 'Gt', 'Lt' operators, exactly one value is required",
        ),
    };
    if fits {
        return Ok(());
    }
    let list = values
        .iter()
        .map(|value| format!("{value:?}"))
        .collect::<Vec<_>>()
        .join(",");
    Err(SelectorError::new(format!(
        "values: Invalid value: [{list}]: {rule}"
    )))
}

fn check_value(
    key: &str,
    operator: Operator,
    index: usize,
    value: &str,
) -> Result<(), SelectorError> {
    let numeric = matches!(operator, Operator::GreaterThan | Operator::LessThan);
    if numeric && value.parse::<i64>().is_err() {
        return Err(SelectorError::new(format!(
            "values[{index}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
        )));
    }
    if is_label_value(value) {
        return Ok(());
    }
    let errors = label_value_errors(value).join("; ");
    Err(SelectorError::new(format!(
        "values[{index}][{key}]: Invalid value: {value:?}: {errors}"
    )))
}

/// `key=value`, `key in (a,b)`, `!key` and so on.
impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            operator,
            values,
        } = self;
        let sign = match operator {
            Operator::Equals => "=",
            Operator::NotEquals => "!=",
            Operator::In => " in ",
            Operator::NotIn => " notin ",
            Operator::Exists => return formatter.write_str(key),
            Operator::DoesNotExist => return write!(formatter, "!{key}"),
            Operator::GreaterThan => ">",
            Operator::LessThan => "<",
        };
        let joined = values.join(",");
        match operator {
            // Empty brackets would read back as no value at all.
            Operator::In | Operator::NotIn if joined.is_empty() => {
                write!(formatter, "{key}{sign}(,)")
            }
            Operator::In | Operator::NotIn => write!(formatter, "{key}{sign}({joined})"),
            _ => write!(formatter, "{key}{sign}{joined}"),
        }
    }
}

/// Conditions on labels that must all hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// `None` selects nothing at all.
    requirements: Option<Vec<Requirement>>,
}

impl Selector {
    /// The selector that every object satisfies.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            requirements: Some(Vec::new()),
        }
    }

    /// The selector that no object satisfies.
    #[must_use]
    pub fn nothing() -> Self {
        Self { requirements: None }
    }

    /// All of these requirements.
    #[must_use]
    pub fn all_of(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut requirements: Vec<Requirement> = requirements.into_iter().collect();
        requirements.sort();
        Self {
            requirements: Some(requirements),
        }
    }

    /// Reads the text form; the empty text selects everything.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(SelectorError::new(format!(
                "selector is longer than {MAX_SELECTOR_BYTES} bytes"
            )));
        }
        parse::parse(text).map(Self::all_of)
    }

    /// Reads a `LabelSelector` (`matchLabels`, `matchExpressions`). As in
    /// Kubernetes a missing one selects nothing and an empty one everything.
    pub fn from_label_selector(selector: Option<&Value>) -> Result<Self, SelectorError> {
        let Some(selector) = selector.filter(|selector| !selector.is_null()) else {
            return Ok(Self::nothing());
        };
        let mut requirements = Vec::new();
        for (key, value) in selector
            .get("matchLabels")
            .and_then(Value::as_map)
            .into_iter()
            .flatten()
        {
            let value = value.as_str().ok_or_else(|| {
                SelectorError::new(format!(
                    "matchLabels[{key}]: expected a string, not {}",
                    value.kind_name()
                ))
            })?;
            requirements.push(Requirement::new(key, Operator::Equals, [value.into()])?);
        }
        let expressions = selector
            .get("matchExpressions")
            .and_then(Value::as_list)
            .unwrap_or_default();
        for expression in expressions {
            requirements.push(read_expression(expression)?);
        }
        Ok(Self::all_of(requirements))
    }

    /// Whether an object with these labels satisfies the selector.
    #[must_use]
    pub fn matches(&self, labels: &Map) -> bool {
        self.matches_with(|key| labels.get(key).and_then(Value::as_str))
    }

    /// Whether labels looked up with `label` satisfy the selector.
    #[must_use]
    pub fn matches_with<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.as_ref().is_some_and(|all| {
            all.iter()
                .all(|requirement| requirement.holds(label(&requirement.key)))
        })
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.as_ref().is_some_and(Vec::is_empty)
    }

    /// The requirements in order of their keys; none for a selector that
    /// selects nothing.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        self.requirements.as_deref().unwrap_or_default()
    }
}

/// Selects everything.
impl Default for Selector {
    fn default() -> Self {
        Self::everything()
    }
}

fn read_expression(expression: &Value) -> Result<Requirement, SelectorError> {
    let key = expression.str_at(&["key"]).unwrap_or_default();
    let operator = match expression.str_at(&["operator"]).unwrap_or_default() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        other => {
            return Err(SelectorError::new(format!(
                "{other:?} is not a valid label selector operator"
            )));
        }
    };
    let values = expression
        .get("values")
        .and_then(Value::as_list)
        .unwrap_or_default();
    Requirement::new(
        key,
        operator,
        values.iter().filter_map(Value::as_str).map(Text::from),
    )
}

/// The text form; the selector of nothing has none and prints as
/// `<nothing>`.
impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(requirements) = &self.requirements else {
            return formatter.write_str("<nothing>");
        };
        for (place, requirement) in requirements.iter().enumerate() {
            write!(
                formatter,
                "{}{requirement}",
                if place == 0 { "" } else { "," }
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
