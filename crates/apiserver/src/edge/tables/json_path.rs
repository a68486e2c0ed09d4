//! The JSONPath dialect of printer columns and scale paths.

use trueup_object::Value;

/// How many steps a path may have.
pub const MAX_STEPS: usize = 64;

/// Why a text is no path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("JSONPath {path:?} at byte {at}: {message}")]
pub struct JsonPathError {
    /// The path as given.
    pub path: String,
    /// Where reading stopped.
    pub at: usize,
    /// What was expected there.
    pub message: &'static str,
}

/// A compiled path such as `.status.conditions[?(@.type=="Ready")].status`.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>, usize),
    All,
    Descend,
    Filter {
        left: JsonPath,
        comparison: Option<(Comparison, Literal)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Constant(Value),
    Path(JsonPath),
}

impl JsonPath {
    /// Reads a path, with or without the braces around it and the `$` before.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let inner = text
            .strip_prefix('{')
            .and_then(|it| it.strip_suffix('}'))
            .unwrap_or(text);
        let mut reader = Reader { text: inner, at: 0 };
        let steps = reader.steps(Place::Top)?;
        if reader.at < inner.len() {
            return Err(reader.error("expected a field or a bracket"));
        }
        Ok(Self { steps })
    }

    /// The values that the path leads to; empty where something is missing.
    #[must_use]
    pub fn find<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        self.steps.iter().fold(vec![root], |found, step| {
            let mut next = Vec::new();
            for value in found {
                step.follow(value, root, &mut next);
            }
            next
        })
    }

    /// The first value that the path leads to.
    #[must_use]
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.find(root).into_iter().next()
    }
}

impl Step {
    fn follow<'a>(&self, value: &'a Value, root: &'a Value, found: &mut Vec<&'a Value>) {
        match self {
            Self::Key(key) => found.extend(value.get(key)),
            Self::Index(index) => {
                let list = value.as_list().unwrap_or_default();
                found.extend(position(*index, list.len()).and_then(|at| list.get(at)));
            }
            Self::Slice(from, to, step) => {
                let list = value.as_list().unwrap_or_default();
                let bound = |given: Option<i64>, or: usize| {
                    given.map_or(Some(or), |it| position(it, list.len()))
                };
                let (from, to) = (bound(*from, 0), bound(*to, list.len()));
                let (from, to) = (from.unwrap_or(list.len()), to.unwrap_or(list.len()));
                found.extend(list.iter().take(to).skip(from).step_by(*step));
            }
            Self::All => found.extend(children(value)),
            Self::Descend => descend(value, found),
            Self::Filter { left, comparison } => {
                found.extend(
                    children(value).filter(|child| passes(child, root, left, comparison.as_ref())),
                );
            }
        }
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_list().unwrap_or_default().iter();
    list.chain(value.as_map().into_iter().flat_map(|map| map.values()))
}

fn descend<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(value);
    for child in children(value) {
        descend(child, found);
    }
}

fn passes(
    child: &Value,
    root: &Value,
    left: &JsonPath,
    comparison: Option<&(Comparison, Literal)>,
) -> bool {
    let Some(found) = left.first(child) else {
        return false;
    };
    let Some((comparison, right)) = comparison else {
        return true;
    };
    let right = match right {
        Literal::Constant(constant) => Some(constant),
        Literal::Path(path) => path.first(root),
    };
    right.is_some_and(|right| compare(found, *comparison, right))
}

fn compare(left: &Value, comparison: Comparison, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => number(left)
            .zip(number(right))
            .and_then(|(left, right)| left.partial_cmp(&right)),
    };
    let Some(order) = order else { return false };
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "only an order is wanted")]
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// Where steps are being read: inside a filter other marks end them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Filter,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, message: &'static str) -> JsonPathError {
        JsonPathError {
            path: self.text.to_owned(),
            at: self.at,
            message,
        }
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn steps(&mut self, place: Place) -> Result<Vec<Step>, JsonPathError> {
        let mut steps = Vec::new();
        if !self.eat("$") {
            self.eat("@");
        }
        while steps.len() < MAX_STEPS {
            if self.eat("..") {
                steps.push(Step::Descend);
                if !self.rest().starts_with('[') {
                    steps.push(self.field(place)?);
                }
            } else if self.eat(".") {
                if !self.rest().starts_with('[') && !self.rest().is_empty() {
                    steps.push(self.field(place)?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
        Err(self.error("too many steps"))
    }

    /// A bare field name; a backslash takes the next character as it is.
    fn field(&mut self, place: Place) -> Result<Step, JsonPathError> {
        let mut name = String::new();
        let mut characters = self.rest().char_indices();
        let mut end = self.rest().len();
        while let Some((at, character)) = characters.next() {
            let ends = match character {
                '.' | '[' => true,
                ' ' | '=' | '!' | '<' | '>' | ')' => place == Place::Filter,
                _ => false,
            };
            if ends {
                end = at;
                break;
            }
            match (character, place) {
                ('\\', _) => name.extend(characters.next().map(|it| it.1)),
                _ => name.push(character),
            }
        }
        if name.is_empty() {
            return Err(self.error("expected the name of a field"));
        }
        self.at += end;
        Ok(if name == "*" {
            Step::All
        } else {
            Step::Key(name)
        })
    }

    fn bracket(&mut self) -> Result<Step, JsonPathError> {
        self.skip_spaces();
        if self.eat("?(") {
            let step = self.filter()?;
            return self.close(step);
        }
        if self.eat("*") {
            return self.close(Step::All);
        }
        if self.rest().starts_with(['\'', '"']) {
            let name = self.quoted()?;
            return self.close(Step::Key(name));
        }
        let end = self
            .rest()
            .find(']')
            .ok_or_else(|| self.error("expected ]"))?;
        let step = self.numbers(&self.rest()[..end])?;
        self.at += end;
        self.close(step)
    }

    fn close(&mut self, step: Step) -> Result<Step, JsonPathError> {
        self.skip_spaces();
        if self.eat("]") {
            Ok(step)
        } else {
            Err(self.error("expected ]"))
        }
    }

    fn numbers(&self, text: &str) -> Result<Step, JsonPathError> {
        let number = |part: &str| match part.trim() {
            "" => Ok(None),
            digits => digits
                .parse::<i64>()
                .map(Some)
                .map_err(|_| self.error("expected a number")),
        };
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [index] => number(index)?
                .map(Step::Index)
                .ok_or_else(|| self.error("expected a number")),
            [from, to] => Ok(Step::Slice(number(from)?, number(to)?, 1)),
            [from, to, step] => {
                let step = usize::try_from(number(step)?.unwrap_or(1))
                    .ok()
                    .filter(|it| *it > 0);
                Ok(Step::Slice(
                    number(from)?,
                    number(to)?,
                    step.ok_or_else(|| self.error("expected a positive step"))?,
                ))
            }
            _ => Err(self.error("expected at most two colons")),
        }
    }

    fn quoted(&mut self) -> Result<String, JsonPathError> {
        let quote = self
            .rest()
            .chars()
            .next()
            .ok_or_else(|| self.error("expected a quote"))?;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|it| it.1)),
                _ if character == quote => {
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => text.push(character),
            }
        }
        Err(self.error("expected the closing quote"))
    }

    fn filter(&mut self) -> Result<Step, JsonPathError> {
        self.skip_spaces();
        let left = JsonPath {
            steps: self.steps(Place::Filter)?,
        };
        self.skip_spaces();
        let comparison = match self.comparison() {
            None => None,
            Some(comparison) => {
                self.skip_spaces();
                Some((comparison, self.literal()?))
            }
        };
        self.skip_spaces();
        if self.eat(")") {
            Ok(Step::Filter { left, comparison })
        } else {
            Err(self.error("expected )"))
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let marks = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        marks
            .into_iter()
            .find(|(mark, _)| self.eat(mark))
            .map(|it| it.1)
    }

    fn literal(&mut self) -> Result<Literal, JsonPathError> {
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Literal::Constant(self.quoted()?.into()));
        }
        if self.rest().starts_with(['$', '@', '.']) {
            return Ok(Literal::Path(JsonPath {
                steps: self.steps(Place::Filter)?,
            }));
        }
        let end = self
            .rest()
            .find(')')
            .ok_or_else(|| self.error("expected )"))?;
        let word = self.rest()[..end].trim();
        let constant = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => match (word.parse::<i64>(), word.parse::<f64>()) {
                (Ok(number), _) => Value::Integer(number),
                (_, Ok(number)) => Value::Float(number),
                _ => return Err(self.error("expected a quoted text, a number or a truth value")),
            },
        };
        self.at += end;
        Ok(Literal::Constant(constant))
    }
}
