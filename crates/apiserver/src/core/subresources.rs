//! Binding: a body of another kind that changes an object.

use super::Core;
use super::body;
use super::change::change;
use super::outcome::{Answer, Outcome};
use super::prepare;
use super::request::{Identity, Operation};
use super::status::ApiError;
use super::write::{self, Call};
use jiff::Timestamp;
use trueup_object::{Value, value};

/// An answer with a body that is no stored object.
pub(super) fn other(operation: &Operation, value: Value, revision: u64) -> Answer {
    let outcome = Outcome::Other {
        subresource: operation.subresource.clone(),
        value,
    };
    Answer {
        code: 200,
        warnings: Vec::new(),
        outcome,
        revision,
    }
}

/// POST of a binding: the pod gets its node.
pub(super) fn bind(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let binding = body::read_object(operation, "Binding")?.value;
    let node = binding.str_at(&["target", "name"]).unwrap_or("").to_owned();
    let call = Call {
        target: prepare::Target::Other,
        ..plain(core, operation, identity, now)?
    };
    change(call, |call, _, seen| {
        if let Some(bound) = seen
            .str_at(&["spec", "nodeName"])
            .filter(|name| !name.is_empty())
        {
            let why = format!(
                "pod {} is already assigned to node {bound:?}",
                call.operation.name
            );
            return Err(call.conflict(&call.operation.name, &why));
        }
        let mut new = seen.clone();
        new.set_at(&["spec", "nodeName"], node.as_str().into());
        let mut conditions = new
            .at(&["status", "conditions"])
            .and_then(Value::as_list)
            .unwrap_or_default()
            .to_vec();
        conditions.retain(|condition| condition.str_at(&["type"]) != Some("PodScheduled"));
        conditions.push(value!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": (call.time())}));
        new.set_at(&["status", "conditions"], conditions.into());
        Ok(write::track(call, Some(seen), &new))
    })?;
    let mut answer = other(
        operation,
        value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
        0,
    );
    answer.code = 201;
    Ok(answer)
}

fn plain<'a>(
    core: &'a Core,
    operation: &'a Operation,
    identity: &'a Identity,
    now: Timestamp,
) -> Result<Call<'a>, ApiError> {
    Call::new(core, operation, identity, now)
}
