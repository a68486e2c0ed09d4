//! What a `MetricTemplate` may ask of Pods: one function over the counters,
//! gauges and histograms that they tell of.
//!
//! Selectors are PromQL's: `name{label="a",other!~"b.*"}`, expressions match
//! whole values.

use super::super::QueryError;
use super::{Histogram, SeriesKey, Window};
use trueup_gocompat::regexp::Regexp;

/// The longest query.
pub const MAX_PODS_QUERY_BYTES: usize = 4 << 10;
/// The most memory of one compiled expression.
const MAX_EXPRESSION_BYTES: usize = 256 << 10;
/// The most matchers of one selector.
const MAX_MATCHERS: usize = 32;

/// A query of Pods.
#[derive(Debug)]
pub struct PodsQuery {
    function: Function,
    selectors: Vec<Selector>,
}

#[derive(Clone, Copy, Debug)]
enum Function {
    /// `increase(counter)`.
    Increase,
    /// `rate(counter)`, each second.
    Rate,
    /// `sum(gauge)`.
    Sum,
    /// `max(gauge)`.
    Max,
    /// `ratio(counter, counter)`.
    Ratio,
    /// `percent(counter, counter)`.
    Percent,
    /// `average(histogram or summary)`.
    Average,
    /// `quantile(0.99, histogram)`.
    Quantile(f64),
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PodsQueryError {
    /// Over [`MAX_PODS_QUERY_BYTES`].
    #[error("the query is longer than {MAX_PODS_QUERY_BYTES} bytes")]
    TooLong,
    /// No function that is known.
    #[error(
        "the query is none of increase(…), rate(…), sum(…), max(…), ratio(…, …), \
         percent(…, …), average(…), quantile(0.99, …)"
    )]
    Function,
    /// Not as many arguments as the function takes.
    #[error("the function takes {0} selectors")]
    Arguments(usize),
    /// No number from 0 to 1 in front.
    #[error("quantile takes a number from 0 to 1 in front")]
    Quantile,
    /// No selector.
    #[error("{0:?} is no selector such as name{{label=\"value\"}}")]
    Selector(String),
    /// No regular expression.
    #[error("{0:?} is no regular expression")]
    Expression(String),
}

impl PodsQuery {
    /// Reads a query, its template executed.
    ///
    /// # Errors
    /// What is no query.
    pub fn parse(text: &str) -> Result<Self, PodsQueryError> {
        if text.len() > MAX_PODS_QUERY_BYTES {
            return Err(PodsQueryError::TooLong);
        }
        let text = text.trim();
        let (name, rest) = text.split_once('(').ok_or(PodsQueryError::Function)?;
        let inside = rest.strip_suffix(')').ok_or(PodsQueryError::Function)?;
        let mut arguments = arguments(inside);
        let (function, wanted) = match name.trim() {
            "increase" => (Function::Increase, 1),
            "rate" => (Function::Rate, 1),
            "sum" => (Function::Sum, 1),
            "max" => (Function::Max, 1),
            "ratio" => (Function::Ratio, 2),
            "percent" => (Function::Percent, 2),
            "average" => (Function::Average, 1),
            "quantile" => {
                let share = arguments.first().and_then(|text| text.trim().parse().ok());
                let share = share.filter(|share| (0.0..=1.0).contains(share));
                let share = share.ok_or(PodsQueryError::Quantile)?;
                arguments.remove(0);
                (Function::Quantile(share), 1)
            }
            _ => return Err(PodsQueryError::Function),
        };
        if arguments.len() != wanted {
            return Err(PodsQueryError::Arguments(wanted));
        }
        let selectors = arguments.into_iter().map(Selector::parse);
        Ok(Self {
            function,
            selectors: selectors.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a metric of this name is wanted.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.selectors.iter().any(|selector| {
            let end = name.strip_prefix(selector.name.as_str());
            match self.function {
                Function::Average => matches!(end, Some("_sum" | "_count")),
                Function::Quantile(_) => end == Some("_bucket"),
                _ => end == Some(""),
            }
        })
    }

    /// The answer in a window.
    ///
    /// # Errors
    /// No such series, or nothing happened to them.
    pub fn value(&self, window: &Window) -> Result<f64, QueryError> {
        let [first, ..] = self.selectors.as_slice() else {
            return Err(QueryError::no_values());
        };
        let value = match self.function {
            Function::Increase => first.growth(window, "")?,
            Function::Rate => first.growth(window, "")? / window.seconds(),
            Function::Sum => first.levels(window)?.into_iter().sum(),
            Function::Max => first
                .levels(window)?
                .into_iter()
                .fold(f64::NEG_INFINITY, f64::max),
            Function::Ratio => self.ratio(window)?,
            Function::Percent => self.ratio(window)? * 100.0,
            Function::Average => first.growth(window, "_sum")? / first.growth(window, "_count")?,
            Function::Quantile(share) => {
                Histogram::of_window(window, &first.name, |key| first.matches(key))
                    .and_then(|histogram| histogram.quantile(share))
                    .ok_or_else(QueryError::no_values)?
            }
        };
        if value.is_nan() {
            return Err(QueryError::not_a_number());
        }
        Ok(value)
    }

    /// Of a part that has no series nothing happened, where the whole has some.
    fn ratio(&self, window: &Window) -> Result<f64, QueryError> {
        let [part, whole] = self.selectors.as_slice() else {
            return Err(QueryError::no_values());
        };
        let whole = whole.growth(window, "")?;
        Ok(part.growth(window, "").unwrap_or(0.0) / whole)
    }
}

/// Splits at commas that are in neither braces nor quotes.
fn arguments(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut depth, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.saturating_sub(1),
            b',' if !quoted && depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[derive(Debug)]
struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    label: String,
    wanted: bool,
    value: MatchedValue,
}

#[derive(Debug)]
enum MatchedValue {
    Text(String),
    Expression(Regexp),
}

impl Selector {
    fn parse(text: &str) -> Result<Self, PodsQueryError> {
        let text = text.trim();
        let error = || PodsQueryError::Selector(trueup_kinds::outgoing::quoted(text));
        let (name, inside) = match text.split_once('{') {
            Some((name, rest)) => (name.trim(), rest.strip_suffix('}').ok_or_else(error)?),
            None => (text, ""),
        };
        let possible = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b':');
        if name.is_empty() || !name.bytes().all(possible) {
            return Err(error());
        }
        let matchers: Vec<Matcher> = arguments(inside)
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| Matcher::parse(part).ok_or_else(error)?)
            .collect::<Result<_, _>>()?;
        if matchers.len() > MAX_MATCHERS {
            return Err(error());
        }
        Ok(Self {
            name: name.to_owned(),
            matchers,
        })
    }

    fn matches(&self, key: &SeriesKey) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(key))
    }

    fn growth(&self, window: &Window, end: &str) -> Result<f64, QueryError> {
        let name = format!("{}{end}", self.name);
        let growth = window.growth_of(&name);
        let mut kept = growth
            .filter(|(key, _)| self.matches(key))
            .map(|(_, growth)| growth)
            .peekable();
        kept.peek().ok_or_else(QueryError::no_values)?;
        Ok(kept.sum())
    }

    fn levels(&self, window: &Window) -> Result<Vec<f64>, QueryError> {
        let levels = window.levels_of(&self.name);
        let kept: Vec<f64> = levels
            .filter(|(key, _)| self.matches(key))
            .map(|(_, value)| value)
            .collect();
        if kept.is_empty() {
            return Err(QueryError::no_values());
        }
        Ok(kept)
    }
}

impl Matcher {
    /// A matcher; nothing where the text is none, an error where its
    /// expression is none.
    fn parse(text: &str) -> Option<Result<Self, PodsQueryError>> {
        let at = text.find(['=', '!'])?;
        let (label, rest) = text.split_at(at);
        let operators = [
            ("=~", true, true),
            ("!~", false, true),
            ("!=", false, false),
            ("=", true, false),
        ];
        let (value, wanted, expression) =
            operators.iter().find_map(|(sign, wanted, expression)| {
                Some((rest.strip_prefix(sign)?, *wanted, *expression))
            })?;
        let value = unquoted(value.trim())?;
        let label = label.trim();
        let possible = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
        if label.is_empty() || !label.bytes().all(possible) {
            return None;
        }
        let value = if expression {
            match Regexp::compile_within(&format!("^(?:{value})$"), MAX_EXPRESSION_BYTES) {
                Ok(expression) => MatchedValue::Expression(expression),
                Err(_) => return Some(Err(PodsQueryError::Expression(value))),
            }
        } else {
            MatchedValue::Text(value)
        };
        Some(Ok(Self {
            label: label.to_owned(),
            wanted,
            value,
        }))
    }

    /// A label that is not there is an empty one.
    fn matches(&self, key: &SeriesKey) -> bool {
        let found = key.label(&self.label).unwrap_or_default();
        let same = match &self.value {
            MatchedValue::Text(text) => text == found,
            MatchedValue::Expression(expression) => expression.is_match(found),
        };
        same == self.wanted
    }
}

fn unquoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut value = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                _ => return None,
            },
            other => value.push(other),
        }
    }
    Some(value)
}
