//! `ExternalArtifact` of `source.toolkit.fluxcd.io/v1`: read, never written.

use crate::resource::read_as;
use crate::{Artifact, Conditions, KindError, Metadata, names};
use serde::{Deserialize, Serialize};
use trueup_object::{GroupVersionKind, Text, Value};

/// An archive that some other program makes, serves and tells of in the
/// status of this object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalArtifact {
    /// Metadata.
    pub metadata: Metadata,
    /// Where it comes from.
    pub spec: ExternalArtifactSpec,
    /// What the other program tells.
    pub status: ExternalArtifactStatus,
}

/// What an `ExternalArtifact` is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalArtifactSpec {
    /// The object that the archive is made of; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<ExternalSourceReference>,
}

/// An object of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalSourceReference {
    /// API version; the preferred one without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Text>,
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Namespace; that of the `ExternalArtifact` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
}

/// What is told of the archive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalArtifactStatus {
    /// The newest archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// Conditions.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
}

impl ExternalArtifact {
    /// API group.
    pub const GROUP: &'static str = names::SOURCE_GROUP;
    /// Version.
    pub const VERSION: &'static str = "v1";
    /// Kind.
    pub const KIND: &'static str = "ExternalArtifact";
    /// Plural, as in URLs.
    pub const PLURAL: &'static str = "externalartifacts";

    /// Reads a live object. Unknown fields are passed over.
    pub fn read(object: &Value) -> Result<Self, KindError> {
        read_as(Self::KIND, object)
    }

    /// Group, version and kind.
    #[must_use]
    pub fn group_version_kind() -> GroupVersionKind {
        GroupVersionKind {
            group: Self::GROUP.into(),
            version: Self::VERSION.into(),
            kind: Self::KIND.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn an_artifact_is_read_from_the_status_and_one_without_is_none() {
        let mut object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"sourceRef": {"kind": "ArtifactGenerator", "name": "web"}},
        });
        let read = ExternalArtifact::read(&object).unwrap();
        assert_eq!(read.spec.source_ref.unwrap().kind, "ArtifactGenerator");
        assert_eq!(read.status.artifact, None);
        object.set_at(
            &["status", "artifact"],
            value!({"path": "a", "url": "http://x/a", "revision": "v1.0.0",
                "digest": "sha256:00", "lastUpdateTime": "2026-01-02T15:04:05Z"}),
        );
        let read = ExternalArtifact::read(&object).unwrap();
        assert_eq!(read.status.artifact.unwrap().revision, "v1.0.0");
        object.set_at(&["status", "artifact", "lastUpdateTime"], "soon".into());
        let error = ExternalArtifact::read(&object).unwrap_err().to_string();
        assert!(error.contains("as ExternalArtifact"), "{error}");
    }
}
