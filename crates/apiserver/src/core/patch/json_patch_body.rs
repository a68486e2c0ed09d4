//! JSON patches as they are sent: which texts are patches, and what strict
//! decoding says of them.

use super::{Form, Patch, duplicates, read_json};
use crate::core::body;
use crate::core::options::FieldValidation;
use crate::core::status::ApiError;
use crate::core::write::Call;
use trueup_object::Value;

/// The members of an operation; the first three are texts.
const MEMBERS: [&str; 4] = ["op", "path", "from", "value"];
const TEXTS: [&str; 3] = ["op", "path", "from"];

/// Reads the body of a JSON patch. Where fields are not validated the text is
/// looked at less closely, and mistakes are told in other words.
pub(super) fn read(call: &Call<'_>) -> Result<Patch, ApiError> {
    let text = &call.operation.body;
    let is_strict = call.options.field_validation != FieldValidation::Ignore;
    let decoding = |why: String| {
        ApiError::bad_request(if is_strict {
            format!("error decoding patch: {why}")
        } else {
            why
        })
    };
    let (of_patch, of_operation) = if is_strict {
        ("[]handlers.jsonPatchOp", "handlers.jsonPatchOp")
    } else {
        ("jsonpatch.Patch", "jsonpatch.Operation")
    };
    let patch = read_json(text).map_err(decoding)?;
    let patch = match patch {
        Value::Null => Value::List(trueup_object::EcoVec::new()),
        Value::List(_) => patch,
        other => {
            return Err(decoding(mismatch(
                &other,
                &format!("value of type {of_patch}"),
            )));
        }
    };
    for operation in patch.as_list().unwrap_or_default() {
        if operation.as_map().is_none() && !operation.is_null() {
            let why = mismatch(operation, &format!("value of type {of_operation}"));
            return Err(decoding(why));
        }
        let wrong = TEXTS.iter().find_map(|name| {
            let value = operation.get(name)?;
            let fits = value.is_null() || value.as_str().is_some();
            (!fits).then(|| {
                mismatch(
                    value,
                    &format!("struct field jsonPatchOp.{name} of type string"),
                )
            })
        });
        if let Some(why) = wrong.filter(|_| is_strict) {
            return Err(decoding(why));
        }
    }
    Ok(Patch {
        complaints: complaints(text, &patch),
        form: Form::Json(patch),
    })
}

fn mismatch(value: &Value, wanted: &str) -> String {
    let given = body::json_kind(value);
    format!("json: cannot unmarshal {given} into Go {wanted}")
}

/// What is given twice or is unknown, in the order of the text.
fn complaints(text: &[u8], patch: &Value) -> Vec<String> {
    let mut complaints = duplicates(text, patch);
    for (index, operation) in patch.as_list().unwrap_or_default().iter().enumerate() {
        let members = operation.as_map().into_iter().flatten();
        let unknown = members.filter(|(name, _)| !MEMBERS.contains(&name.as_str()));
        complaints.extend(unknown.map(|(name, _)| format!("unknown field \"[{index}].{name}\"")));
    }
    crate::core::strict::sort_by_place(text, &mut complaints);
    complaints
        .into_iter()
        .map(|complaint| format!("json patch {complaint}"))
        .collect()
}
