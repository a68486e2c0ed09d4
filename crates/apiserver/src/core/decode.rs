//! From a tree that a client sent to an object of a kind: shape checked,
//! unknown fields found and dropped, defaults filled in, in the form in which
//! the kind is given back.

use super::registry::{Custom, Resource};
use super::status::ApiError;
use super::{defaults, normal};
use std::sync::OnceLock;
use trueup_object::Value;
use trueup_schema::{Schemas, Type, check_shape, unknown_fields};

/// A decoded object.
#[derive(Debug)]
pub struct Decoded {
    /// The object.
    pub object: Value,
    /// `unknown field "…"`, in the order of strict decoding.
    pub unknown: Vec<String>,
}

/// Decodes an object of a resource; the error is the decoder's message.
pub fn decode(resource: &Resource, value: Value) -> Result<Decoded, String> {
    match (&resource.custom, &resource.typ) {
        (Some(custom), _) => decode_custom(custom, value),
        (None, Some(typ)) => decode_builtin(resource, typ, value),
        (None, None) => Ok(Decoded {
            object: value,
            unknown: Vec::new(),
        }),
    }
}

fn decode_builtin(resource: &Resource, typ: &Type, value: Value) -> Result<Decoded, String> {
    check_shape(&value, typ).map_err(|mistake| mistake.to_string())?;
    let unknown = unknown_fields(&value, typ)
        .iter()
        .map(|path| format!("unknown field {:?}", path.as_str()))
        .collect();
    Ok(Decoded {
        object: settle(resource, &value),
        unknown,
    })
}

/// Defaults and form of a built-in object whose shape is right.
#[must_use]
pub fn settle(resource: &Resource, value: &Value) -> Value {
    if resource.custom.is_some() {
        return value.clone();
    }
    let mut object = normal::normalise(value, resource.definition);
    if defaults::apply(&resource.group, &resource.kind, &mut object) == defaults::Changed::Yes {
        object = normal::normalise(&object, resource.definition);
    }
    object
}

fn decode_custom(custom: &Custom, mut object: Value) -> Result<Decoded, String> {
    let mut unknown = Vec::new();
    if let Some(metadata) = object.get("metadata") {
        let typ = metadata_type();
        check_shape(metadata, typ).map_err(|mistake| mistake.to_string())?;
        unknown.extend(
            unknown_fields(metadata, typ)
                .iter()
                .map(|path| format!("unknown field \"metadata.{path}\"")),
        );
        let metadata = normal::normalise(metadata, METADATA);
        object.set_at(&["metadata"], metadata);
    }
    unknown.extend(
        custom
            .schema
            .prune(&mut object)
            .iter()
            .map(|path| format!("unknown field {:?}", path.as_str())),
    );
    custom.schema.apply_defaults(&mut object);
    Ok(Decoded { object, unknown })
}

/// Name of the definition of metadata.
pub const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The type of metadata.
pub fn metadata_type() -> &'static Type {
    static TYPE: OnceLock<Type> = OnceLock::new();
    TYPE.get_or_init(|| {
        Schemas::builtin()
            .type_named(METADATA)
            .unwrap_or_else(Type::deduced)
    })
}

/// A custom resource must say what it is.
pub fn check_type_meta(value: &Value, text: &[u8], resource: &Resource) -> Result<(), ApiError> {
    let missing = match (value.str_at(&["kind"]), value.str_at(&["apiVersion"])) {
        (None | Some(""), _) => "Kind",
        (_, None | Some("")) => "apiVersion",
        (Some(kind), Some(version))
            if version == resource.api_version() && kind != resource.kind =>
        {
            let name = value.str_at(&["metadata", "name"]).unwrap_or("");
            let cause = super::status::Cause::invalid(
                "kind",
                format!("{kind:?}"),
                &format!("must be {}", resource.kind),
            );
            return Err(ApiError::invalid(&resource.group, kind, name, vec![cause]));
        }
        _ => return Ok(()),
    };
    let text = String::from_utf8_lossy(text);
    let shown: String = if text.len() > 30 {
        format!("{} ...", text.chars().take(30).collect::<String>())
    } else {
        text.to_string()
    };
    Err(ApiError::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): Object '{missing}' is missing in '{text}' ({shown})",
        resource.kind
    )))
}
