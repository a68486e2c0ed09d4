//! Keeping values of Secrets out of messages.

use crate::desired::is_secret;
use trueup_object::{ObjectRef, Value, hide_values, to_json};

/// A message of the API about an object, with the values of the manifest
/// masked if it is a Secret.
#[must_use]
pub fn masked(manifest: &Value, message: &str) -> String {
    if !ObjectRef::of(manifest).is_some_and(|object| is_secret(&object)) {
        return message.to_owned();
    }
    let mut values = Vec::new();
    for key in ["data", "stringData"] {
        manifest
            .get(key)
            .into_iter()
            .for_each(|value| collect(value, &mut values));
    }
    hide_values(message, values.iter().map(String::as_str))
}

fn collect(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Map(map) => map.values().for_each(|value| collect(value, out)),
        Value::List(list) => list.iter().for_each(|value| collect(value, out)),
        Value::String(text) => out.push(text.to_string()),
        Value::Null => {}
        other => out.push(String::from_utf8_lossy(&to_json(other)).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn values_of_a_secret_are_masked_and_the_rest_is_left() {
        let secret = value!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "hunter2", "b": "hunter2222", "c": "x", "d": 12345, "e": "data"},
        });
        let message = "data is bad: \"hunter2222\" hunter2 got Value:12345} Value:x} x-ray";
        assert_eq!(
            masked(&secret, message),
            "*** is bad: \"***\" *** got Value:***} Value:***} x-ray"
        );
        let config = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, "data": {"a": "hunter2"}});
        assert_eq!(masked(&config, "hunter2"), "hunter2");
    }
}
