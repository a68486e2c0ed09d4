//! What is told as Events, as values.

use jiff::Timestamp;
use trueup_cluster::LiveObject;
use trueup_object::{ObjectRef, Text, Value, value};

/// Stands in a message for the name of the object that was written.
pub(crate) const NAME: &str = "{name}";

/// Stands in a message for what the server said of a failed write.
pub(crate) const ERROR: &str = "{error}";

/// The `type` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Somebody may have to look.
    Warning,
}

impl Severity {
    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// The object that an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Involved {
    /// The object.
    pub reference: ObjectRef,
    /// Its uid.
    pub uid: Text,
    /// Its version when this was decided.
    pub resource_version: Text,
}

/// One thing to be told as an Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// What it is about.
    pub about: Involved,
    /// The controller that tells it, such as `deployment-controller`.
    pub component: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In one word, such as `ScalingReplicaSet`.
    pub reason: Text,
    /// For people.
    pub message: Text,
}

impl Note {
    /// Something normal about an object as it was seen.
    pub(crate) fn normal(
        component: &'static str,
        about: &LiveObject,
        reason: &str,
        message: impl Into<Text>,
    ) -> Self {
        Self {
            about: Involved {
                reference: about.reference().clone(),
                uid: about.uid().clone(),
                resource_version: about.resource_version().clone(),
            },
            component,
            severity: Severity::Normal,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// A warning about an object as it was seen.
    pub(crate) fn warning(
        component: &'static str,
        about: &LiveObject,
        reason: &str,
        message: impl Into<Text>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::normal(component, about, reason, message)
        }
    }

    /// With the name of what was written in the place left for it.
    pub(crate) fn naming(mut self, name: &str) -> Self {
        self.message = self.message.replace(NAME, name);
        self
    }

    /// With the server's answer in the place left for it.
    pub(crate) fn blaming(mut self, error: &str) -> Self {
        self.message = self.message.replace(ERROR, error);
        self
    }

    /// The Event as it is created.
    pub(crate) fn event(&self, name: &str, now: Timestamp) -> Value {
        let reference = &self.about.reference;
        let namespace: Text = match reference.namespace.as_str() {
            "" => "default".into(),
            _ => reference.namespace.clone(),
        };
        let now = crate::conditions::text_of(now);
        value!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": (reference.kind.api_version()), "kind": (reference.kind.kind.clone()),
                "namespace": (reference.namespace.clone()), "name": (reference.name.clone()),
                "uid": (self.about.uid.clone()), "resourceVersion": (self.about.resource_version.clone()),
            },
            "type": (self.severity.name()), "reason": (self.reason.clone()), "message": (self.message.clone()),
            "count": 1, "firstTimestamp": (now.clone()), "lastTimestamp": now,
            "source": {"component": (self.component)}, "reportingComponent": (self.component),
        })
    }
}
