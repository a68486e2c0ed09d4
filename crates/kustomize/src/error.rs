//! Why a build failed; every message names the file, most the line.

use trueup_artifact::{TreeError, TreePath};
use trueup_object::{ManifestError, Position, Text};

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
    /// A root of another kind than the field that names it takes.
    #[error("{position}: {folder} is a {found}, expected a {expected}")]
    WrongKind {
        /// File and line of the name.
        position: Position,
        /// The folder that it names.
        folder: TreePath,
        /// What the folder holds.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A component of a specification that is not in the source.
    #[error("{position}: component path '{component}' must be local and relative")]
    ComponentElsewhere {
        /// The field.
        position: Position,
        /// What it names.
        component: Text,
    },
    /// A component that is no folder.
    #[error("{position}: {path} is not a folder, and a component is one")]
    NoFolder {
        /// File and line.
        position: Position,
        /// Where it was looked for.
        path: TreePath,
    },
    /// A file that the load restrictor keeps a root from.
    #[error("{position}: {resource:?} is {path}, which is not in or below {root}")]
    Restricted {
        /// File and line.
        position: Position,
        /// The path as written.
        resource: Text,
        /// The file.
        path: TreePath,
        /// The root's folder.
        root: TreePath,
    },
    /// A plugin that is not built in.
    #[error("{position}: {kind} is no builtin plugin; others are not run")]
    Plugin {
        /// Where it is configured.
        position: Position,
        /// What is asked for.
        kind: String,
    },
    /// Two resources of one root have the same id.
    #[error(
        "{second}: may not add resource with an already registered id: {id} (it is in {first})"
    )]
    AlreadyRegistered {
        /// The id, as kustomize writes it.
        id: String,
        /// Where it is first.
        first: Position,
        /// Where it is again.
        second: Position,
    },
    /// A generator can't do what it is asked for.
    #[error("{position}: {message}")]
    Generator {
        /// Where it is asked for.
        position: Position,
        /// What is wrong.
        message: String,
    },
    /// A patch, transformer, replacement or variable can't do what it is asked
    /// for.
    #[error("{position}: {message}")]
    Transformer {
        /// Where it is asked for.
        position: Position,
        /// What is wrong, and with which resource.
        message: String,
    },
    /// Things that lie outside of the source and have not been fetched; whoever
    /// has them, or knows that there are none, builds again with the answers.
    #[error("{}", needs_text(needs))]
    NeedsInput {
        /// All that are known to be needed; never empty.
        needs: Vec<crate::AskedNeed>,
    },
    /// Something that lies outside of the source could not be had.
    #[error("{position}: {what}: {cause}")]
    Outside {
        /// File and line that ask for it.
        position: Position,
        /// What it is: `the file https://…`.
        what: String,
        /// Why.
        cause: String,
    },
    /// A root in another repository can't be built.
    #[error("{position}: in {root}: {cause}")]
    InRemote {
        /// File and line that name the root.
        position: Position,
        /// The root.
        root: String,
        /// What is wrong with it; paths are those of its repository.
        cause: Box<BuildError>,
    },
    /// A URL that names no repository.
    #[error("{position}: resource {resource:?}: {cause}")]
    BadUrl {
        /// File and line.
        position: Position,
        /// The resource as written.
        resource: Text,
        /// What is wrong with it.
        cause: crate::RemoteError,
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
    #[error("kustomization roots form a cycle: {}", roots.join(" → "))]
    Cycle {
        /// The roots in order, the first one again at the end.
        roots: Vec<String>,
    },
    /// A resource is no object that the API takes.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// The tree did not answer, a link is in the way, or a limit is exceeded.
    #[error("{0}")]
    Tree(#[from] TreeError),
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest
        .map(|name| format!(", did you mean {name:?}?"))
        .unwrap_or_default()
}

fn needs_text(needs: &[crate::AskedNeed]) -> String {
    let lines = needs.iter().map(|asked| {
        let (position, need) = (&asked.position, &asked.need);
        format!("{position}: {need} lies outside of the source and has not been fetched")
    });
    lines.collect::<Vec<_>>().join("\n")
}
