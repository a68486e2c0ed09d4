//! Applies that are known to change nothing.
//!
//! A controller applies the same text to the same object again and again.
//! What that does is decided by the object, the text, who applies it how, and
//! the types that are served; where it turned out to be nothing, it is nothing
//! until one of these changes.

use super::options::{FieldValidation, Keep};
use super::outcome::Answer;
use super::read;
use super::store::Stored;
use super::write::Call;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How many applies are remembered with one object: one for each of the
/// managers that commonly share one.
pub const MAX_REMEMBERED: usize = 4;

/// Everything but the live object that the outcome of an apply depends on, as
/// a digest.
pub(super) type Request = [u8; 32];

/// An apply that changed nothing.
#[derive(Debug)]
pub(super) struct NoOp {
    request: Request,
    warnings: Vec<String>,
}

/// The digest of a server-side apply that is to be kept; `None` for any other
/// patch.
pub(super) fn request(call: &Call<'_>) -> Option<Request> {
    let operation = call.operation;
    if operation.content_type != "application/apply-patch+yaml" || call.options.keep != Keep::Yes {
        return None;
    }
    let validation = match call.options.field_validation {
        FieldValidation::Ignore => 0,
        FieldValidation::Warn => 1,
        FieldValidation::Strict => 2,
    };
    let tables = call.core.registry().tables().version;
    let mut digest = Sha256::new();
    digest.update(tables.to_be_bytes());
    digest.update([validation, u8::from(call.options.force)]);
    for text in [
        call.resource.version.as_str(),
        call.resource.group.as_str(),
        operation.subresource_name(),
        call.options.manager.as_str(),
    ] {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    }
    digest.update(&operation.body);
    Some(digest.finalize().into())
}

/// The answer to an apply that changed nothing when it was made before.
pub(super) fn known(call: &Call<'_>, request: &Request) -> Option<Answer> {
    let live = call.find(&call.operation.namespace, &call.operation.name)?;
    let no_ops = live.no_ops();
    let warnings = no_ops
        .iter()
        .find(|no_op| no_op.request == *request)?
        .warnings
        .clone();
    drop(no_ops);
    Some(Answer {
        warnings,
        ..read::answer_with(200, call.resource, live)
    })
}

/// Notes that an apply left an object as it is.
pub(super) fn remember(live: &Arc<Stored>, request: Request, warnings: &[String]) {
    let mut no_ops = live.no_ops();
    if no_ops.iter().any(|no_op| no_op.request == request) {
        return;
    }
    if no_ops.len() == MAX_REMEMBERED {
        no_ops.remove(0);
    }
    no_ops.push(NoOp {
        request,
        warnings: warnings.to_vec(),
    });
}

#[cfg(test)]
mod tests {
    use crate::core::{Identity, Request};
    use crate::edge::{ApiServer, ReplyBody, ServerOptions};
    use crate::storage::MemoryStorage;
    use trueup_object::{Value, from_json};

    const TARGET: &str = "/api/v1/namespaces/default/configmaps/a";

    fn patch(server: &ApiServer, query: &str, content_type: &str, body: &str) -> Value {
        let request = Request::new("PATCH", &format!("{TARGET}?{query}"))
            .with_body(content_type, body.to_owned());
        let reply = server.handle(&request, &Identity::admin(), server.clock().now());
        let ReplyBody::Full(bytes) = reply.body else {
            return Value::Null;
        };
        from_json(&bytes).unwrap()
    }

    #[test]
    fn an_apply_that_changed_nothing_does_again_as_soon_as_something_else_changed() {
        let server = ApiServer::open(MemoryStorage, ServerOptions::default()).unwrap();
        let text =
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1"}}"#;
        let apply = |manager: &str| {
            let query = format!("fieldManager={manager}&force=true");
            patch(&server, &query, "application/apply-patch+yaml", text)
        };
        let first = apply("me");
        assert_eq!([apply("me"), apply("me")], [first.clone(), first.clone()]);
        let shared = apply("you");
        assert_ne!(shared, first, "another manager comes to own the field");
        let merge = r#"{"data":{"k":"2"}}"#;
        patch(
            &server,
            "fieldManager=third",
            "application/merge-patch+json",
            merge,
        );
        let again = apply("me");
        assert_eq!(again.str_at(&["data", "k"]), Some("1"));
        assert_eq!(apply("me"), again);
    }
}
