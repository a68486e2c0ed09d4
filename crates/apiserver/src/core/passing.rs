//! Bodies of built-in kinds that are answered and not kept: reviews, token
//! requests.

use super::options::{FieldValidation, WriteOptions};
use super::request::Operation;
use super::status::ApiError;
use super::{body, normal, strict, warning_headers};
use trueup_object::{GroupVersionKind, Value, value};
use trueup_schema::{
    FieldSet, SameShape, Schemas, Type, UpdateInput, check_shape, unknown_fields, update,
};

/// The owner of nothing.
const NOBODY: &str = "nobody";

/// The kind of such a body, and what is known of it.
#[derive(Debug)]
pub struct PassingKind {
    gvk: GroupVersionKind,
    typ: Type,
    definition: &'static str,
}

impl PassingKind {
    /// The kind that an operation takes; `None` if it is no built-in one.
    #[must_use]
    pub fn of(operation: &Operation) -> Option<Self> {
        let resource = &operation.resource;
        let (group, version, kind) = match &operation.subresource {
            Some(sub) => (&sub.group, &sub.version, &sub.kind),
            None => (&resource.group, &resource.version, &resource.kind),
        };
        let gvk = GroupVersionKind::new(&body::api_version(group, version), kind);
        Some(Self {
            typ: Schemas::builtin().type_for(&gvk)?,
            definition: Schemas::builtin().definition_name(&gvk)?,
            gvk,
        })
    }

    /// Reads the body of an operation; with the values of `Warning` headers.
    pub fn read(&self, operation: &Operation) -> Result<(Value, Vec<String>), ApiError> {
        let GroupVersionKind {
            group,
            version,
            kind,
        } = &self.gvk;
        let options = WriteOptions::read(operation)?;
        let body = body::read_object(operation, kind)?;
        let mut value = body.value;
        body::check_kind(&mut value, (group, version, kind), &operation.resource)?;
        check_shape(&value, &self.typ).map_err(|mistake| {
            ApiError::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {kind}: {mistake}"
            ))
        })?;
        let warnings = match options.field_validation {
            FieldValidation::Ignore => Vec::new(),
            FieldValidation::Warn => self.complaints(operation, &value, body.duplicates),
            FieldValidation::Strict => {
                let complaints = self.complaints(operation, &value, body.duplicates);
                if !complaints.is_empty() {
                    return Err(ApiError::bad_request(format!(
                        "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {}",
                        complaints.join(", ")
                    )));
                }
                complaints
            }
        };
        let warnings = warning_headers(&warnings);
        Ok((normal::normalise(&value, self.definition), warnings))
    }

    /// What strict decoding finds wrong.
    fn complaints(
        &self,
        operation: &Operation,
        value: &Value,
        duplicates: Vec<String>,
    ) -> Vec<String> {
        let unknown = unknown_fields(value, &self.typ);
        let unknown = unknown
            .iter()
            .map(|path| format!("unknown field {path:?}"))
            .collect();
        match operation.content_type.as_str() {
            "application/yaml" => [duplicates, unknown].concat(),
            _ => strict::joined(&operation.body, duplicates, unknown),
        }
    }

    /// Notes who sent which fields: those in which the body differs from one
    /// that says nothing.
    #[must_use]
    pub fn track(&self, operation: &Operation, body: &Value, now: &str) -> Value {
        let api_version = body.str_at(&["apiVersion"]).unwrap_or_default();
        let nothing = value!({"apiVersion": api_version, "kind": (self.gvk.kind.clone())});
        let mut nothing = normal::normalise(&nothing, self.definition);
        // Only what has owners is tracked; this one owns nothing.
        let owner = value!({
            "manager": NOBODY, "operation": "Update", "apiVersion": api_version,
            "fieldsType": "FieldsV1", "fieldsV1": {}
        });
        nothing.set_at(&["metadata", "managedFields"], value!([owner]));
        let mut tracked = update(&UpdateInput {
            live: Some(&nothing),
            new: body,
            typ: &self.typ,
            manager: &operation.field_manager(),
            api_version,
            subresource: operation.subresource_name(),
            reset: &FieldSet::default(),
            now,
            versions: &SameShape(&self.typ),
        });
        let owners = tracked
            .at(&["metadata", "managedFields"])
            .and_then(Value::as_list);
        let is_somebody = |owner: &&Value| owner.str_at(&["manager"]) != Some(NOBODY);
        let owners: Vec<Value> = owners
            .unwrap_or_default()
            .iter()
            .filter(is_somebody)
            .cloned()
            .collect();
        tracked.remove_at(&["metadata", "managedFields"]);
        if !owners.is_empty() {
            tracked.set_at(&["metadata", "managedFields"], owners.into());
        }
        tracked
    }
}
