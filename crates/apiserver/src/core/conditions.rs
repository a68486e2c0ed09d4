//! The version and the uid that a write names must be those of the object.

use super::options::Keep;
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
    let why = storage_precondition(call, sent, live);
    Err(call.conflict(&call.operation.name, &why))
}

/// What the storage says of a uid that does not fit.
fn storage_precondition(call: &Call<'_>, wanted: &str, found: &str) -> String {
    let (resource, operation) = (call.resource, call.operation);
    // A dry run is refused before the storage puts its prefix on the key.
    let prefix = match call.options.keep {
        Keep::DryRun => "",
        _ => "/registry",
    };
    let kept = storage_folder(resource);
    let place = if operation.namespace.is_empty() {
        operation.name.to_string()
    } else {
        format!("{}/{}", operation.namespace, operation.name)
    };
    format!(
        "StorageError: invalid object, Code: 4, Key: {prefix}/{kept}/{place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
}

/// Where the storage of the genuine server keeps the objects of a resource:
/// some names are older than the API.
fn storage_folder(resource: &Resource) -> String {
    let (group, plural) = (resource.group.as_str(), resource.plural.as_str());
    match (group, plural) {
        ("", "replicationcontrollers") => "controllers".to_owned(),
        ("", "nodes") => "minions".to_owned(),
        ("", "services") => "services/specs".to_owned(),
        ("", "endpoints") => "services/endpoints".to_owned(),
        ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
        ("apiextensions.k8s.io" | "apiregistration.k8s.io", _) => format!("{group}/{plural}"),
        _ if resource.custom.is_some() => format!("{group}/{plural}"),
        _ => plural.to_owned(),
    }
}
