//! The version and the uid that a write names must be those of the object.

use super::prepare;
use super::registry::Resource;
use super::request::Verb;
use super::status::{ApiError, Cause};
use super::store::Stored;
use super::write::{Call, MODIFIED};
use trueup_object::Value;

/// A version in the body must be the live one; some kinds must name it.
pub(super) fn check_version(call: &Call<'_>, sent: &Value, live: &Stored) -> Result<(), ApiError> {
    let name = &call.operation.name;
    match sent.str_at(&["metadata", "resourceVersion"]).unwrap_or("") {
        "" | "0"
            if call.operation.verb == Verb::Update
                && !prepare::updates_without_version(call.resource) =>
        {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                0,
                "must be specified for an update",
            );
            Err(ApiError::invalid(
                &call.resource.group,
                &call.resource.plural,
                name,
                vec![cause],
            ))
        }
        "" | "0" => Ok(()),
        text => match text.parse::<u64>() {
            Ok(version) if version == live.revision => Ok(()),
            Ok(_) => Err(call.conflict(name, MODIFIED)),
            Err(_) => Err(ApiError::internal(format!(
                "strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))),
        },
    }
}

pub(super) fn check_uid(call: &Call<'_>, sent: &Value, live: &Value) -> Result<(), ApiError> {
    let (sent, live) = (
        sent.str_at(&["metadata", "uid"]).unwrap_or(""),
        live.str_at(&["metadata", "uid"]).unwrap_or(""),
    );
    if sent.is_empty() || sent == live {
        return Ok(());
    }
    let why = storage_precondition(
        call.resource,
        &call.operation.namespace,
        &call.operation.name,
        sent,
        live,
    );
    Err(call.conflict(&call.operation.name, &why))
}

/// What the storage says of a uid that does not fit.
fn storage_precondition(
    resource: &Resource,
    namespace: &str,
    name: &str,
    wanted: &str,
    found: &str,
) -> String {
    let group = if resource.custom.is_some() {
        format!("{}/", resource.group)
    } else {
        String::new()
    };
    let plural = match resource.plural.as_str() {
        // The storage keeps addresses and ports beside the Services.
        "services" if resource.group.is_empty() => "services/specs",
        "endpoints" if resource.group.is_empty() => "services/endpoints",
        other => other,
    };
    let place = if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    };
    format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{group}{plural}/{place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
    )
}
