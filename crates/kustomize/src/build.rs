//! What the rest of the house calls.

use crate::accumulate::Builder;
use crate::file::EmptyFile;
use crate::files::{Files, file_position};
use crate::growth::check_built;
use crate::id::ResourceId;
use crate::kustomization::{KustomizationFile, Located};
use crate::origin::ORIGINS;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::{Additions, Answers, BuildError, FILE_NAMES, Inputs, Limits, LoadRestrictor, Order};
use std::collections::HashSet;
use trueup_artifact::{FileTree, TreePath};
use trueup_object::{GroupVersionKind, Manifest, ObjectRef, Position};

/// How a root is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Which files a root may read.
    pub load_restrictor: LoadRestrictor,
    /// The order where the root asks for none.
    pub order: Order,
    /// Whether every object is labelled with what manages it, as
    /// `buildMetadata: [managedByLabel]` asks for.
    pub managed_by_label: bool,
    /// How much may be read.
    pub limits: Limits,
}

/// What a build made.
#[derive(Clone, Debug, Default)]
pub struct Build {
    resources: Resources,
}

impl Build {
    /// The objects in order, each checked to be one that the API takes.
    pub fn manifests(&self) -> Result<Vec<Manifest>, BuildError> {
        self.objects().map(|object| object.manifest()).collect()
    }

    /// The objects in order.
    pub fn objects(&self) -> impl Iterator<Item = BuiltObject<'_>> {
        let all = self.resources.iter();
        all.map(|resource| BuiltObject { resource })
    }

    /// The text that `kustomize build` prints.
    pub fn to_yaml(&self) -> Result<String, BuildError> {
        let mut text = String::new();
        for resource in self.resources.iter() {
            if !text.is_empty() {
                text.push_str("---\n");
            }
            print_behind(&mut text, resource)?;
        }
        Ok(text)
    }

    /// A name and a text for each object, as `kustomize build -o FOLDER`
    /// writes them: group, version, kind and name, before them the namespace
    /// where there are several.
    pub fn to_files(&self) -> Result<Vec<(String, String)>, BuildError> {
        let namespaced = |id: &ResourceId| !id.gvk.is_cluster_scoped();
        let ids: Vec<ResourceId> = self.resources.iter().map(Resource::id).collect();
        let namespaces: HashSet<&str> = ids
            .iter()
            .filter(|id| namespaced(id))
            .map(ResourceId::effective_namespace)
            .collect();
        let all = self.resources.iter().zip(&ids);
        all.map(|(resource, id)| {
            let name = match namespaced(id) && namespaces.len() > 1 {
                true => format!("{}_{}", id.effective_namespace(), file_name(id)),
                false => file_name(id),
            };
            let mut text = String::new();
            print_behind(&mut text, resource)?;
            Ok((name.to_lowercase(), text))
        })
        .collect()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One object of a build.
#[derive(Clone, Copy, Debug)]
pub struct BuiltObject<'b> {
    resource: &'b Resource,
}

impl BuiltObject<'_> {
    /// Where it was read, or is asked for.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.resource.position
    }

    /// Its kind, namespace and name, as they stand.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        let id = self.resource.id();
        ObjectRef {
            kind: GroupVersionKind::new(&id.gvk.api_version(), &id.gvk.kind),
            namespace: id.namespace,
            name: id.name,
        }
    }

    /// The text of a label; `None` where there is none, or no text.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.resource.metadata_text("labels", key)
    }

    /// The text of an annotation; `None` where there is none, or no text.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.resource.metadata_text("annotations", key)
    }

    /// The object, checked to be one that the API takes.
    pub fn manifest(&self) -> Result<Manifest, BuildError> {
        let resource = self.resource;
        let value = resource
            .node
            .value()
            .map_err(|error| BuildError::Transformer {
                position: resource.position.clone(),
                message: format!("{}: {error}", resource.id()),
            })?;
        Ok(Manifest::new(value, resource.position.clone())?)
    }

    /// The text that `kustomize build` prints of it.
    pub fn to_yaml(&self) -> Result<String, BuildError> {
        let mut text = String::new();
        print_behind(&mut text, self.resource)?;
        Ok(text)
    }
}

fn print_behind(text: &mut String, resource: &Resource) -> Result<(), BuildError> {
    resource
        .node
        .print_behind(text)
        .map_err(|error| BuildError::Transformer {
            position: resource.position.clone(),
            message: format!("{}: {error}", resource.id()),
        })
}

fn file_name(id: &ResourceId) -> String {
    let parts = [&id.gvk.group, &id.gvk.version, &id.gvk.kind, &id.name];
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.as_str())
        .filter(|part| !part.is_empty())
        .collect();
    // A slash can't be part of a file's name.
    format!("{}.yaml", parts.join("_").replace('/', "_"))
}

/// What is built.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// The root in a folder.
    Folder(&'a TreePath),
    /// A root that exists only in thought.
    Resources {
        /// The folder that it would be in.
        folder: &'a TreePath,
        /// The files and folders that it would name, each folder a root.
        resources: &'a [TreePath],
    },
}

/// What came of a build, and what that depends on.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The build; [`BuildError::NeedsInput`] where answers are lacking.
    pub result: Result<Build, BuildError>,
    /// Everything that was looked at, also where the build failed.
    pub inputs: Inputs,
}

/// Builds a root with the answers to what an earlier call asked for.
/// With `additions` it is built as Flux does: what they say is added to the
/// root's file, which may be one that says nothing; one that names no
/// resources asks for origins.
#[must_use]
pub fn build_tracked(
    tree: &dyn FileTree,
    root: Root<'_>,
    additions: Option<&Additions>,
    options: &BuildOptions,
    answers: &Answers,
) -> Outcome {
    let files = Files::new(tree, &options.limits, options.load_restrictor, answers);
    let source = files.tree().clone();
    let mut builder = Builder::new(files, options);
    let result = build_root(&mut builder, root, additions).and_then(|resources| {
        check_built(&resources, &options.limits)?;
        Ok(resources)
    });
    Outcome {
        result: result.map(|resources| Build { resources }),
        inputs: Inputs {
            source: source.inputs(),
            fetched: builder.files.outside.inputs(),
        },
    }
}

fn build_root(
    builder: &mut Builder<'_>,
    root: Root<'_>,
    additions: Option<&Additions>,
) -> Result<Resources, BuildError> {
    let empty = match additions {
        Some(_) => EmptyFile::Allowed,
        None => EmptyFile::Refused,
    };
    let (folder, mut file) = match root {
        Root::Folder(folder) => {
            let mut file = builder.read_file_or_empty(folder, empty)?;
            if additions.is_some() && file.bases_from == 0 {
                file.build_metadata = vec![ORIGINS.into()];
            }
            (folder, file)
        }
        Root::Resources { folder, resources } => (folder, made_up(folder, resources)),
    };
    if let Some(additions) = additions {
        additions.apply(&mut file, &builder.files, folder)?;
    }
    builder.outermost(folder, &file)
}

/// The kustomization file that would name these resources.
fn made_up(folder: &TreePath, resources: &[TreePath]) -> KustomizationFile {
    let position = file_position(folder);
    let up = "../".repeat(folder.segments().count());
    let located = resources.iter().map(|path| Located {
        value: format!("{up}{path}").into(),
        position: position.clone(),
    });
    KustomizationFile {
        position: made_up_position(folder),
        resources: located.collect(),
        ..KustomizationFile::default()
    }
}

/// Builds the root in a folder of a tree that needs nothing from elsewhere;
/// what it needs nevertheless is [`BuildError::NeedsInput`].
pub fn build(
    tree: &dyn FileTree,
    folder: &TreePath,
    additions: Option<&Additions>,
    options: &BuildOptions,
) -> Result<Build, BuildError> {
    let root = Root::Folder(folder);
    build_tracked(tree, root, additions, options, Answers::none()).result
}

/// Where the file would stand that Flux makes for a folder without one.
fn made_up_position(folder: &TreePath) -> Position {
    let path = folder.child(FILE_NAMES[0]);
    file_position(path.as_ref().unwrap_or(folder))
}
