//! The options of writes and deletions, from the query or a body, checked as
//! the API server checks them.

use super::request::{Operation, Query, Verb};
use super::status::{ApiError, Cause};
use trueup_object::{Text, Value, from_json};

/// What to do about fields that a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// Drop them in silence.
    Ignore,
    /// Drop them and say so in `Warning` headers.
    Warn,
    /// Refuse.
    Strict,
}

/// Whether a write is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is.
    Yes,
    /// Everything is checked, nothing written.
    DryRun,
}

/// The options of a create, update or patch.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Whether the write is kept.
    pub keep: Keep,
    /// Unknown fields.
    pub field_validation: FieldValidation,
    /// Who writes.
    pub manager: Text,
    /// Whether an apply takes fields from others.
    pub force: bool,
}

/// What happens to the objects that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// The kind's own rule.
    Default,
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// The options of a deletion.
#[derive(Clone, Debug)]
pub struct DeleteOptions {
    /// Whether it is done.
    pub keep: Keep,
    /// `preconditions.uid`.
    pub uid: Option<Text>,
    /// `preconditions.resourceVersion`.
    pub resource_version: Option<Text>,
    /// `gracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// What happens to dependents.
    pub propagation: Propagation,
}

/// How long a field manager's name may be.
const MAX_MANAGER_LENGTH: usize = 128;
const APPLY: [&str; 2] = [
    "application/apply-patch+yaml",
    "application/apply-patch+cbor",
];

impl WriteOptions {
    /// Reads the query of a write.
    pub fn read(operation: &Operation) -> Result<Self, ApiError> {
        let query = &operation.query;
        let mut causes = Vec::new();
        let keep = dry_run(query.all("dryRun"), &mut causes);
        let is_apply =
            operation.verb == Verb::Patch && APPLY.contains(&operation.content_type.as_str());
        if operation.verb == Verb::Patch && !is_apply && query.get("force").is_some() {
            causes.insert(
                0,
                Cause::forbidden("force", "may not be specified for non-apply patch"),
            );
        }
        if is_apply && query.get("fieldManager").unwrap_or("").is_empty() {
            causes.insert(
                0,
                Cause::required("fieldManager", "is required for apply patch"),
            );
        }
        check_manager(query, &mut causes);
        let field_validation = field_validation(query, &mut causes);
        if causes.is_empty() {
            return Ok(Self {
                keep,
                field_validation,
                manager: operation.field_manager(),
                force: query.get("force") == Some("true") || query.get("force") == Some("1"),
            });
        }
        let kind = match operation.verb {
            Verb::Create => "CreateOptions",
            Verb::Update => "UpdateOptions",
            _ => "PatchOptions",
        };
        Err(ApiError::invalid("meta.k8s.io", kind, "", causes))
    }
}

fn dry_run<'a>(values: impl Iterator<Item = &'a str>, causes: &mut Vec<Cause>) -> Keep {
    let values: Vec<_> = values.collect();
    if values.iter().any(|value| *value != "All") {
        let shown: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        causes.push(Cause::unsupported(
            "dryRun",
            format!("[{}]", shown.join(",")),
            &["All"],
        ));
    }
    if values.is_empty() {
        Keep::Yes
    } else {
        Keep::DryRun
    }
}

fn check_manager(query: &Query, causes: &mut Vec<Cause>) {
    let Some(manager) = query.get("fieldManager") else {
        return;
    };
    if manager.len() > MAX_MANAGER_LENGTH {
        causes.push(Cause::new(
            "FieldValueTooLong",
            "fieldManager",
            "Too long: may not be more than 128 bytes",
        ));
    }
    if let Some((at, c)) = manager.chars().enumerate().find(|(_, c)| c.is_control()) {
        let detail = format!("invalid character {} (at position {at})", go_code_point(c));
        causes.push(Cause::invalid("fieldManager", go_quoted(manager), &detail));
    }
}

fn go_code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// A text as Go quotes it: control characters as `\\x01`.
fn go_quoted(text: &str) -> String {
    let quote = |c: char| {
        if c.is_control() {
            format!("\\x{:02x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    format!("\"{}\"", text.chars().map(quote).collect::<String>())
}

fn field_validation(query: &Query, causes: &mut Vec<Cause>) -> FieldValidation {
    match query.get("fieldValidation") {
        None | Some("" | "Warn") => FieldValidation::Warn,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            let supported = ["", "Ignore", "Strict", "Warn"];
            causes.push(Cause::unsupported(
                "fieldValidation",
                format!("{other:?}"),
                &supported,
            ));
            FieldValidation::Warn
        }
    }
}

impl DeleteOptions {
    /// Reads the body of a deletion, or its query if there is no body.
    pub fn read(operation: &Operation) -> Result<Self, ApiError> {
        let body = delete_body(operation)?;
        let query = &operation.query;
        let text = |key: &str| -> Option<Text> {
            body.as_ref().map_or_else(
                || query.get(key).map(Text::from),
                |body| body.str_at(&[key]).map(Text::from),
            )
        };
        let mut causes = Vec::new();
        let keep = match body
            .as_ref()
            .and_then(|body| body.get("dryRun"))
            .and_then(Value::as_list)
        {
            Some(list) => dry_run(list.iter().filter_map(Value::as_str), &mut causes),
            None => dry_run(query.all("dryRun"), &mut causes),
        };
        let orphan = match &body {
            Some(body) => body.at(&["orphanDependents"]).and_then(Value::as_bool),
            None => query
                .get("orphanDependents")
                .map(|value| value == "true" || value == "1"),
        };
        let propagation = propagation(text("propagationPolicy"), orphan, &mut causes);
        if !causes.is_empty() {
            return Err(ApiError::invalid(
                "meta.k8s.io",
                "DeleteOptions",
                "",
                causes,
            ));
        }
        let precondition = |key: &str| {
            body.as_ref()
                .and_then(|body| body.str_at(&["preconditions", key]))
                .map(Text::from)
        };
        let grace = match &body {
            Some(body) => body.i64_at(&["gracePeriodSeconds"]),
            None => query
                .get("gracePeriodSeconds")
                .and_then(|value| value.parse().ok()),
        };
        Ok(Self {
            keep,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            grace_period_seconds: grace,
            propagation,
        })
    }

    /// A deletion without conditions, as the kind does it by default.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            keep: Keep::Yes,
            uid: None,
            resource_version: None,
            grace_period_seconds: None,
            propagation: Propagation::Default,
        }
    }
}

fn delete_body(operation: &Operation) -> Result<Option<Value>, ApiError> {
    if operation.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    if operation.content_type == "application/yaml" {
        let text = String::from_utf8_lossy(&operation.body);
        return trueup_object::from_yaml(&text)
            .map(Some)
            .map_err(|error| ApiError::bad_request(error.to_string()));
    }
    let body =
        from_json(&operation.body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let kind = body.str_at(&["kind"]).unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        let version = body.str_at(&["apiVersion"]).unwrap_or("");
        let message = format!(
            "{kind} in version {version:?} cannot be handled as a DeleteOptions: converting to (v1.DeleteOptions): unknown conversion"
        );
        return Err(ApiError::bad_request(message));
    }
    Ok((!body.is_null()).then_some(body))
}

fn propagation(policy: Option<Text>, orphan: Option<bool>, causes: &mut Vec<Cause>) -> Propagation {
    if policy.is_some() && orphan.is_some() {
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid(
            "propagationPolicy",
            format!("{:?}", policy.unwrap_or_default()),
            detail,
        ));
        return Propagation::Default;
    }
    match (policy.as_deref(), orphan) {
        (Some("Background"), _) | (None, Some(false)) => Propagation::Background,
        (Some("Foreground"), _) => Propagation::Foreground,
        (Some("Orphan"), _) | (None, Some(true)) => Propagation::Orphan,
        (None, None) => Propagation::Default,
        (Some(other), _) => {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            causes.push(Cause::unsupported(
                "propagationPolicy",
                format!("{other:?}"),
                &supported,
            ));
            Propagation::Default
        }
    }
}
