//! An artifact and a specification rendered into manifests.
//!
//! Floor 5, pure. What a render read, listed, or looked for and missed is
//! part of its result, so that [`inputs_unchanged`] can tell without reading
//! a file that a new revision makes the same. What lies outside of the
//! artifact it asks for: [`RenderError::needs`].

mod encrypted;
mod error;
mod finish;
mod request;
mod scan;
mod substitute;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_kustomize::{
    Additions, Build, BuildOptions, LoadRestrictor, Root, TrackedTree, build_tracked, find_file,
};
use trueup_object::{Manifest, ObjectRef, Position};

pub use encrypted::{ENCRYPTED_MASK, Encrypted};
pub use error::RenderError;
pub use finish::digest;
pub use request::RenderRequest;
pub use substitute::{
    MAX_EXPANSION_STEPS, MAX_NESTED_EXPANSIONS, MAX_SUBSTITUTED_BYTES, MAX_VARIABLE_BYTES,
    MAX_VARIABLES, ReferenceError, ReferencedVariables, Strategy, Strictness, SubstituteError,
    Substituted, Substitution, SyntaxError, Variable, VariableError, VariableSource, Variables,
    substitute,
};
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
    /// What values of Secrets became in the objects: texts that must not be
    /// shown.
    pub secrets: BTreeSet<Vec<u8>>,
    /// The objects that these are in.
    pub tainted: BTreeSet<ObjectRef>,
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
        additions: &Additions,
        options: &BuildOptions,
    ) -> Result<Build, RenderError> {
        let outcome = build_tracked(self.tree, root, Some(additions), options, self.answers);
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
    request.check()?;
    let mut diagnostics = Vec::new();
    let build = build_folder(tree, engine, &folder, request, &mut diagnostics)?;
    let mut rendered = Rendered {
        diagnostics,
        ..Rendered::default()
    };
    let manifests = match request.substitution.as_ref().filter(|it| it.takes_place()) {
        None => build.manifests()?,
        Some(substitution) => build
            .objects()
            .map(|object| substitute::substituted(&object, substitution, &mut rendered))
            .collect::<Result<_, _>>()?,
    };
    rendered.manifests = finish::finish(manifests, request)?;
    Ok(rendered)
}

fn build_folder(
    tree: &dyn FileTree,
    engine: &mut Engine<'_>,
    folder: &TreePath,
    request: &RenderRequest,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Build, RenderError> {
    let additions = &request.additions;
    // As Flux: every file of the source may be read, the order is the written one.
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        limits: request.limits,
        ..BuildOptions::default()
    };
    if find_file(tree, folder)?.is_some() {
        return engine.build(Root::Folder(folder), additions, &options);
    }
    let resources = &scan::scan(tree, folder, diagnostics)?;
    engine.build(Root::Resources { folder, resources }, additions, &options)
}
