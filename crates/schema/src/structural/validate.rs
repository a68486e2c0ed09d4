//! Checking a value against a schema, in the API's words.

use super::formats;
use super::node::{Additional, Node};
use crate::field_error::{FieldError, FieldReason};
use crate::go;
use std::collections::BTreeMap;
use trueup_object::{Map, Text, Value, to_json};

/// How deep a value may nest; deeper parts are not looked at.
const MAX_DEPTH: usize = 512;

/// Everything that is wrong with a value that stands at `path`.
pub(super) fn validate(value: &Value, schema: &Node, path: &str) -> Vec<FieldError> {
    check(value, schema, path, 0).errors
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

fn check(value: &Value, schema: &Node, path: &str, depth: usize) -> Outcome {
    let mut outcome = Outcome::default();
    if depth > MAX_DEPTH {
        return outcome;
    }
    outcome.errors.extend(type_error(value, schema, path));
    if value.is_null() {
        outcome.errors.extend(enum_error(value, schema, path));
        return outcome;
    }
    alternatives(value, schema, path, depth, &mut outcome);
    match value {
        Value::String(text) => {
            outcome.errors.extend(text_error(text, schema, path));
            outcome.errors.extend(format_error(text, schema, path));
        }
        Value::Integer(_) | Value::Float(_) => {
            outcome.errors.extend(number_errors(value, schema, path))
        }
        Value::List(items) => list(items, schema, path, depth, &mut outcome),
        _ => {}
    }
    outcome.errors.extend(enum_error(value, schema, path));
    if let Value::Map(members) = value {
        map(members, schema, path, depth, &mut outcome);
    }
    outcome.matched += 3;
    outcome
}

/// Where an error is filed: paths of the API start without a dot.
fn at(path: &str) -> Text {
    path.trim_start_matches('.').into()
}

/// An error of the object as a whole.
fn of_object(message: String) -> FieldError {
    FieldError::invalid("<nil>", "\"\"", &message)
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.into()
    } else {
        format!("{path}.{name}")
    }
}

/// A value as messages print it: text quoted, numbers bare, the rest as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => go::quoted(text),
        Value::Float(number) => go::float(*number),
        other => String::from_utf8_lossy(&to_json(other)).into_owned(),
    }
}

fn is_whole(value: &Value) -> bool {
    match value {
        Value::Integer(_) => true,
        Value::Float(number) => number.fract() == 0.0,
        _ => false,
    }
}

fn type_error(value: &Value, schema: &Node, path: &str) -> Option<FieldError> {
    let wanted = if schema.int_or_string {
        "integer,string"
    } else {
        schema.typ.as_str()
    };
    if wanted.is_empty() || (value.is_null() && schema.nullable) {
        return None;
    }
    let has = |typ: &str| wanted.split(',').any(|wanted| wanted == typ);
    let format_speaks = matches!(value, Value::String(_) | Value::List(_))
        && !schema.format.is_empty()
        && formats::is_known(&schema.typ, &schema.format);
    if format_speaks && !has("number") && !has("integer") {
        return None;
    }
    let fits = match value {
        Value::Null => false,
        Value::Integer(_) => has("integer") || has("number"),
        Value::Float(_) => has("number") || (has("integer") && is_whole(value)),
        other => has(other.kind_name()),
    };
    (!fits).then(|| type_invalid(path, wanted, value.kind_name()))
}

fn type_invalid(path: &str, wanted: &str, given: &str) -> FieldError {
    let given = go::quoted(given);
    let message =
        format!("Invalid value: {given}: {path} in body must be of type {wanted}: {given}");
    FieldError::new(at(path), FieldReason::TypeInvalid, message)
}

fn enum_error(value: &Value, schema: &Node, path: &str) -> Option<FieldError> {
    let allowed = schema.values.as_ref()?;
    if allowed
        .iter()
        .any(|allowed| allowed.same_number(value) && !(value.is_null() && allowed.is_null()))
    {
        return None;
    }
    let quoted = |allowed: &Value| match allowed {
        Value::String(text) => go::quoted(text),
        other => go::quoted(&String::from_utf8_lossy(&to_json(other))),
    };
    let allowed: Vec<String> = allowed.iter().map(quoted).collect();
    Some(FieldError::not_supported(
        at(path),
        &printed(value),
        &allowed,
    ))
}

fn invalid(value: &Value, path: &str, detail: &str) -> FieldError {
    FieldError::invalid(
        at(path),
        &printed(value),
        &format!("{path} in body {detail}"),
    )
}

#[expect(clippy::cast_possible_wrap, reason = "no text is that long")]
fn text_error(text: &Text, schema: &Node, path: &str) -> Option<FieldError> {
    let length = text.chars().count() as i64;
    let value = || Value::String(text.clone());
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        let message = format!("Too long: may not be more than {most} bytes");
        return Some(FieldError::new(at(path), FieldReason::TooLong, message));
    }
    if let Some(least) = schema.min_length.filter(|least| length < *least) {
        return Some(invalid(
            &value(),
            path,
            &format!("should be at least {least} chars long"),
        ));
    }
    let pattern = schema.pattern.as_ref()?;
    match &pattern.regex {
        Ok(regex) if regex.is_match(text) => None,
        Ok(_) => Some(invalid(
            &value(),
            path,
            &format!("should match '{}'", pattern.text),
        )),
        Err(cause) => {
            let detail = format!(
                "should match '{}, but pattern is invalid: {cause}'",
                pattern.text
            );
            Some(invalid(&value(), path, &detail))
        }
    }
}

fn format_error(text: &Text, schema: &Node, path: &str) -> Option<FieldError> {
    let checked = !schema.format.is_empty() && formats::is_known(&schema.typ, &schema.format);
    (checked && !formats::matches(&schema.format, text))
        .then(|| type_invalid(path, &schema.format, text))
}

fn number_errors(value: &Value, schema: &Node, path: &str) -> Vec<FieldError> {
    #[expect(clippy::cast_precision_loss, reason = "bounds are float64")]
    let number = match value {
        Value::Integer(whole) => *whole as f64,
        Value::Float(float) => *float,
        _ => return Vec::new(),
    };
    let mut errors = Vec::new();
    errors.extend(range_error(value, number, schema, path));
    if let Some(factor) = schema.multiple_of.filter(|factor| *factor > 0.0) {
        let times = number / factor;
        if times.fract() != 0.0 {
            errors.push(invalid(
                value,
                path,
                &format!("should be a multiple of {}", go::float(factor)),
            ));
        }
    }
    let too_small = |least: &f64| {
        if schema.exclusive_minimum {
            number <= *least
        } else {
            number < *least
        }
    };
    if let Some(least) = schema.minimum.filter(too_small) {
        let or_equal = if schema.exclusive_minimum {
            ""
        } else {
            "or equal to "
        };
        errors.push(invalid(
            value,
            path,
            &format!("should be greater than {or_equal}{}", go::float(least)),
        ));
    }
    let too_large = |most: &f64| {
        if schema.exclusive_maximum {
            number >= *most
        } else {
            number > *most
        }
    };
    if let Some(most) = schema.maximum.filter(too_large) {
        let or_equal = if schema.exclusive_maximum {
            ""
        } else {
            "or equal to "
        };
        errors.push(invalid(
            value,
            path,
            &format!("should be less than {or_equal}{}", go::float(most)),
        ));
    }
    errors
}

/// A number that its type or format can't hold.
fn range_error(value: &Value, number: f64, schema: &Node, path: &str) -> Option<FieldError> {
    let fits = match (schema.typ.as_str(), schema.format.as_str()) {
        ("integer", "int32") => {
            is_whole(value) && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number)
        }
        ("integer", _) => {
            matches!(value, Value::Integer(_)) || (is_whole(value) && number.abs() < 9.3e18)
        }
        ("number", "float") => number.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    let format = match schema.format.as_str() {
        "int32" | "int64" | "float" | "double" => format!("with format {}", schema.format),
        _ => "(default format)".into(),
    };
    (!fits).then(|| {
        of_object(format!(
            "Checked value must be of type {} {format} in {path}",
            schema.typ
        ))
    })
}

fn list(items: &[Value], schema: &Node, path: &str, depth: usize, outcome: &mut Outcome) {
    if let Some(of_items) = &schema.items {
        for (index, item) in items.iter().enumerate() {
            outcome.merge(check(
                item,
                of_items,
                &format!("{path}[{index}]"),
                depth + 1,
            ));
        }
    }
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
    if schema.unique_items && has_twins(items) {
        outcome.errors.push(FieldError::invalid(
            at(path),
            "\"\"",
            &format!("{path} in body shouldn't contain duplicates"),
        ));
    }
}

fn has_twins(items: &[Value]) -> bool {
    items
        .iter()
        .enumerate()
        .any(|(index, item)| items[..index].iter().any(|earlier| earlier == item))
}

fn too_many(path: &str, size: i64, most: i64) -> FieldError {
    let message = format!("Too many: {size}: must have at most {most} items");
    FieldError::new(at(path), FieldReason::TooMany, message)
}

fn map(members: &Map, schema: &Node, path: &str, depth: usize, outcome: &mut Outcome) {
    let size = i64::try_from(members.len()).unwrap_or(i64::MAX);
    if let Some(least) = schema.min_properties.filter(|least| size < *least) {
        outcome.errors.push(invalid(
            &size.into(),
            path,
            &format!("should have at least {least} properties"),
        ));
    }
    if let Some(most) = schema.max_properties.filter(|most| size > *most) {
        outcome.errors.push(too_many(path, size, most));
    }
    for (name, member) in members {
        if let Some(property) = schema.property(name) {
            outcome.merge(check(member, property, &child(path, name), depth + 1));
            continue;
        }
        match &schema.additional {
            Some(Additional::Schema(additional)) => {
                outcome.merge(check(
                    member,
                    additional,
                    &format!("{path}.{name}"),
                    depth + 1,
                ));
            }
            Some(Additional::Nothing) => {
                let detail = format!("{path}.{name} in body is a forbidden property");
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

fn alternatives(value: &Value, schema: &Node, path: &str, depth: usize, outcome: &mut Outcome) {
    let run = |schema: &Node| check(value, schema, path, depth + 1);
    if !schema.any_of.is_empty() {
        match first_valid(&schema.any_of, &run) {
            Ok(valid) => outcome.matched += valid.matched,
            Err(best) => {
                outcome.errors.push(of_object(format!(
                    "\"{path}\" must validate at least one schema (anyOf)"
                )));
                outcome.merge(best);
            }
        }
    }
    if !schema.one_of.is_empty() {
        one_of(&schema.one_of, path, &run, outcome);
    }
    all_of(&schema.all_of, path, &run, outcome);
    if let Some(not) = &schema.not
        && run(not).is_valid()
    {
        outcome.errors.push(of_object(format!(
            "\"{path}\" must not validate the schema (not)"
        )));
    }
}

fn first_valid(schemas: &[Node], run: &dyn Fn(&Node) -> Outcome) -> Result<Outcome, Outcome> {
    let mut best: Option<Outcome> = None;
    for schema in schemas {
        let outcome = run(schema);
        if outcome.is_valid() {
            return Ok(outcome);
        }
        if best
            .as_ref()
            .is_none_or(|best| outcome.matched > best.matched)
        {
            best = Some(outcome);
        }
    }
    Err(best.unwrap_or_default())
}

fn one_of(schemas: &[Node], path: &str, run: &dyn Fn(&Node) -> Outcome, outcome: &mut Outcome) {
    let valid = schemas
        .iter()
        .filter(|schema| run(schema).is_valid())
        .count();
    let found = match valid {
        1 => return,
        0 => "Found none valid".to_owned(),
        several => format!("Found {several} valid alternatives"),
    };
    outcome.errors.push(of_object(format!(
        "\"{path}\" must validate one and only one schema (oneOf). {found}"
    )));
    if valid == 0
        && let Err(best) = first_valid(schemas, run)
    {
        outcome.merge(best);
    }
}

fn all_of(schemas: &[Node], path: &str, run: &dyn Fn(&Node) -> Outcome, outcome: &mut Outcome) {
    let mut valid = 0;
    for schema in schemas {
        let one = run(schema);
        valid += usize::from(one.is_valid());
        outcome.merge(one);
    }
    if valid < schemas.len() {
        let none = if valid == 0 { ". None validated" } else { "" };
        outcome.errors.push(of_object(format!(
            "\"{path}\" must validate all the schemas (allOf){none}"
        )));
    }
}

/// Items that sets hold twice and keyed lists under one key.
pub(super) fn list_types(object: &Value, schema: &Node) -> Vec<FieldError> {
    let mut errors = Vec::new();
    uniqueness(object, schema, "", &mut errors);
    errors
}

fn uniqueness(value: &Value, schema: &Node, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Map(members) => {
            for (name, member) in members {
                let below = match schema.property(name) {
                    Some(_) => child(path, name),
                    None => format!("{path}[{name}]"),
                };
                if let Some(schema) = schema.member(name) {
                    uniqueness(member, schema, &below, errors);
                }
            }
        }
        Value::List(items) => {
            match schema.list_type.as_deref() {
                Some("set") => twice(items.iter().cloned(), path, errors),
                Some("map") => keyed_twice(items, &schema.list_keys, path, errors),
                _ => {}
            }
            if let Some(of_items) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    uniqueness(item, of_items, &format!("{path}[{index}]"), errors);
                }
            }
        }
        _ => {}
    }
}

/// Names the second of equal values; a third is not named again.
fn twice(values: impl Iterator<Item = Value>, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeMap<Value, usize> = BTreeMap::new();
    for (index, value) in values.enumerate() {
        let times = seen.entry(value.clone()).or_insert(0);
        *times += 1;
        if *times == 2 {
            errors.push(FieldError::duplicate(
                format!("{path}[{index}]"),
                &printed(&value),
            ));
        }
    }
}

fn keyed_twice(items: &[Value], keys: &[Text], path: &str, errors: &mut Vec<FieldError>) {
    let odd = items
        .iter()
        .position(|item| !item.is_null() && item.as_map().is_none());
    if let Some(index) = odd {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(
            format!("{path}[{index}]"),
            &printed(&items[index]),
            detail,
        ));
        return;
    }
    let key_of = |item: &Value| {
        let key = |key: &Text| Some((key.clone(), item.get(key)?.clone()));
        Value::Map(keys.iter().filter_map(key).collect())
    };
    twice(items.iter().map(key_of), path, errors);
}
