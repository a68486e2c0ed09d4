//! Fields that are left to others: `spec.ignore`, as Flux 2.9 has it.

use crate::record::our_fields;
use crate::take_over::is_listed;
use std::collections::BTreeMap;
use std::sync::Arc;
use trueup_gocompat::regexp::Regexp;
use trueup_kinds::{IgnoreRule, Selector as Target, names};
use trueup_object::{FieldPath, GroupKind, Map, ObjectRef, Segment, Selector, Text, Value};
use trueup_schema::{FieldSet, ManagedEntry, Operation, decode_managed};

/// How many pointers the rules of one Kustomization may have.
pub const MAX_IGNORE_POINTERS: usize = 1_000;
/// How many rules it may have.
pub const MAX_IGNORE_RULES: usize = 100;

/// Rules that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// Something that is no JSON pointer (RFC 6901), or one to a whole object.
    #[error(
        "spec.ignore[{rule}].paths: {pointer:?} is no JSON pointer to a field, such as /spec/replicas"
    )]
    Pointer {
        /// Which rule.
        rule: usize,
        /// What was given.
        pointer: Text,
    },
    /// A pattern or selector that is none.
    #[error("spec.ignore[{rule}].target.{field}: {cause}")]
    Target {
        /// Which rule.
        rule: usize,
        /// Which field of its target.
        field: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// Too many rules or too many pointers.
    #[error(
        "spec.ignore has more than {MAX_IGNORE_RULES} rules, or more than {MAX_IGNORE_POINTERS} paths"
    )]
    TooMany,
}

/// A place in an object, by RFC 6901.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPointer {
    tokens: Vec<Text>,
}

impl JsonPointer {
    /// Reads a pointer; `None` if it is none, or one to the whole document.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = text.strip_prefix('/')?.split('/').map(|token| {
            let plain = token.replace("~1", "/").replace("~0", "~");
            Text::from(plain)
        });
        Some(Self {
            tokens: tokens.collect(),
        })
    }

    /// The place of a field of maps.
    fn to_field(path: &FieldPath) -> Self {
        let keys = path.segments().iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.clone()),
            Segment::Item(_) | Segment::Member(_) | Segment::Index(_) => None,
        });
        Self {
            tokens: keys.collect(),
        }
    }

    /// What places are sorted by: those of a list by their numbers, what lies
    /// in a place behind it.
    fn order(&self) -> Vec<(usize, &Text)> {
        // No list is so long that its last place is this one.
        let number = |token: &Text| token.parse().unwrap_or(usize::MAX);
        let steps = self.tokens.iter();
        steps.map(|token| (number(token), token)).collect()
    }

    /// The value at this place.
    #[must_use]
    pub fn find_in<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.tokens.iter().try_fold(root, |value, token| {
            let index = || token.parse::<usize>().ok();
            match value {
                Value::Map(fields) => fields.get(token),
                Value::List(items) => items.get(index()?),
                _ => None,
            }
        })
    }

    /// Puts a value there; does nothing where the place is not.
    fn put(&self, root: &mut Value, new: Value) {
        if let Some((last, holder)) = self.holder(root) {
            match holder {
                Value::Map(fields) => {
                    fields.insert(last.clone(), new);
                }
                other => {
                    if let (Ok(index), Some(items)) = (last.parse::<usize>(), other.as_list_mut())
                        && index < items.len()
                    {
                        items.make_mut()[index] = new;
                    }
                }
            }
        }
    }

    fn remove(&self, root: &mut Value) {
        if let Some((last, holder)) = self.holder(root) {
            match holder {
                Value::Map(fields) => {
                    fields.remove(last);
                }
                other => {
                    if let (Ok(index), Some(items)) = (last.parse::<usize>(), other.as_list_mut())
                        && index < items.len()
                    {
                        items.remove(index);
                    }
                }
            }
        }
    }

    /// What holds the place, if that is there, and the last token.
    fn holder<'v>(&self, root: &'v mut Value) -> Option<(&Text, &'v mut Value)> {
        let (last, way) = self.tokens.split_last()?;
        let holder = way.iter().try_fold(root, |value, token| match value {
            Value::Map(fields) => fields.get_mut(token),
            other => other
                .as_list_mut()?
                .make_mut()
                .get_mut(token.parse::<usize>().ok()?),
        })?;
        Some((last, holder))
    }

    /// Whether an owned field is the place, lies in it, or holds it.
    fn touches(&self, path: &FieldPath, object: &Value) -> bool {
        self.shared(path, object) == self.tokens.len().min(path.segments().len())
    }

    /// Whether an owned field is the place or lies in it.
    fn holds(&self, path: &FieldPath, object: &Value) -> bool {
        path.segments().len() >= self.tokens.len() && self.touches(path, object)
    }

    /// How many steps pointer and path have in common from the root.
    fn shared(&self, path: &FieldPath, object: &Value) -> usize {
        let mut here = Some(object);
        let steps = self.tokens.iter().zip(path.segments());
        steps
            .take_while(|(token, segment)| {
                let same = is_step(token, segment, here);
                here = here.and_then(|value| segment.find_in(value));
                same
            })
            .count()
    }
}

/// Whether a token and a segment lead from a value to the same place.
fn is_step(token: &str, segment: &Segment, from: Option<&Value>) -> bool {
    match segment {
        Segment::Key(key) => key == token,
        Segment::Index(index) => index.to_string() == token,
        Segment::Item(_) | Segment::Member(_) => {
            let items = from.and_then(Value::as_list).unwrap_or_default();
            let found = from.and_then(|value| segment.find_in(value));
            let place = items
                .iter()
                .position(|item| found.is_some_and(|found| std::ptr::eq(item, found)));
            place.is_some_and(|place| place.to_string() == token)
        }
    }
}

/// Which fields of which objects are left to others.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    source: Vec<IgnoreRule>,
    rules: Vec<Rule>,
    left: LeftFields,
}

/// Fields of single objects that are left to others, whatever the manifests
/// say: those that another controller of ours writes. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftFields(Arc<BTreeMap<Name, Vec<JsonPointer>>>);

/// Of a path only the keys count.
impl FromIterator<(ObjectRef, Vec<FieldPath>)> for LeftFields {
    fn from_iter<T: IntoIterator<Item = (ObjectRef, Vec<FieldPath>)>>(fields: T) -> Self {
        let mut left: BTreeMap<Name, Vec<JsonPointer>> = BTreeMap::new();
        for (object, paths) in fields {
            let pointers = left.entry(name_of(&object)).or_default();
            for pointer in paths.iter().map(JsonPointer::to_field) {
                if !pointers.contains(&pointer) {
                    pointers.push(pointer);
                }
            }
        }
        Self(Arc::new(left))
    }
}

/// Group and kind, namespace and name: an object in whatever version.
type Name = (GroupKind, Text, Text);

/// Two are the same if they were made from the same.
impl PartialEq for IgnoreRules {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.left == other.left
    }
}

#[derive(Clone, Debug)]
struct Rule {
    pointers: Vec<JsonPointer>,
    target: Matcher,
}

/// Which objects; what is not given holds for all.
#[derive(Clone, Debug, Default)]
struct Matcher {
    group: Option<Regexp>,
    version: Option<Regexp>,
    kind: Option<Regexp>,
    name: Option<Regexp>,
    namespace: Option<Regexp>,
    labels: Option<Selector>,
    annotations: Option<Selector>,
}

impl IgnoreRules {
    /// Reads the rules of a specification.
    pub fn compile(rules: &[IgnoreRule]) -> Result<Self, IgnoreError> {
        let pointers_count: usize = rules.iter().map(|rule| rule.paths.len()).sum();
        if rules.len() > MAX_IGNORE_RULES || pointers_count > MAX_IGNORE_POINTERS {
            return Err(IgnoreError::TooMany);
        }
        let compiled = rules.iter().enumerate().map(|(index, rule)| {
            let target = rule.target.as_ref();
            Ok(Rule {
                pointers: pointers(index, rule)?,
                target: target
                    .map_or(Ok(Matcher::default()), |target| Matcher::of(index, target))?,
            })
        });
        Ok(Self {
            rules: compiled.collect::<Result<_, _>>()?,
            source: rules.to_vec(),
            left: LeftFields::default(),
        })
    }

    /// The same, with these fields left to others, too.
    #[must_use]
    pub fn leaving_fields(self, left: LeftFields) -> Self {
        Self { left, ..self }
    }

    /// The places in an object that are left to others. Of a list's places the
    /// last comes first: taking one out moves none of those that follow.
    #[must_use]
    pub fn pointers_for(&self, object: &Value) -> Vec<JsonPointer> {
        let own = ObjectRef::of(object).and_then(|it| self.left.0.get(&name_of(&it)));
        let mut found: Vec<JsonPointer> = own.cloned().unwrap_or_default();
        for rule in self.rules.iter().filter(|rule| rule.target.holds(object)) {
            for pointer in &rule.pointers {
                if !found.contains(pointer) {
                    found.push(pointer.clone());
                }
            }
        }
        found.sort_by(|one, other| other.order().cmp(&one.order()));
        found
    }
}

fn name_of(object: &ObjectRef) -> Name {
    let kind = object.kind.group_kind();
    (kind, object.namespace.clone(), object.name.clone())
}

fn pointers(rule: usize, given: &IgnoreRule) -> Result<Vec<JsonPointer>, IgnoreError> {
    let read = |text: &Text| {
        // Without its metadata an object has no name.
        let pointer = JsonPointer::parse(text).filter(|_| text != "/metadata");
        pointer.ok_or_else(|| IgnoreError::Pointer {
            rule,
            pointer: text.clone(),
        })
    };
    given.paths.iter().map(read).collect()
}

impl Matcher {
    fn of(rule: usize, target: &Target) -> Result<Self, IgnoreError> {
        let pattern = |field, text: &Option<Text>| whole(rule, field, text.as_deref());
        let selector = |field, text: &Option<Text>| selector(rule, field, text.as_deref());
        Ok(Self {
            group: pattern("group", &target.group)?,
            version: pattern("version", &target.version)?,
            kind: pattern("kind", &target.kind)?,
            name: pattern("name", &target.name)?,
            namespace: pattern("namespace", &target.namespace)?,
            labels: selector("labelSelector", &target.label_selector)?,
            annotations: selector("annotationSelector", &target.annotation_selector)?,
        })
    }

    fn holds(&self, object: &Value) -> bool {
        let Some(reference) = ObjectRef::of(object) else {
            return false;
        };
        let texts = [
            (&self.group, &reference.kind.group),
            (&self.version, &reference.kind.version),
            (&self.kind, &reference.kind.kind),
            (&self.name, &reference.name),
            (&self.namespace, &reference.namespace),
        ];
        let maps = [(&self.labels, "labels"), (&self.annotations, "annotations")];
        let nothing = Map::new();
        texts
            .into_iter()
            .all(|(pattern, text)| pattern.as_ref().is_none_or(|it| it.is_match(text)))
            && maps.into_iter().all(|(selector, place)| {
                let map = object.at(&["metadata", place]).and_then(Value::as_map);
                let matches = |it: &Selector| it.matches(map.unwrap_or(&nothing));
                selector.as_ref().is_none_or(matches)
            })
    }
}

/// A pattern that has to match a whole text.
fn whole(
    rule: usize,
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Regexp>, IgnoreError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refused = |cause: String| IgnoreError::Target { rule, field, cause };
    // By itself first: `a)(b` is no expression, and would be one in brackets.
    Regexp::compile(text)
        .and_then(|_| Regexp::compile(&format!("^(?:{text})$")))
        .map(Some)
        .map_err(|error| refused(error.to_string()))
}

fn selector(
    rule: usize,
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Selector>, IgnoreError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refused = |error: trueup_object::SelectorError| IgnoreError::Target {
        rule,
        field,
        cause: error.to_string(),
    };
    Selector::parse(text).map(Some).map_err(refused)
}

/// The manifest to apply to a live object. A field that is left to others
/// and has another value there is taken over from there where we own it, so
/// that our apply does not change it; where another applies it, or it isn't
/// ours, the manifest goes without it.
pub(crate) fn manifest_for(
    manifest: &Value,
    live: &Value,
    pointers: &[JsonPointer],
    overridden: &[Text],
) -> Value {
    let mut fitted = manifest.clone();
    if pointers.is_empty() {
        return fitted;
    }
    let managed = decode_managed(live).unwrap_or_default();
    for pointer in pointers {
        let Some(wanted) = pointer.find_in(manifest) else {
            continue;
        };
        match pointer.find_in(live) {
            Some(value) if value.same_number(wanted) => {}
            Some(value) if is_ours_alone(pointer, live, &managed, overridden) => {
                pointer.put(&mut fitted, value.clone());
            }
            _ => pointer.remove(&mut fitted),
        }
    }
    fitted
}

/// Whether a field is ours, or of a manager that we take over from, and no
/// other one applies it.
fn is_ours_alone(
    pointer: &JsonPointer,
    live: &Value,
    managed: &[ManagedEntry],
    overridden: &[Text],
) -> bool {
    let mut ours = false;
    for entry in managed {
        let is_own = entry.manager == names::APPLY_MANAGER && entry.operation == Operation::Apply;
        let becomes_own = is_listed(
            &entry.manager,
            entry.operation.name(),
            &entry.subresource,
            overridden,
        );
        let touches = || {
            let leaves = entry.fields.leaves().paths();
            leaves.iter().any(|path| pointer.touches(path, live))
        };
        match (is_own || becomes_own, entry.operation == Operation::Apply) {
            (true, _) => ours = ours || touches(),
            (false, true) if touches() => return false,
            (false, _) => {}
        }
    }
    ours
}

/// An object without what is left to others.
pub(crate) fn without(object: &Value, pointers: &[JsonPointer]) -> Value {
    let mut rest = object.clone();
    for pointer in pointers {
        pointer.remove(&mut rest);
    }
    rest
}

/// The fields of ours that are not left to others.
pub(crate) fn our_fields_but(live: &Value, pointers: &[JsonPointer]) -> FieldSet {
    let fields = our_fields(live);
    if pointers.is_empty() {
        return fields;
    }
    let mut left = FieldSet::new();
    for path in fields.leaves().paths() {
        if pointers.iter().any(|pointer| pointer.holds(&path, live)) {
            left.insert(&path);
        }
    }
    fields.difference(&left)
}
