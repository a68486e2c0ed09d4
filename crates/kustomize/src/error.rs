//! Why a build failed; every message names the file, most the line.

use trueup_artifact::{TreeError, TreePath};
use trueup_object::{ManifestError, ObjectRef, Position, Text};

/// Why a build failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A folder that is built as a root has no kustomization file.
    #[error("{folder}: no kustomization.yaml, kustomization.yml or Kustomization in this folder")]
    NoFile {
        /// The folder.
        folder: TreePath,
    },
    /// A folder has more than one kustomization file.
    #[error("{folder}: more than one kustomization file: {}", names.join(", "))]
    ManyFiles {
        /// The folder.
        folder: TreePath,
        /// The files.
        names: Vec<String>,
    },
    /// A kustomization file can't be read.
    #[error("{position}: {message}")]
    BadFile {
        /// File and line.
        position: Position,
        /// What was found and what was expected.
        message: String,
    },
    /// A field that no kustomization file has.
    #[error("{position}: unknown field {field:?}{}", suggestion(nearest))]
    UnknownField {
        /// File and line.
        position: Position,
        /// The field.
        field: Text,
        /// The field that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A field of kustomize that this version does not serve.
    #[error(
        "{position}: field {field:?} of kustomize is not served by this version of Trueup; it serves resources and namespace"
    )]
    UnservedField {
        /// File and line.
        position: Position,
        /// The field.
        field: Text,
    },
    /// A resource that lies in another repository.
    #[error(
        "{position}: resource {resource:?} is remote; only files and folders of the source are built"
    )]
    Remote {
        /// File and line.
        position: Position,
        /// The resource as written.
        resource: Text,
    },
    /// A resource that is not there.
    #[error("{position}: resource {resource:?} does not exist ({path})")]
    Missing {
        /// File and line.
        position: Position,
        /// The resource as written.
        resource: Text,
        /// Where it was looked for.
        path: TreePath,
    },
    /// A resource whose path leads out of the source.
    #[error("{position}: resource {resource:?}: {cause}")]
    BadPath {
        /// File and line.
        position: Position,
        /// The resource as written.
        resource: Text,
        /// What is wrong with the path.
        cause: trueup_artifact::PathError,
    },
    /// Roots that lead back to themselves.
    #[error("kustomization roots form a cycle: {}", path_list(roots))]
    Cycle {
        /// The roots in order, the first one again at the end.
        roots: Vec<TreePath>,
    },
    /// A file is no list of objects.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// Two objects of one build have the same name.
    #[error("{object} is there twice in one build: {first} and {second}{}", after_namespace(*after_namespace_change))]
    Twice {
        /// The object.
        object: Box<ObjectRef>,
        /// Where it is first.
        first: Position,
        /// Where it is again.
        second: Position,
        /// Whether only the change of namespace made them the same.
        after_namespace_change: bool,
    },
    /// A reference fits several accounts.
    #[error(
        "{position}: {object}: subject ServiceAccount {name:?} without a namespace fits several accounts of this build, name its namespace"
    )]
    AmbiguousSubject {
        /// File and line.
        position: Position,
        /// The binding.
        object: Box<ObjectRef>,
        /// The account's name.
        name: Text,
    },
    /// The tree did not answer, a link is in the way, or a limit is exceeded.
    #[error("{0}")]
    Tree(#[from] TreeError),
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest
        .map(|name| format!(", did you mean {name:?}?"))
        .unwrap_or_default()
}

fn after_namespace(is_after: bool) -> &'static str {
    if is_after {
        ", once their namespace is set"
    } else {
        ""
    }
}

fn path_list(paths: &[TreePath]) -> String {
    paths
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" → ")
}
