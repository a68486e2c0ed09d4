//! A Pod bears a lost node for five minutes, unless it says otherwise.

use super::Context;
use crate::core::status::ApiError;
use trueup_object::{Value, value};

/// How long, in seconds.
const SECONDS: i64 = 300;
const KEYS: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

pub(super) fn admit(context: &Context<'_>, pod: &mut Value) -> Result<(), ApiError> {
    if !context.is_of("", "pods") || !context.subresource.is_empty() {
        return Ok(());
    }
    let listed = pod.at(&["spec", "tolerations"]).and_then(Value::as_list);
    let mut tolerations = listed.unwrap_or_default().to_vec();
    let before = tolerations.len();
    for key in KEYS {
        if !tolerations.iter().any(|toleration| bears(toleration, key)) {
            tolerations.push(value!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS,
            }));
        }
    }
    if tolerations.len() > before {
        pod.set_at(&["spec", "tolerations"], tolerations.into());
    }
    Ok(())
}

fn bears(toleration: &Value, key: &str) -> bool {
    let text = |field| toleration.str_at(&[field]).unwrap_or_default();
    matches!(text("effect"), "NoExecute" | "") && (text("key") == key || text("key").is_empty())
}
