//! What the rest of the house calls.

use crate::accumulate::Builder;
use crate::files::{Files, file_position};
use crate::id::ResourceId;
use crate::kustomization::{KustomizationFile, Located};
use crate::resource::Resource;
use crate::resources::Resources;
use crate::{BuildError, Limits, LoadRestrictor, Order};
use std::collections::HashSet;
use trueup_artifact::{FileTree, TreePath};
use trueup_object::Manifest;

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
        let all = self.resources.iter();
        all.map(|resource| {
            let value = resource
                .node
                .value()
                .map_err(|error| BuildError::Transformer {
                    position: resource.position.clone(),
                    message: format!("{}: {error}", resource.id()),
                })?;
            Ok(Manifest::new(value, resource.position.clone())?)
        })
        .collect()
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

/// Builds the root in a folder. `namespace` is set in the place of the
/// root's own, if it is given.
pub fn build(
    tree: &dyn FileTree,
    folder: &TreePath,
    namespace: Option<&str>,
    options: &BuildOptions,
) -> Result<Build, BuildError> {
    let files = Files::new(tree, &options.limits, options.load_restrictor);
    let mut builder = Builder::new(files, options);
    let mut file = builder.read_file(folder)?;
    if let Some(namespace) = namespace {
        file.namespace = namespace.into();
    }
    let resources = builder.outermost(folder, &file)?;
    Ok(Build { resources })
}

/// Builds a root that exists only in thought: `resources` are the files and
/// folders that it would name, each folder a root of its own.
pub fn build_resources(
    tree: &dyn FileTree,
    folder: &TreePath,
    resources: &[TreePath],
    namespace: Option<&str>,
    options: &BuildOptions,
) -> Result<Build, BuildError> {
    let position = file_position(folder);
    let up = "../".repeat(folder.segments().count());
    let file = KustomizationFile {
        position: position.clone(),
        namespace: namespace.unwrap_or_default().into(),
        resources: resources
            .iter()
            .map(|path| Located {
                value: format!("{up}{path}").into(),
                position: position.clone(),
            })
            .collect(),
        ..KustomizationFile::default()
    };
    let files = Files::new(tree, &options.limits, options.load_restrictor);
    let mut builder = Builder::new(files, options);
    let resources = builder.outermost(folder, &file)?;
    Ok(Build { resources })
}
