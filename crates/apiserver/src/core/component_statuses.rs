//! ComponentStatuses: the parts of a control plane. Nothing is stored of them;
//! here they are one process, and well while it answers.

use super::outcome::{Answer, List, ObjectBody, Outcome};
use super::registry::Resource;
use super::request::{Operation, Verb};
use super::status::ApiError;
use trueup_object::{Text, Value, value};

const COMPONENTS: [&str; 3] = ["scheduler", "etcd-0", "controller-manager"];

/// Whether a resource is that of the component statuses.
pub(super) fn are(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.kind == "ComponentStatus"
}

/// GET of one or of all.
pub(super) fn read(operation: &Operation) -> Result<Answer, ApiError> {
    let resource = operation.resource.clone();
    let outcome = if operation.verb == Verb::List {
        Outcome::List(List {
            resource,
            items: COMPONENTS
                .into_iter()
                .map(status)
                .map(ObjectBody::Made)
                .collect(),
            revision: 0,
            continue_token: Text::new(),
            remaining: None,
        })
    } else {
        let name = operation.name.as_str();
        if !COMPONENTS.contains(&name) {
            // Named in the singular, as the genuine server does.
            return Err(ApiError::not_found("", "componentstatus", name));
        }
        Outcome::Object {
            resource,
            object: ObjectBody::Made(status(name)),
        }
    };
    Ok(Answer {
        code: 200,
        warnings: Vec::new(),
        outcome,
        revision: 0,
    })
}

fn status(name: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": name},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    })
}
