//! Causes of an error whose order the recorded server leaves to chance.

use trueup_object::Value;

/// Sorts the causes of a `Status`, in its message too: by field, reason and
/// message, or by message alone where all are conflicts of field managers.
pub(crate) fn sort_causes(body: &mut Value) {
    let causes = body.at(&["details", "causes"]).and_then(Value::as_list);
    let Some(causes) = causes.map(<[Value]>::to_vec) else {
        return;
    };
    let mut sorted = causes.clone();
    let conflicts = |cause: &Value| cause.str_at(&["reason"]) == Some("FieldManagerConflict");
    if causes.iter().all(conflicts) {
        sorted.sort_by_key(|cause| text(cause, "message"));
    } else {
        sorted.sort_by_key(|cause| ["field", "reason", "message"].map(|key| text(cause, key)));
        let message = text(body, "message").replace(&listed(&causes), &listed(&sorted));
        body.set_at(&["message"], message.into());
    }
    body.set_at(&["details", "causes"], Value::from(sorted));
}

fn text(value: &Value, key: &str) -> String {
    value.str_at(&[key]).unwrap_or_default().to_owned()
}

/// Causes as a message lists them.
fn listed(causes: &[Value]) -> String {
    let items: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")))
        .collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn causes_are_sorted_in_the_message_too() {
        let mut body = value!({
            "message": "Widget \"w\" is invalid: [spec.b: no, spec.a: no]",
            "details": {"causes": [
                {"reason": "FieldValueInvalid", "message": "no", "field": "spec.b"},
                {"reason": "FieldValueInvalid", "message": "no", "field": "spec.a"}
            ]}
        });
        sort_causes(&mut body);
        assert_eq!(
            body.str_at(&["message"]),
            Some("Widget \"w\" is invalid: [spec.a: no, spec.b: no]")
        );
        let first = body.at(&["details", "causes"]).unwrap().as_list().unwrap();
        assert_eq!(first[0].str_at(&["field"]), Some("spec.a"));
    }
}
