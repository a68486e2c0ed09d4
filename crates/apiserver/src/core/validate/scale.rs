//! The paths of a custom resource's `scale` subresource must lead to what a
//! Scale can hold.

use crate::core::Custom;
use crate::core::status::Cause;
use trueup_object::Value;

/// What is wrong at the paths of the `scale` subresource, if there is one.
pub fn custom(custom: &Custom, object: &Value) -> Vec<Cause> {
    let counts = ["specReplicasPath", "statusReplicasPath"]
        .into_iter()
        .filter_map(|part| {
            let path = custom.scale_path(part)?;
            replicas(object, &path).map(|(shown, why)| Cause::invalid(dotted(&path), shown, &why))
        });
    let selector = custom.scale_path("labelSelectorPath").and_then(|path| {
        let found = object.at(&path)?;
        let why = match found {
            Value::String(_) => return None,
            other => accessor_error(&path, other, "string"),
        };
        Some(Cause::invalid(dotted(&path), "\"\"", &why))
    });
    counts.chain(selector).collect()
}

/// What is shown and said of a number of replicas that can't be.
fn replicas(object: &Value, path: &[&str]) -> Option<(i64, String)> {
    match object.at(path)? {
        Value::Integer(count) if *count < 0 => {
            Some((*count, "should be a non-negative integer".to_owned()))
        }
        Value::Integer(count) if *count > i64::from(i32::MAX) => {
            let why = format!("should be less than or equal to {}", i32::MAX);
            Some((*count, why))
        }
        Value::Integer(_) => None,
        other => Some((0, accessor_error(path, other, "int64"))),
    }
}

fn accessor_error(path: &[&str], found: &Value, wanted: &str) -> String {
    let (shown, typ) = match found {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(truth) => (truth.to_string(), "bool"),
        Value::Integer(number) => (number.to_string(), "int64"),
        Value::Float(number) => (number.to_string(), "float64"),
        Value::String(text) => (text.to_string(), "string"),
        Value::List(_) => (
            String::from_utf8_lossy(&trueup_object::to_json(found)).into_owned(),
            "[]interface {}",
        ),
        Value::Map(_) => (
            String::from_utf8_lossy(&trueup_object::to_json(found)).into_owned(),
            "map[string]interface {}",
        ),
    };
    format!(
        "{} accessor error: {shown} is of the type {typ}, expected {wanted}",
        dotted(path)
    )
}

fn dotted(path: &[&str]) -> String {
    path.iter().map(|key| format!(".{key}")).collect()
}

#[cfg(test)]
mod tests {
    use super::replicas;
    use trueup_object::value;

    #[test]
    fn replicas_are_a_number_that_a_scale_can_hold() {
        let object = value!({"spec": {"a": 3, "b": (-1), "c": 3_000_000_000_i64, "d": "x"}});
        let at = |key: &str| replicas(&object, &["spec", key]);
        assert_eq!(at("a"), None);
        assert_eq!(at("none"), None);
        assert_eq!(
            at("b"),
            Some((-1, "should be a non-negative integer".to_owned()))
        );
        assert!(at("c").is_some_and(|(_, why)| why.ends_with("2147483647")));
        let why = ".spec.d accessor error: x is of the type string, expected int64";
        assert_eq!(at("d"), Some((0, why.to_owned())));
    }
}
