//! A new Node takes no Pods until it says that it is ready.

use super::Context;
use crate::core::status::ApiError;
use trueup_object::{Value, value};

const KEY: &str = "node.kubernetes.io/not-ready";

pub(super) fn admit(context: &Context<'_>, node: &mut Value) -> Result<(), ApiError> {
    if !context.creates("", "nodes") {
        return Ok(());
    }
    let listed = node.at(&["spec", "taints"]).and_then(Value::as_list);
    let mut taints = listed.unwrap_or_default().to_vec();
    if !taints
        .iter()
        .any(|taint| taint.str_at(&["key"]) == Some(KEY))
    {
        taints.push(value!({"key": KEY, "effect": "NoSchedule"}));
        node.set_at(&["spec", "taints"], taints.into());
    }
    Ok(())
}
