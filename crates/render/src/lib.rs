//! An artifact and a specification rendered into manifests.
//!
//! Floor 5, pure. What a render read, listed, or looked for and missed is
//! part of its result, so that [`inputs_unchanged`] can tell without reading
//! a file that a new revision makes the same. What lies outside of the
//! artifact it asks for: [`RenderError::needs`].

mod error;
mod finish;
mod request;
mod scan;
#[cfg(test)]
mod tests;

use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_kustomize::{
    Build, BuildOptions, LoadRestrictor, Root, TrackedTree, build_tracked, find_file,
};
use trueup_object::names::dns_label_errors;
use trueup_object::{Manifest, Position};

pub use error::RenderError;
pub use finish::digest;
pub use request::RenderRequest;
pub use trueup_kustomize::{
    Answer, Answers, AskedNeed, BuildError, Input, Inputs, Limits, Need, RemoteRepository,
    inputs_unchanged,
};

/// Something worth saying that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub position: Position,
    /// What.
    pub message: String,
}

/// What a render made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// The objects, owner labels on, in the order in which they were named.
    pub manifests: Vec<Manifest>,
    /// What the render depends on.
    pub inputs: Inputs,
    /// What is worth saying.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a render depends on, also where it failed: the same inputs make the
/// same result, so a failed build is not repeated before one of them changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the render made.
    pub result: Result<Rendered, RenderError>,
    /// What the result depends on.
    pub inputs: Inputs,
}

/// Renders a folder of a tree as Flux does: a root if it has a kustomization
/// file, else all manifests below it, folders with a kustomization file as
/// roots of their own.
pub fn render(tree: &dyn FileTree, request: &RenderRequest) -> Result<Rendered, RenderError> {
    render_tracked(tree, request, Answers::none()).result
}

/// As [`render`], with the inputs also where it fails, and with answers to
/// what an earlier call asked for.
#[must_use]
pub fn render_tracked(tree: &dyn FileTree, request: &RenderRequest, answers: &Answers) -> Outcome {
    let tracked = TrackedTree::new(tree);
    let mut engine = Engine {
        tree,
        answers,
        built: Inputs::default(),
    };
    let result = render_in(&tracked, &mut engine, request);
    let inputs = engine.built.with_source(tracked.inputs());
    let result = result.map(|rendered| Rendered {
        inputs: inputs.clone(),
        ..rendered
    });
    Outcome { result, inputs }
}

/// Builds, and keeps what the build looked at.
struct Engine<'a> {
    tree: &'a dyn FileTree,
    answers: &'a Answers,
    built: Inputs,
}

impl Engine<'_> {
    fn build(
        &mut self,
        root: Root<'_>,
        namespace: Option<&str>,
        options: &BuildOptions,
    ) -> Result<Build, RenderError> {
        let outcome = build_tracked(self.tree, root, namespace, options, self.answers);
        self.built = outcome.inputs;
        Ok(outcome.result?)
    }
}

fn render_in(
    tree: &dyn FileTree,
    engine: &mut Engine<'_>,
    request: &RenderRequest,
) -> Result<Rendered, RenderError> {
    let folder = TreePath::parse(&request.path)?;
    match tree.entry(&folder)? {
        Some(Entry::Directory { .. }) => {}
        Some(Entry::Symlink { target }) => {
            return Err(TreeError::Symlink {
                path: folder,
                target,
            }
            .into());
        }
        Some(Entry::File { .. }) => return Err(RenderError::PathNotAFolder { path: folder }),
        None => return Err(RenderError::PathNotFound { path: folder }),
    }
    check_namespace(request)?;
    let mut diagnostics = Vec::new();
    let build = build_folder(tree, engine, &folder, request, &mut diagnostics)?;
    let manifests = finish::finish(build.manifests()?, request)?;
    Ok(Rendered {
        manifests,
        inputs: Inputs::default(),
        diagnostics,
    })
}

fn check_namespace(request: &RenderRequest) -> Result<(), RenderError> {
    let Some(namespace) = &request.target_namespace else {
        return Ok(());
    };
    match dns_label_errors(namespace).into_iter().next() {
        None => Ok(()),
        Some(cause) => Err(RenderError::BadNamespace {
            namespace: namespace.clone(),
            cause,
        }),
    }
}

fn build_folder(
    tree: &dyn FileTree,
    engine: &mut Engine<'_>,
    folder: &TreePath,
    request: &RenderRequest,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Build, RenderError> {
    let namespace = request.target_namespace.as_deref();
    // As Flux: every file of the source may be read, the order is the written one.
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        limits: request.limits,
        ..BuildOptions::default()
    };
    if find_file(tree, folder)?.is_some() {
        return engine.build(Root::Folder(folder), namespace, &options);
    }
    let resources = &scan::scan(tree, folder, diagnostics)?;
    engine.build(Root::Resources { folder, resources }, namespace, &options)
}
