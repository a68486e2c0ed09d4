//! From a tree that a client sent to an object of a kind: shape checked,
//! unknown fields found and dropped, defaults filled in, in the form in which
//! the kind is given back.

use super::registry::{Custom, Resource};
use super::status::ApiError;
use super::{defaults, normal};
use std::sync::OnceLock;
use trueup_object::Value;
use trueup_schema::{Schemas, ShapeError, Type, check_restorable, check_shape, unknown_fields};

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
        (Some(custom), _) => {
            let mut decoded = decode_custom(custom, value)?;
            custom.schema.drop_nulls(&mut decoded.object);
            Ok(decoded)
        }
        (None, Some(typ)) => decode_builtin(resource, typ, value, check_shape),
        (None, None) => Ok(Decoded {
            object: value,
            unknown: Vec::new(),
        }),
    }
}

/// Decodes a built-in object that was made in memory; the error is in the
/// words of its reader.
pub fn decode_restored(resource: &Resource, value: Value) -> Result<Decoded, String> {
    match (&resource.custom, &resource.typ) {
        (None, Some(typ)) => decode_builtin(resource, typ, value, check_restorable),
        _ => decode(resource, value),
    }
}

fn decode_builtin(
    resource: &Resource,
    typ: &Type,
    value: Value,
    check: impl Fn(&Value, &Type) -> Result<(), ShapeError>,
) -> Result<Decoded, String> {
    check(&value, typ).map_err(|mistake| mistake.to_string())?;
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
    if let (Some(sent), Some(metadata)) = (value.get("metadata"), object.get("metadata").cloned()) {
        object.set_at(&["metadata"], keep_reset(sent, metadata));
    }
    if defaults::apply(&resource.group, &resource.kind, &mut object) == defaults::Changed::Yes {
        let metadata = object.get("metadata").cloned();
        object = normal::normalise(&object, resource.definition);
        if let Some(metadata) = metadata {
            object.set_at(&["metadata"], metadata);
        }
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
        let metadata = keep_reset(metadata, normal::normalise(metadata, METADATA));
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

/// Decodes what an apply made: a null in the place of a struct is an empty
/// one; other nulls stay for validation to refuse.
pub fn decode_applied(resource: &Resource, mut value: Value) -> Result<Value, String> {
    if let Some(custom) = &resource.custom {
        empty_structs(&mut value, custom.schema.raw());
        return Ok(decode_custom(custom, value)?.object);
    }
    Ok(decode_restored(resource, value)?.object)
}

fn empty_structs(value: &mut Value, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_map) else {
        return;
    };
    for (key, below) in properties {
        let is_struct = below.str_at(&["type"]) == Some("object")
            && below.get("properties").is_some()
            && below.at(&["nullable"]).is_none();
        match value.get(key) {
            Some(Value::Null) if is_struct => value.set_at(&[key], Value::map()),
            Some(Value::Map(_)) if is_struct => {
                let mut inner = value.get(key).cloned().unwrap_or_default();
                empty_structs(&mut inner, below);
                value.set_at(&[key], inner);
            }
            _ => {}
        }
    }
}

/// An empty list of owners means something: that they are forgotten.
fn keep_reset(sent: &Value, mut metadata: Value) -> Value {
    if sent
        .get("managedFields")
        .and_then(Value::as_list)
        .is_some_and(<[Value]>::is_empty)
    {
        metadata.set_at(
            &["managedFields"],
            Value::List(trueup_object::EcoVec::new()),
        );
    }
    metadata
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
