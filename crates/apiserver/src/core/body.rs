//! Request bodies as objects: JSON or YAML, with the decoder's complaints.

use super::key_count::has_duplicates;
use super::registry::Resource;
use super::request::Operation;
use super::status::ApiError;
use trueup_object::{Text, Value, YamlError, from_json, from_yaml};
use trueup_yaml::{DuplicateKeys, LoadOptions};

/// The largest body that is read.
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// How much of a broken body an error shows.
const SHOWN_BYTES: usize = 30;

/// A body, read.
#[derive(Debug)]
pub struct Body {
    /// The object.
    pub value: Value,
    /// Keys that were given twice, as strict decoding names them.
    pub duplicates: Vec<String>,
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
            Ok(Body { value, duplicates })
        }
        "application/yaml" => {
            let text = String::from_utf8_lossy(text);
            let (value, duplicates) =
                read_yaml(&text).map_err(|error| unrecognised(yaml_text(&error)))?;
            check_shape(&value).map_err(unrecognised)?;
            Ok(Body { value, duplicates })
        }
        _ => Err(ApiError::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// Go reads `null` as an object with nothing in it.
fn check_shape(value: &Value) -> Result<(), String> {
    let found = match value {
        Value::Map(_) | Value::Null => return Ok(()),
        Value::List(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Integer(_) | Value::Float(_) => "number",
    };
    Err(format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {found} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    ))
}

/// Reads YAML; of keys given twice the last stays, and strict decoding
/// complains of the first such key.
fn read_yaml(text: &str) -> Result<(Value, Vec<String>), YamlError> {
    match from_yaml(text) {
        Ok(value) => Ok((value, Vec::new())),
        Err(error) if error.to_string().contains(" is already set") => {
            let options = LoadOptions {
                duplicate_keys: DuplicateKeys::LastWins,
                ..LoadOptions::default()
            };
            let document = trueup_yaml::parse_first(text, &options)?;
            let value = document.map_or(Value::Null, |document| Value::from_yaml(document.root));
            let (line, message) = line_and_message(&error.to_string());
            let key = message.split(" is already set").next().unwrap_or("key");
            let message = format!("{key} already set in map");
            Ok((
                value,
                vec![format!("yaml: unmarshal errors:\n  line {line}: {message}")],
            ))
        }
        Err(error) => Err(error),
    }
}

/// The line of a YAML error, and the rest of its text without the place.
fn line_and_message(error: &str) -> (usize, String) {
    let rest = error.trim_start_matches("yaml: ");
    let parts = rest
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(", column "));
    let Some((line, rest)) = parts else {
        return (1, rest.to_owned());
    };
    let message = rest.split_once(": ").map_or(rest, |(_, message)| message);
    (line.parse().unwrap_or(1), message.to_owned())
}

/// A YAML error as Go's library says it: the first line is not named.
fn yaml_text(error: &YamlError) -> String {
    let (line, message) = line_and_message(&error.to_string());
    if line <= 1 {
        format!("yaml: {message}")
    } else {
        format!("yaml: line {line}: {message}")
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

/// A JSON syntax error in Go's words, as near as the parser's error allows.
#[must_use]
pub fn syntax(body: &[u8], message: &str) -> String {
    if message.contains("EOF") {
        return "unexpected end of JSON input".to_owned();
    }
    let (line, column) = position(message);
    let offset = offset_of(body, line, column);
    let found = body
        .get(offset)
        .map_or_else(|| "?".to_owned(), |byte| quoted(*byte));
    if message.contains("trailing characters") {
        return format!("invalid character {found} after top-level value");
    }
    if message.contains("key must be a string") || message.contains("trailing comma") {
        return format!("invalid character {found} looking for beginning of object key string");
    }
    if message.contains("expected ident") {
        return literal(body, offset);
    }
    if message.contains("expected value") {
        return format!("invalid character {found} looking for beginning of value");
    }
    if message.contains("expected `:`") {
        return format!("invalid character {found} after object key");
    }
    if message.contains("expected `,` or `}`") {
        return format!("invalid character {found} after object key:value pair");
    }
    if message.contains("expected `,` or `]`") {
        return format!("invalid character {found} after array element");
    }
    message.to_owned()
}

/// What Go says of a misspelt `true`, `false` or `null`.
fn literal(body: &[u8], offset: usize) -> String {
    for start in (offset.saturating_sub(4)..=offset).rev() {
        let Some(word) = ["true", "false", "null"]
            .iter()
            .find(|word| body.get(start) == word.as_bytes().first())
        else {
            continue;
        };
        let wrong = word
            .bytes()
            .enumerate()
            .find(|(index, byte)| body.get(start + index) != Some(byte));
        if let Some((index, expected)) = wrong
            && let Some(found) = body.get(start + index)
        {
            return format!(
                "invalid character {} in literal {word} (expecting {})",
                quoted(*found),
                quoted(expected)
            );
        }
    }
    "invalid literal".to_owned()
}

fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        byte => format!("{:?}", char::from(byte)),
    }
}

fn position(message: &str) -> (usize, usize) {
    let number = |word: &str| {
        let rest = message.rsplit_once(word)?.1;
        rest.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .ok()
    };
    (number("line ").unwrap_or(1), number("column ").unwrap_or(1))
}

fn offset_of(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(|line| line.len() + 1)
        .sum();
    before + column.saturating_sub(1)
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
    let (group, _, kind) = wanted;
    let known = trueup_schema::Schemas::builtin()
        .definition_name(given)
        .is_some();
    let why = if known && (given.group != group || given.kind != kind) {
        let from = format!("{}.{}", given.version, given.kind);
        let package = if group.is_empty() {
            "core"
        } else {
            group.split('.').next().unwrap_or(group)
        };
        format!("converting ({from}) to ({package}.{kind}): unknown conversion")
    } else {
        format!(
            "no kind {:?} is registered for version {:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            given.kind,
            given.api_version()
        )
    };
    ApiError::bad_request(format!(
        "{} in version {:?} cannot be handled as a {kind}: {why}",
        given.kind, given.version
    ))
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
    let given_name = object.str_at(&["metadata", "name"]).unwrap_or("");
    if !name.is_empty() {
        if given_name.is_empty() {
            let message = format!(
                "the name of the object ({name} based on URL) was undeterminable: name must be provided"
            );
            return Err(ApiError::bad_request(message));
        }
        if given_name != name {
            let message = format!(
                "the name of the object ({given_name}) does not match the name on the URL ({name})"
            );
            return Err(ApiError::bad_request(message));
        }
    }
    if !resource.namespaced {
        object.remove_at(&["metadata", "namespace"]);
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
