//! Why traffic can't be routed.

use trueup_object::{ObjectRef, Text};

/// Why a provider can't do what was asked of it. The text goes to the status
/// and the events of the `Canary`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// A provider of Flagger's that is not built here.
    #[error("provider {name} is not supported: traffic can be routed by {supported}")]
    Unsupported {
        /// The provider.
        name: Text,
        /// Those that are supported.
        supported: Text,
    },
    /// No provider is called so.
    #[error("provider {name} is unknown: traffic can be routed by {supported}")]
    Unknown {
        /// What was asked for.
        name: Text,
        /// Those that are supported.
        supported: Text,
    },
    /// The `Canary`, or an object that it names, asks for something that the
    /// provider can't do. It stays so until somebody changes it.
    #[error("{0}")]
    Invalid(Text),
    /// An object that is needed is not there.
    #[error("{0} not found")]
    Missing(Text),
    /// A live object has a field of the wrong kind.
    #[error("{object}: {path} is {found}, expected {expected}")]
    Malformed {
        /// The object.
        object: Text,
        /// The field.
        path: Text,
        /// What is there.
        found: Text,
        /// What should be.
        expected: &'static str,
    },
    /// The route is there, but what carries the traffic has not taken it over
    /// yet, or has refused it.
    #[error("{0}")]
    NotReady(Text),
    /// The route does not say how traffic is shared.
    #[error("{0}")]
    NoRoutes(Text),
}

impl RouterError {
    /// The error for something that a `Canary` must not ask for.
    pub(super) fn invalid(message: impl Into<Text>) -> Self {
        Self::Invalid(message.into())
    }

    /// The error for an object that is not there.
    pub(super) fn missing(reference: &ObjectRef) -> Self {
        Self::Missing(describe(reference))
    }

    /// Whether only a change of the `Canary`, or of an object that it names,
    /// helps; everything else may pass by itself.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Unsupported { .. } | Self::Unknown { .. } | Self::Invalid(_)
        )
    }
}

/// `Kind name.namespace`, as Flagger writes objects.
pub(super) fn describe(reference: &ObjectRef) -> Text {
    let (kind, name) = (&reference.kind.kind, &reference.name);
    format!("{kind} {name}.{}", reference.namespace).into()
}
