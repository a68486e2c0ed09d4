//! Checking a value against a schema, in the API's words.

use super::limits::{
    at, child, enum_error, format_error, invalid, number_errors, of_object, text_error, type_error,
};
use super::node::{Additional, Node};
use crate::field_error::{FieldError, FieldReason};
use crate::go;
use trueup_object::{Map, Text, Value};

/// How deep a value may nest; deeper parts are not looked at.
const MAX_DEPTH: usize = 512;

/// Everything that is wrong with a value that stands at `path`.
pub(super) fn validate(value: &Value, schema: &Node, path: &str) -> Vec<FieldError> {
    let place = Place {
        path: path.into(),
        before: None,
        depth: 0,
    };
    check(value, schema, &place).errors
}

/// Everything that is wrong with an object and was not so before.
pub(super) fn validate_update(object: &Value, before: &Value, schema: &Node) -> Vec<FieldError> {
    let place = Place {
        path: String::new(),
        before: Some(before),
        depth: 0,
    };
    check(object, schema, &place).errors
}

/// Where a value stands, and what stood there before.
struct Place<'a> {
    path: String,
    before: Option<&'a Value>,
    depth: usize,
}

impl<'a> Place<'a> {
    fn member(&self, path: String, name: &str) -> Self {
        let before = self.before.and_then(|before| before.get(name));
        Self {
            path,
            before,
            depth: self.depth + 1,
        }
    }

    /// An item of a list; only items with keys have something before them.
    fn item(&self, index: usize, item: &Value, keys: &[Text]) -> Self {
        let items = self.before.and_then(Value::as_list).unwrap_or_default();
        Self {
            path: format!("{}[{index}]", self.path),
            before: same_item(items, item, keys),
            depth: self.depth + 1,
        }
    }

    fn alternative(&self) -> Place<'a> {
        Place {
            path: self.path.clone(),
            before: self.before,
            depth: self.depth + 1,
        }
    }
}

/// The item of a list that has the keys of another; none in lists without
/// keys.
pub(super) fn same_item<'a>(items: &'a [Value], item: &Value, keys: &[Text]) -> Option<&'a Value> {
    let same_key = |old: &&Value| keys.iter().all(|key| old.get(key) == item.get(key));
    if keys.is_empty() {
        return None;
    }
    items.iter().find(same_key)
}

/// What a check found, and how much of the schema fitted: of several
/// alternatives the one that fitted most tells its errors.
#[derive(Default)]
struct Outcome {
    errors: Vec<FieldError>,
    matched: usize,
}

impl Outcome {
    fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.matched += other.matched;
    }

    fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

fn check(value: &Value, schema: &Node, place: &Place<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    if place.depth > MAX_DEPTH || place.before == Some(value) {
        return outcome;
    }
    let path = place.path.as_str();
    outcome.errors.extend(type_error(value, schema, path));
    if value.is_null() {
        outcome.errors.extend(enum_error(value, schema, path));
        return outcome;
    }
    alternatives(value, schema, place, &mut outcome);
    match value {
        Value::String(text) => {
            outcome.errors.extend(text_error(text, schema, path));
            outcome.errors.extend(format_error(text, schema, path));
        }
        Value::Integer(_) | Value::Float(_) => {
            outcome.errors.extend(number_errors(value, schema, path));
        }
        Value::List(items) => list(items, schema, place, &mut outcome),
        _ => {}
    }
    outcome.errors.extend(enum_error(value, schema, path));
    if let Value::Map(members) = value {
        map(members, schema, place, &mut outcome);
    }
    outcome.matched += 3;
    outcome
}

fn list(items: &[Value], schema: &Node, place: &Place<'_>, outcome: &mut Outcome) {
    let keys = if schema.list_type.as_deref() == Some("map") {
        schema.list_keys.as_slice()
    } else {
        &[]
    };
    if let Some(of_items) = &schema.items {
        for (index, item) in items.iter().enumerate() {
            outcome.merge(check(item, of_items, &place.item(index, item, keys)));
        }
    }
    let path = place.path.as_str();
    let size = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(least) = schema.min_items.filter(|least| size < *least) {
        outcome.errors.push(invalid(
            &size.into(),
            path,
            &format!("should have at least {least} items"),
        ));
    }
    if let Some(most) = schema.max_items.filter(|most| size > *most) {
        outcome.errors.push(too_many(path, size, most));
    }
}

fn too_many(path: &str, size: i64, most: i64) -> FieldError {
    let message = format!("Too many: {size}: must have at most {most} items");
    FieldError::new(at(path), FieldReason::TooMany, message)
}

fn map(members: &Map, schema: &Node, place: &Place<'_>, outcome: &mut Outcome) {
    let path = place.path.as_str();
    let size = i64::try_from(members.len()).unwrap_or(i64::MAX);
    if let Some(least) = schema.min_properties.filter(|least| size < *least) {
        let detail = format!("should have at least {least} properties");
        outcome.errors.push(invalid(&size.into(), path, &detail));
    }
    if let Some(most) = schema.max_properties.filter(|most| size > *most) {
        outcome.errors.push(too_many(path, size, most));
    }
    for (name, member) in members {
        if let Some(property) = schema.property(name) {
            outcome.merge(check(
                member,
                property,
                &place.member(child(path, name), name),
            ));
            continue;
        }
        let undeclared = format!("{path}.{name}");
        match &schema.additional {
            Some(Additional::Schema(additional)) => {
                outcome.merge(check(member, additional, &place.member(undeclared, name)));
            }
            Some(Additional::Nothing) => {
                let detail = format!("{undeclared} in body is a forbidden property");
                outcome
                    .errors
                    .push(FieldError::invalid(at(path), &go::quoted(name), &detail));
            }
            Some(Additional::Any) | None => {}
        }
    }
    let missing = schema
        .required
        .iter()
        .filter(|name| !members.contains_key(name));
    outcome
        .errors
        .extend(missing.map(|name| FieldError::required(at(&format!("{path}.{name}")), "")));
}

/// `anyOf`, `oneOf`, `allOf` and `not`.
fn alternatives(value: &Value, schema: &Node, place: &Place<'_>, outcome: &mut Outcome) {
    let path = place.path.as_str();
    let run = |schema: &Node| check(value, schema, &place.alternative());
    let run_all = |schemas: &[Node]| schemas.iter().map(run).collect::<Vec<_>>();
    if !schema.any_of.is_empty() {
        let tried = run_all(&schema.any_of);
        if !tried.iter().any(Outcome::is_valid) {
            let message = format!("\"{path}\" must validate at least one schema (anyOf)");
            outcome.errors.push(of_object(message));
            outcome.merge(best(tried));
        }
    }
    if !schema.one_of.is_empty() {
        one_of(run_all(&schema.one_of), path, outcome);
    }
    if !schema.all_of.is_empty() {
        all_of(run_all(&schema.all_of), path, outcome);
    }
    if schema.not.as_deref().is_some_and(|not| run(not).is_valid()) {
        outcome.errors.push(of_object(format!(
            "\"{path}\" must not validate the schema (not)"
        )));
    }
}

/// The first of those that fitted most.
fn best(tried: Vec<Outcome>) -> Outcome {
    let better = |best: Outcome, next: Outcome| {
        if next.matched > best.matched {
            next
        } else {
            best
        }
    };
    tried.into_iter().reduce(better).unwrap_or_default()
}

fn one_of(tried: Vec<Outcome>, path: &str, outcome: &mut Outcome) {
    let valid = tried.iter().filter(|outcome| outcome.is_valid()).count();
    let found = match valid {
        1 => return,
        0 => "Found none valid".to_owned(),
        several => format!("Found {several} valid alternatives"),
    };
    let message = format!("\"{path}\" must validate one and only one schema (oneOf). {found}");
    outcome.errors.push(of_object(message));
    if valid == 0 {
        outcome.merge(best(tried));
    }
}

fn all_of(tried: Vec<Outcome>, path: &str, outcome: &mut Outcome) {
    let valid = tried.iter().filter(|outcome| outcome.is_valid()).count();
    let all = tried.len();
    tried.into_iter().for_each(|one| outcome.merge(one));
    if valid < all {
        let none = if valid == 0 { ". None validated" } else { "" };
        outcome.errors.push(of_object(format!(
            "\"{path}\" must validate all the schemas (allOf){none}"
        )));
    }
}
