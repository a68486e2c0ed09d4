//! From the answer to a dry-run to what to do.

use crate::ignore::our_fields_but;
use crate::{Action, Check, Forcing, JsonPointer, Reason, Verb, masked};
use std::fmt;
use trueup_kinds::{message, names};
use trueup_object::{ObjectRef, Text, Value};

/// One cause in the answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field.
    pub field: Text,
    /// What is wrong with it.
    pub message: Text,
}

/// Why the API refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub code: u16,
    /// The API's reason, such as `Invalid`.
    pub reason: Text,
    /// The API's message.
    pub message: Text,
    /// What is wrong in particular; may be empty.
    pub causes: Vec<Cause>,
}

/// The answer to a dry-run.
#[derive(Clone, Debug, PartialEq)]
pub enum DryRun {
    /// The object as it would be.
    Accepted(Value),
    /// It would be refused.
    Refused(Refused),
}

/// An object that can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ApplyFailure {
    /// The object.
    pub object: ObjectRef,
    /// What the API said.
    pub refused: Refused,
    /// Whether a forced recreation would help.
    pub is_immutable: bool,
}

/// As Flux: `Deployment/prod/web dry-run failed (Invalid): …`; where an
/// immutable field changed, with what would help.
impl fmt::Display for ApplyFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused {
            code,
            reason,
            message,
            ..
        } = &self.refused;
        if *code == 404 {
            let what = if self.object.namespace.is_empty() {
                "namespace not specified"
            } else {
                "not found"
            };
            return write!(formatter, "{} {what}: {message}", self.object);
        }
        formatter.write_str(&message::apply_failed(&self.object, reason, message))?;
        if self.is_immutable {
            write!(
                formatter,
                " (to have it deleted and made anew, set spec.force or mark it {}: enabled)",
                names::FORCE
            )?;
        }
        Ok(())
    }
}

/// Makes of the answer to a dry-run what to do: nothing, apply, recreate, or
/// fail. `live` is what the dry-run ran against.
pub fn settle(
    action: &Action,
    live: Option<&Value>,
    answer: &DryRun,
    force: Forcing,
) -> Result<Action, Box<ApplyFailure>> {
    match answer {
        DryRun::Accepted(would_be) => Ok(accepted(action, live, would_be)),
        DryRun::Refused(refused) => rejected(action, live, refused, force),
    }
}

fn accepted(action: &Action, live: Option<&Value>, would_be: &Value) -> Action {
    let (verb, reason) = match live {
        None => (Verb::Create, Reason::Missing),
        // Ownership is moved even where no value changes.
        Some(_) if action.take_over.is_some() => (Verb::Apply, Reason::TakeOver),
        Some(live) if is_same(live, would_be, &action.ignored) => {
            (Verb::Unchanged, Reason::UpToDate)
        }
        Some(_) if action.reason == Reason::NoRecord => (Verb::Apply, Reason::DryRunDiffers),
        Some(_) => (Verb::Apply, action.reason),
    };
    Action {
        verb,
        reason,
        check: Check::None,
        ..action.clone()
    }
}

fn rejected(
    action: &Action,
    live: Option<&Value>,
    refused: &Refused,
    force: Forcing,
) -> Result<Action, Box<ApplyFailure>> {
    let is_immutable = live.is_some() && is_immutable(refused);
    let marked = |object: &Value| names::is_marked(object, names::FORCE, "enabled");
    let may_recreate =
        force == Forcing::Always || marked(&action.manifest) || live.is_some_and(marked);
    if is_immutable && may_recreate {
        return Ok(Action {
            verb: Verb::Recreate,
            check: Check::None,
            reason: Reason::ImmutableField,
            ..action.clone()
        });
    }
    Err(Box::new(ApplyFailure {
        object: action.object.clone(),
        refused: without_secrets(&action.manifest, refused),
        is_immutable,
    }))
}

fn without_secrets(manifest: &Value, refused: &Refused) -> Refused {
    let cause = |cause: &Cause| Cause {
        field: cause.field.clone(),
        message: masked(manifest, &cause.message).into(),
    };
    Refused {
        message: masked(manifest, &refused.message).into(),
        causes: refused.causes.iter().map(cause).collect(),
        ..refused.clone()
    }
}

/// Whether nothing would change that matters: `metadata` counts only by
/// labels, annotations, finalizers, owners and our own field ownership;
/// `status` and the bundle that a controller writes into a definition's
/// conversion do not count, as in Flux.
fn is_same(live: &Value, would_be: &Value, ignored: &[JsonPointer]) -> bool {
    our_fields_but(live, ignored) == our_fields_but(would_be, ignored)
        && comparable(live).same_number(&comparable(would_be))
}

fn comparable(object: &Value) -> Value {
    let mut plain = object.clone();
    plain.remove_at(&["status"]);
    plain.remove_at(&["metadata"]);
    plain.remove_at(&["spec", "conversion", "webhook", "clientConfig", "caBundle"]);
    for key in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if let Some(value) = object.at(&["metadata", key]) {
            plain.set_at(&["metadata", key], value.clone());
        }
    }
    plain
}

/// What servers, admission rules and cloud webhooks say of fields that can't
/// change.
const IMMUTABLE_PHRASES: [&str; 6] = [
    "immutable",
    "may not be changed",
    "cannot be changed",
    "can't be changed",
    "may not be updated",
    "cannot be updated",
];

/// Whether everything that the API refuses is that something can't change.
/// Flux takes every `Invalid` for that and so deletes objects whose new
/// manifest is simply wrong; we don't.
fn is_immutable(refused: &Refused) -> bool {
    if refused.causes.is_empty() {
        return is_immutable_message(&refused.message);
    }
    refused
        .causes
        .iter()
        .all(|cause| is_immutable_message(&cause.message))
}

fn is_immutable_message(message: &str) -> bool {
    let text = message.to_lowercase();
    let forbidden_update = text.contains("updates to") && text.contains("forbidden");
    forbidden_update || IMMUTABLE_PHRASES.iter().any(|phrase| text.contains(phrase))
}
