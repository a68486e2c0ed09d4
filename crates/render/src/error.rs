//! Why a render failed.

use crate::SubstituteError;
use trueup_artifact::{PathError, TreeError, TreePath};
use trueup_kinds::{message, reason};
use trueup_kustomize::{AskedNeed, BuildError};
use trueup_object::{ObjectRef, Position, Text};

/// Why a render failed; every message names the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// `spec.path` does not exist.
    #[error("{}", message::path_not_found(&.path.to_string()))]
    PathNotFound {
        /// The path.
        path: TreePath,
    },
    /// `spec.path` is a file.
    #[error("{}: is not a folder", message::path_not_found(&.path.to_string()))]
    PathNotAFolder {
        /// The path.
        path: TreePath,
    },
    /// `spec.path` is no path of a tree.
    #[error("spec.path: {0}")]
    BadPath(#[from] PathError),
    /// `spec.targetNamespace` is no name of a namespace.
    #[error("spec.targetNamespace {namespace:?}: {cause}")]
    BadNamespace {
        /// What was given.
        namespace: Text,
        /// The rule that it breaks.
        cause: String,
    },
    /// A symbolic link leads out of the source.
    #[error("{path}: symbolic link to {target:?} leads out of the source")]
    LinkOutside {
        /// The link.
        path: TreePath,
        /// Where it points.
        target: String,
    },
    /// An encrypted object, and nothing to decrypt it with.
    #[error(
        "{position}: {object} is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    )]
    Encrypted {
        /// File and line.
        position: Position,
        /// The object.
        object: Box<ObjectRef>,
    },
    /// Variables can't be put into an object.
    #[error("{position}: post build failed for '{object}': envsubst error: {cause}")]
    Substitution {
        /// Where the object stands.
        position: Position,
        /// The object as it was built.
        object: Box<ObjectRef>,
        /// What is wrong.
        cause: SubstituteError,
    },
    /// An object whose variables are put in is not YAML any more.
    #[error(
        "{position}: post build failed for '{object}': with its variables put in, line {line} of the built object is no YAML: {message}"
    )]
    NotYaml {
        /// Where the object stands.
        position: Position,
        /// The object as it was built.
        object: Box<ObjectRef>,
        /// The line of the printed object.
        line: u32,
        /// What is wrong with it.
        message: String,
    },
    /// An object whose variables are put in is none any more.
    #[error("post build failed for '{object}': {message}")]
    NoObject {
        /// The object as it was built.
        object: Box<ObjectRef>,
        /// Where it stands, and what is wrong with it.
        message: String,
    },
    /// The build failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The tree did not answer.
    #[error("{0}")]
    Tree(#[from] TreeError),
}

impl RenderError {
    /// What has to be fetched before there is a verdict; none if this is one.
    #[must_use]
    pub fn needs(&self) -> &[AskedNeed] {
        match self {
            Self::Build(BuildError::NeedsInput { needs }) => needs,
            _ => &[],
        }
    }

    /// The reason of the condition `Ready`, as in Flux: a path that leads
    /// nowhere is `ArtifactFailed`, the rest `BuildFailed`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PathNotFound { .. } | Self::PathNotAFolder { .. } | Self::BadPath(_) => {
                reason::ARTIFACT_FAILED
            }
            _ => reason::BUILD_FAILED,
        }
    }
}
