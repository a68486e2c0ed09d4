//! Why a decision about a target can't be taken.

use trueup_object::ObjectRef;

/// Why a decision about a target can't be taken now. Nothing of it is final:
/// the next look may succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// These objects have to be read first; then the same question is asked
    /// again.
    #[error("not read yet: {}", list(.0))]
    NeedsRead(Vec<ObjectRef>),
    /// Something is missing or not as it must be; the text is what the event
    /// says, in Flagger's words where it has some.
    #[error("{0}")]
    Refused(String),
}

impl TargetError {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// An object that must be there and is not.
    pub(super) fn not_found(object: &ObjectRef) -> Self {
        let word = word(&object.kind.kind);
        let group = match object.kind.group.as_str() {
            "" => String::new(),
            group => format!(".{group}"),
        };
        Self::Refused(format!(
            "{word} {}.{} get query error: {}s{group} \"{}\" not found",
            object.name,
            object.namespace,
            object.kind.kind.to_lowercase(),
            object.name
        ))
    }

    /// The same with the name of the step before the text.
    pub(super) fn within(self, step: &str) -> Self {
        match self {
            Self::Refused(message) => Self::Refused(format!("{step}: {message}")),
            other => other,
        }
    }
}

/// How Flagger calls a kind in messages.
fn word(kind: &str) -> String {
    match kind {
        "HorizontalPodAutoscaler" => kind.to_owned(),
        "ScaledObject" => format!("Keda {kind}"),
        other => other.to_lowercase(),
    }
}

fn list(objects: &[ObjectRef]) -> String {
    let names: Vec<String> = objects.iter().map(ObjectRef::to_string).collect();
    names.join(", ")
}
