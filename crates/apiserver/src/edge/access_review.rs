//! What an access review asks, and what is wrong with it.

use super::authorization::{Attributes, Target};
use super::review_body::{Review, go_string};
use super::reviews::texts;
use crate::core::{ApiError, Cause, Identity, go_text};
use trueup_object::{Map, Text, Value, names};

const GROUP: &str = "authorization.k8s.io";

/// For whom a review asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// For the one who asks.
    ForSelf,
    /// For a user or groups that it names.
    ForSomebody,
    /// For a user or groups, within the namespace of the request.
    InNamespace,
}

/// Refuses a review that does not ask one thing, or has metadata.
pub fn check(review: &Review, asked: Asked) -> Result<(), ApiError> {
    let spec = review.spec();
    let mut causes = Vec::new();
    check_target(spec, &mut causes);
    let is_empty = |key: &str| match spec.get(key) {
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::List(list)) => list.is_empty(),
        _ => true,
    };
    if asked != Asked::ForSelf && is_empty("user") && is_empty("groups") {
        let why = "at least one of user or group must be specified";
        causes.push(Cause::invalid("spec.user", "\"\"", why));
    }
    if let Some(resource) = present(spec, "resourceAttributes") {
        check_selectors(resource, &mut causes);
    }
    check_metadata(review, asked, &mut causes);
    if asked == Asked::InNamespace {
        check_namespace(review, &mut causes);
    }
    if causes.is_empty() {
        return Ok(());
    }
    // A genuine server names no kind in the refusals of reviews.
    Err(ApiError::invalid(GROUP, "", "", causes))
}

fn present<'a>(spec: &'a Value, key: &str) -> Option<&'a Value> {
    spec.get(key).filter(|it| !it.is_null())
}

fn check_target(spec: &Value, causes: &mut Vec<Cause>) {
    let resource = present(spec, "resourceAttributes");
    match (resource, present(spec, "nonResourceAttributes")) {
        (Some(_), Some(path)) => causes.push(Cause::invalid(
            "spec.nonResourceAttributes",
            shown_path(path),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => causes.push(Cause::invalid(
            "spec.resourceAttributes",
            "null",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
}

fn shown_path(path: &Value) -> String {
    let text = |key: &str| go_string(path.str_at(&[key]).unwrap_or_default());
    format!("{{\"Path\":{},\"Verb\":{}}}", text("path"), text("verb"))
}

fn check_metadata(review: &Review, asked: Asked, causes: &mut Vec<Cause>) {
    let Some(metadata) = review.body().get("metadata").and_then(Value::as_map) else {
        return;
    };
    let (allowed, why): (&[&str], _) = match asked {
        Asked::InNamespace => (
            &["managedFields", "namespace"],
            "must be empty except for namespace",
        ),
        _ => (&["managedFields"], "must be empty"),
    };
    let says_more = metadata
        .iter()
        .any(|(key, value)| !allowed.contains(&key.as_str()) && !value.is_null());
    if says_more {
        causes.push(Cause::invalid("metadata", go_text::metadata(metadata), why));
    }
}

fn check_namespace(review: &Review, causes: &mut Vec<Cause>) {
    let spec = review.spec();
    if let Some(resource) = present(spec, "resourceAttributes") {
        let given = resource.str_at(&["namespace"]).unwrap_or_default();
        if given != review.metadata("namespace") {
            let field = "spec.resourceAttributes.namespace";
            causes.push(Cause::invalid(
                field,
                go_string(given),
                "must match metadata.namespace",
            ));
        }
    }
    if let Some(path) = present(spec, "nonResourceAttributes") {
        let why = "disallowed on this kind of request";
        causes.push(Cause::invalid(
            "spec.nonResourceAttributes",
            shown_path(path),
            why,
        ));
    }
}

fn check_selectors(resource: &Value, causes: &mut Vec<Cause>) {
    for kind in ["fieldSelector", "labelSelector"] {
        let Some(selector) = present(resource, kind) else {
            continue;
        };
        let field = format!("spec.resourceAttributes.{kind}");
        let raw = selector.str_at(&["rawSelector"]).unwrap_or_default();
        let list = selector
            .get("requirements")
            .and_then(Value::as_list)
            .unwrap_or_default();
        if !raw.is_empty() && !list.is_empty() {
            let why = "may not specified at the same time as requirements";
            causes.push(Cause::invalid(
                format!("{field}.rawSelector"),
                go_string(raw),
                why,
            ));
        }
        if raw.is_empty() && list.is_empty() {
            let why = format!("when {field} is specified, requirements or rawSelector is required");
            causes.push(Cause::required(format!("{field}.requirements"), &why));
        }
        for (index, requirement) in list.iter().enumerate() {
            check_requirement(
                requirement,
                &format!("{field}.requirements[{index}]"),
                kind,
                causes,
            );
        }
    }
}

fn check_requirement(requirement: &Value, field: &str, kind: &str, causes: &mut Vec<Cause>) {
    let key = requirement.str_at(&["key"]).unwrap_or_default();
    let is_label = kind == "labelSelector";
    if !is_label && key.is_empty() {
        causes.push(Cause::required(format!("{field}.key"), "must be specified"));
    }
    let values = requirement
        .get("values")
        .and_then(Value::as_list)
        .unwrap_or_default();
    match requirement.str_at(&["operator"]).unwrap_or_default() {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be specified when `operator` is 'In' or 'NotIn'";
            causes.push(Cause::required(format!("{field}.values"), why));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            causes.push(Cause::forbidden(format!("{field}.values"), why));
        }
        _ => {}
    }
    if is_label {
        let errors = names::qualified_name_errors(key);
        let faults = errors
            .iter()
            .map(|error| Cause::invalid(format!("{field}.key"), go_string(key), error));
        causes.extend(faults);
    }
}

/// Who a review asks for.
pub fn subject(spec: &Value) -> Identity {
    let text = |key: &str| spec.str_at(&[key]).unwrap_or_default().into();
    let extra = spec
        .get("extra")
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(Map::iter);
    Identity {
        user: text("user"),
        uid: text("uid"),
        groups: texts(spec.get("groups")),
        extra: extra
            .map(|(key, values)| (key.clone(), texts(Some(values))))
            .collect(),
    }
}

/// What a review, which was checked, asks about.
pub fn attributes(spec: &Value) -> Attributes {
    if let Some(resource) = present(spec, "resourceAttributes") {
        let text = |key: &str| Text::from(resource.str_at(&[key]).unwrap_or_default());
        let target = Target::Resource {
            group: text("group"),
            version: text("version"),
            namespace: text("namespace"),
            resource: text("resource"),
            subresource: text("subresource"),
            name: text("name"),
        };
        return Attributes {
            verb: text("verb"),
            target,
        };
    }
    let text = |key: &str| {
        spec.str_at(&["nonResourceAttributes", key])
            .unwrap_or_default()
    };
    Attributes {
        verb: text("verb").into(),
        target: Target::Path(text("path").to_owned()),
    }
}
