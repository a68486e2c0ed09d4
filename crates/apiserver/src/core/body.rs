//! Request bodies as objects: JSON or YAML, with the decoder's complaints.

use super::key_count::has_duplicates;
use super::registry::Resource;
use super::request::Operation;
use super::status::ApiError;
use trueup_object::{Text, Value, from_json};
use trueup_yaml::{Booleans, Duplicate, DuplicateKeys, LoadOptions};

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// How much of a broken body an error shows.
const SHOWN_BYTES: usize = 30;

/// A body, read.
#[derive(Debug)]
pub struct Body {
    /// The object.
    pub value: Value,
    /// Keys that were given twice, as warnings name them.
    pub duplicates: Vec<String>,
    /// Whether the text was YAML.
    pub is_yaml: bool,
}

/// Reads the body of a create or update as an object of a kind.
pub fn read_object(operation: &Operation, kind: &str) -> Result<Body, ApiError> {
    let text = &operation.body;
    let unrecognised = |why: String| {
        let message = format!(
            "the object provided is unrecognized (must be of type {kind}): {why} ({})",
            shown(text)
        );
        ApiError::bad_request(message)
    };
    match operation.content_type.as_str() {
        "" | "application/json" => {
            let value = from_json(text).map_err(|error| {
                unrecognised(format!(
                    "couldn't get version/kind; json parse error: {}",
                    syntax(text, &error.message)
                ))
            })?;
            check_shape(&value).map_err(unrecognised)?;
            let duplicates = if has_duplicates(text, &value) {
                super::strict::duplicates(text)
            } else {
                Vec::new()
            };
            Ok(Body {
                value,
                duplicates,
                is_yaml: false,
            })
        }
        "application/yaml" => {
            let text = String::from_utf8_lossy(text);
            let (value, duplicates) = read_yaml(&text).map_err(unrecognised)?;
            check_shape(&value).map_err(unrecognised)?;
            Ok(Body {
                value,
                duplicates,
                is_yaml: true,
            })
        }
        _ => Err(ApiError::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// What Go's reader of JSON calls a value.
#[must_use]
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Integer(_) | Value::Float(_) => "number",
    }
}

/// Whether a text can be an object; Go reads `null` as one with nothing in it.
pub fn check_shape(value: &Value) -> Result<(), String> {
    if matches!(value, Value::Map(_) | Value::Null) {
        return check_type_texts(value);
    }
    Err(format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
        json_kind(value)
    ))
}

/// What an object says that it is must be texts, and a version one.
fn check_type_texts(value: &Value) -> Result<(), String> {
    for key in ["apiVersion", "kind"] {
        if let Some(other) = value
            .get(key)
            .filter(|value| !value.is_null() && value.as_str().is_none())
        {
            return Err(format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{key} of type string",
                json_kind(other)
            ));
        }
    }
    let version = value.str_at(&["apiVersion"]).unwrap_or("");
    if version.matches('/').count() > 1 {
        return Err(format!("unexpected GroupVersion string: {version}"));
    }
    Ok(())
}

/// Reads YAML as the genuine server does: of keys given twice the last stays.
/// Gives the value and a line for each such key; fails with what is told to
/// clients.
pub fn read_yaml(text: &str) -> Result<(Value, Vec<String>), String> {
    let options = LoadOptions {
        duplicate_keys: DuplicateKeys::LastWins,
        booleans: Booleans::WordsAndLetters,
        ..LoadOptions::default()
    };
    let document = trueup_yaml::parse_first(text, &options).map_err(|error| error.go_text())?;
    let Some(document) = document else {
        return Ok((Value::Null, Vec::new()));
    };
    let line = |duplicate: &Duplicate| {
        let Duplicate { key, line } = duplicate;
        format!("line {line}: key {key:?} already set in map")
    };
    let complaints = document.duplicates.iter().map(line).collect();
    Ok((Value::from_yaml(document.root), complaints))
}

/// The lines of [`read_yaml`] as one complaint of strict decoding.
#[must_use]
pub fn yaml_complaint(lines: &[String]) -> String {
    format!("yaml: unmarshal errors:\n  {}", lines.join("\n  "))
}

/// Up to here a float of 64 bits holds every whole number.
const MAX_EXACT: i64 = 1 << f64::MANTISSA_DIGITS;

/// What becomes of numbers in a configuration that is applied, where all are
/// read as floats: a large whole number is rounded, and a whole float is a
/// whole number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "this is what is to be done"
)]
pub fn round_numbers(value: &mut Value) {
    match value {
        Value::Integer(number) if number.unsigned_abs() > MAX_EXACT.unsigned_abs() => {
            let rounded = *number as f64;
            if rounded.abs() < i64::MAX as f64 {
                *number = rounded as i64;
            }
        }
        Value::Float(number) if number.fract() == 0.0 && number.abs() < i64::MAX as f64 => {
            *value = Value::Integer(*number as i64);
        }
        Value::List(list) if list.iter().any(has_odd_number) => {
            list.make_mut().iter_mut().for_each(round_numbers);
        }
        Value::Map(map) if map.values().any(has_odd_number) => {
            map.iter_mut().for_each(|(_, member)| round_numbers(member));
        }
        _ => {}
    }
}

fn has_odd_number(value: &Value) -> bool {
    match value {
        Value::Integer(number) => number.unsigned_abs() > MAX_EXACT.unsigned_abs(),
        Value::Float(_) => true,
        Value::List(list) => list.iter().any(has_odd_number),
        Value::Map(map) => map.values().any(has_odd_number),
        _ => false,
    }
}

/// The beginning of a body: text if it starts as an object, else hexadecimal.
fn shown(body: &[u8]) -> String {
    if body.is_empty() {
        return "<empty>".to_owned();
    }
    let cut = &body[..body.len().min(SHOWN_BYTES)];
    let more = if body.len() > SHOWN_BYTES { " ..." } else { "" };
    if body[0] == b'{' {
        return format!("{}{more}", String::from_utf8_lossy(cut));
    }
    let hex: String = cut.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}{more}")
}

/// What is wrong with a text that could not be read as JSON: the genuine
/// reader's words, else those of ours (of a text that nests too deep for us).
#[must_use]
pub fn syntax(body: &[u8], message: &str) -> String {
    super::json_syntax::mistake(body).unwrap_or_else(|| message.to_owned())
}

/// Checks that an object says it is what the path asks for, filling in what
/// it leaves out.
pub fn check_kind(
    object: &mut Value,
    resource_kind: (&str, &str, &str),
    resource: &Resource,
) -> Result<(), ApiError> {
    let (group, version, kind) = resource_kind;
    let wanted = api_version(group, version);
    if object.is_null() {
        *object = Value::map();
    }
    let given_version: Text = object.str_at(&["apiVersion"]).unwrap_or("").into();
    let given_kind: Text = object.str_at(&["kind"]).unwrap_or("").into();
    if resource.custom.is_some() {
        return check_custom_kind(&given_version, &given_kind, &wanted, kind);
    }
    if given_version.is_empty() {
        object.set_at(&["apiVersion"], wanted.clone().into());
    }
    if given_kind.is_empty() {
        object.set_at(&["kind"], kind.into());
    }
    let same_version = given_version.is_empty() || given_version == wanted;
    let same_kind = given_kind.is_empty() || given_kind == kind;
    if same_version && same_kind {
        return Ok(());
    }
    let given = trueup_object::GroupVersionKind::new(
        if given_version.is_empty() {
            &wanted
        } else {
            &given_version
        },
        if given_kind.is_empty() {
            kind
        } else {
            &given_kind
        },
    );
    Err(wrong_kind(&given, (group, version, kind)))
}

fn wrong_kind(given: &trueup_object::GroupVersionKind, wanted: (&str, &str, &str)) -> ApiError {
    let kind = wanted.2;
    let why = no_conversion(given, wanted, "pkg/api/legacyscheme/scheme.go:30");
    ApiError::bad_request(format!(
        "{} in version {:?} cannot be handled as a {kind}: {why}",
        given.kind, given.version
    ))
}

/// Why an object of one kind can't be read as another; `scheme` is what the
/// genuine server calls its table of kinds at that place.
fn no_conversion(
    given: &trueup_object::GroupVersionKind,
    (group, _, kind): (&str, &str, &str),
    scheme: &str,
) -> String {
    let known = trueup_schema::Schemas::builtin()
        .definition_name(given)
        .is_some();
    if !known || (given.group == group && given.kind == kind) {
        return format!(
            "no kind {:?} is registered for version {:?} in scheme {scheme:?}",
            given.kind,
            given.api_version()
        );
    }
    let package = if group.is_empty() {
        "core"
    } else {
        group.split('.').next().unwrap_or(group)
    };
    format!(
        "converting ({}.{}) to ({package}.{kind}): unknown conversion",
        given.version, given.kind
    )
}

/// Checks what a patched object of a built-in kind says that it is; what it
/// does not say is filled in.
pub fn check_patched_kind(object: &mut Value, resource: &Resource) -> Result<(), String> {
    if resource.custom.is_some() {
        return Ok(());
    }
    if object.is_null() {
        *object = Value::map();
    }
    let wanted = (resource.api_version(), resource.kind.clone());
    for (key, wanted) in [("apiVersion", &wanted.0), ("kind", &wanted.1)] {
        if object.str_at(&[key]).unwrap_or("").is_empty() {
            object.set_at(&[key], wanted.clone().into());
        }
    }
    let text = |key| object.str_at(&[key]).unwrap_or("");
    if text("apiVersion") == wanted.0 && text("kind") == wanted.1 {
        return Ok(());
    }
    let given = trueup_object::GroupVersionKind::new(text("apiVersion"), text("kind"));
    let wanted = (
        resource.group.as_str(),
        resource.version.as_str(),
        resource.kind.as_str(),
    );
    if let Some(typ) = trueup_schema::Schemas::builtin().type_for(&given) {
        trueup_schema::check_shape(object, &typ).map_err(|mistake| mistake.to_string())?;
    }
    Err(no_conversion(&given, wanted, "pkg/runtime/scheme.go:111"))
}

fn check_custom_kind(
    given_version: &str,
    given_kind: &str,
    wanted_version: &str,
    wanted_kind: &str,
) -> Result<(), ApiError> {
    if given_kind.is_empty() || given_version.is_empty() {
        let what = if given_kind.is_empty() {
            "kind"
        } else {
            "apiVersion"
        };
        let message = format!(
            "Object '{}' is missing",
            if what == "kind" { "Kind" } else { "apiVersion" }
        );
        return Err(ApiError::bad_request(message));
    }
    if given_version == wanted_version && given_kind == wanted_kind {
        return Ok(());
    }
    if given_version != wanted_version {
        let message = format!(
            "the API version in the data ({given_version}) does not match the expected API version ({wanted_version})"
        );
        return Err(ApiError::bad_request(message));
    }
    Err(ApiError::bad_request(format!(
        "the kind in the data ({given_kind}) does not match the expected kind ({wanted_kind})"
    )))
}

/// `group/version`, or the version alone in the core group.
#[must_use]
pub fn api_version(group: &str, version: &str) -> Text {
    if group.is_empty() {
        version.into()
    } else {
        ecow::eco_format!("{group}/{version}")
    }
}

/// Checks name and namespace of a body against the URL; an absent namespace
/// is taken from it.
pub fn check_place(
    object: &mut Value,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    if !name.is_empty() {
        check_name(object, name)?;
    }
    check_namespace(object, resource, namespace)
}

/// An object must have the name of its path.
pub fn check_name(object: &Value, name: &str) -> Result<(), ApiError> {
    match object.str_at(&["metadata", "name"]).unwrap_or("") {
        "" => Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        given if given == name => Ok(()),
        given => Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        ))),
    }
}

/// An object must be of the namespace of its path, or of none, and then gets
/// it.
pub fn check_namespace(
    object: &mut Value,
    resource: &Resource,
    namespace: &str,
) -> Result<(), ApiError> {
    if !resource.namespaced {
        if object.at(&["metadata", "namespace"]).is_some() {
            object.remove_at(&["metadata", "namespace"]);
        }
        return Ok(());
    }
    let given = object.str_at(&["metadata", "namespace"]).unwrap_or("");
    if !given.is_empty() && given != namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if given != namespace {
        object.set_at(&["metadata", "namespace"], namespace.into());
    }
    Ok(())
}
