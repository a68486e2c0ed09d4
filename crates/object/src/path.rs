//! Where a field of an object is, in the notation of managed fields.

use crate::{Text, Value, to_json};
use std::fmt;

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// The member of a map.
    Key(Text),
    /// The item of a list of maps that has these members, sorted by key.
    Item(Vec<(Text, Value)>),
    /// The member of a list that is a set.
    Member(Value),
    /// The item of a list by its place, counted from 0.
    Index(usize),
}

impl Segment {
    /// The list item with these key fields, given in any order.
    #[must_use]
    pub fn item<K: Into<Text>>(keys: impl IntoIterator<Item = (K, Value)>) -> Self {
        let mut keys: Vec<(Text, Value)> = keys.into_iter().map(|(k, v)| (k.into(), v)).collect();
        keys.sort();
        Self::Item(keys)
    }

    /// The part of `value` that this step leads to; `None` where it is absent
    /// or `value` is of another shape.
    #[must_use]
    pub fn find_in<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Key(key) => value.get(key),
            Self::Index(index) => value.as_list()?.get(*index),
            Self::Member(member) => value
                .as_list()?
                .iter()
                .find(|item| item.same_number(member)),
            Self::Item(keys) => value.as_list()?.iter().find(|item| has_keys(item, keys)),
        }
    }
}

fn has_keys(item: &Value, keys: &[(Text, Value)]) -> bool {
    keys.iter()
        .all(|(key, wanted)| item.get(key).is_some_and(|found| found.same_number(wanted)))
}

/// `.key`, `[0]`, `[name="web"]` or `[="member"]`.
impl fmt::Display for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(formatter, ".{key}"),
            Self::Index(index) => write!(formatter, "[{index}]"),
            Self::Member(member) => write!(formatter, "[={}]", json(member)),
            Self::Item(keys) => {
                formatter.write_str("[")?;
                for (place, (key, value)) in keys.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(formatter, "{comma}{key}={}", json(value))?;
                }
                formatter.write_str("]")
            }
        }
    }
}

fn json(value: &Value) -> String {
    String::from_utf8_lossy(&to_json(value)).into_owned()
}

/// The way from the root of an object to one of its fields; the empty path is
/// the root itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath {
    segments: Vec<Segment>,
}

impl FieldPath {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of map keys.
    ///
    /// ```
    /// # use trueup_object::FieldPath;
    /// assert_eq!(FieldPath::of_keys(&["spec", "replicas"]).to_string(), ".spec.replicas");
    /// ```
    #[must_use]
    pub fn of_keys(keys: &[&str]) -> Self {
        keys.iter().map(|key| Segment::Key((*key).into())).collect()
    }

    /// The steps in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// This path and one step more.
    #[must_use]
    pub fn join(&self, segment: Segment) -> Self {
        let mut longer = self.clone();
        longer.push(segment);
        longer
    }

    /// This path and one map key more.
    #[must_use]
    pub fn key(&self, key: impl Into<Text>) -> Self {
        self.join(Segment::Key(key.into()))
    }

    /// This path and one place in a list more.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    /// Goes one step further.
    pub fn push(&mut self, segment: Segment) {
        self.segments.push(segment);
    }

    /// Goes one step back and returns the step.
    pub fn pop(&mut self) -> Option<Segment> {
        self.segments.pop()
    }

    /// The path without its last step; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.segments.split_last()?;
        Some(Self {
            segments: parents.to_vec(),
        })
    }

    /// Whether `other` is this path or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.segments.starts_with(&self.segments)
    }

    /// The value at this path; `None` where it is absent.
    #[must_use]
    pub fn find_in<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.segments
            .iter()
            .try_fold(root, |value, segment| segment.find_in(value))
    }

    /// The path as validation errors of the Kubernetes API write it: no dot
    /// in front, and keys that are no plain word in brackets, such as
    /// `metadata.labels[example.com/x]`, `spec.containers[0].image`.
    #[must_use]
    pub fn dotted(&self) -> String {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Key(key) if is_plain(key) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(key);
                }
                Segment::Key(key) => out.push_str(&format!("[{key}]")),
                other => out.push_str(&other.to_string()),
            }
        }
        out
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'))
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self {
            segments: segments.into_iter().collect(),
        }
    }
}

impl Extend<Segment> for FieldPath {
    fn extend<I: IntoIterator<Item = Segment>>(&mut self, segments: I) {
        self.segments.extend(segments);
    }
}

/// `.spec.containers[name="web"].image`, as managed field conflicts print it;
/// the root is a single dot.
impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return formatter.write_str(".");
        }
        self.segments
            .iter()
            .try_for_each(|segment| write!(formatter, "{segment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;
    use proptest::prelude::*;

    #[test]
    fn a_path_prints_as_conflicts_do_and_finds_its_field() {
        let object = value!({"spec": {"containers": [
            {"name": "side", "image": "b"},
            {"name": "web", "image": "a", "args": ["x", "y"]},
        ]}});
        let web = FieldPath::of_keys(&["spec", "containers"])
            .join(Segment::item([("name", Value::from("web"))]));
        assert_eq!(
            web.key("image").to_string(),
            ".spec.containers[name=\"web\"].image"
        );
        assert_eq!(web.key("image").find_in(&object), Some(&Value::from("a")));
        let argument = web.key("args").join(Segment::Member("y".into()));
        assert_eq!(
            argument.to_string(),
            ".spec.containers[name=\"web\"].args[=\"y\"]"
        );
        assert_eq!(argument.find_in(&object), Some(&Value::from("y")));
        assert_eq!(web.index(9).find_in(&object), None);
    }

    #[test]
    fn keys_of_an_item_have_one_order() {
        let a = Segment::item([("port", Value::from(80)), ("protocol", Value::from("TCP"))]);
        let b = Segment::item([("protocol", Value::from("TCP")), ("port", Value::from(80))]);
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "[port=80,protocol=\"TCP\"]");
    }

    #[test]
    fn validation_errors_bracket_odd_keys() {
        let path = FieldPath::of_keys(&["metadata", "labels", "a.b/c"]);
        assert_eq!(path.dotted(), "metadata.labels[a.b/c]");
        assert_eq!(
            FieldPath::of_keys(&["spec"]).index(0).key("x").dotted(),
            "spec[0].x"
        );
    }

    fn segment() -> impl Strategy<Value = Segment> {
        prop_oneof![
            "[a-z]{1,4}".prop_map(|key| Segment::Key(key.into())),
            (0..9_usize).prop_map(Segment::Index),
            "[a-z]{0,3}".prop_map(|text| Segment::Member(text.into())),
            ("[a-z]{1,3}", 0..99_i64).prop_map(|(k, v)| Segment::item([(k, Value::from(v))])),
        ]
    }

    proptest! {
        #[test]
        fn different_paths_of_plain_keys_print_differently(
            a in prop::collection::vec(segment(), 0..5),
            b in prop::collection::vec(segment(), 0..5),
        ) {
            let (a, b): (FieldPath, FieldPath) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert_eq!(a == b, a.to_string() == b.to_string());
        }

        #[test]
        fn a_parent_contains_its_children(steps in prop::collection::vec(segment(), 1..5)) {
            let path: FieldPath = steps.into_iter().collect();
            let parent = path.parent().unwrap();
            prop_assert!(parent.contains(&path) && !path.contains(&parent));
        }
    }
}
