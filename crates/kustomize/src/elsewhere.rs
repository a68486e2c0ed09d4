//! Roots and files that lie outside of the tree, as steps of a build.

use crate::accumulate::{Accumulator, Builder, Visited};
use crate::kustomization::{FileKind, KustomizationFile, Located};
use crate::remote::shown_url;
use crate::{BuildError, LoadRestrictor, RemoteError, RemoteRoot, charts, origin};
use trueup_artifact::{Entry, TreePath};
use trueup_object::{Position, Text};

/// How a root was named.
pub(crate) struct Named<'a> {
    pub position: &'a Position,
    /// The name if it is a URL.
    pub url: Option<&'a Text>,
}

impl<'a> Named<'a> {
    pub fn by_path(written: &'a Located<Text>) -> Self {
        Self {
            position: &written.position,
            url: None,
        }
    }
}

impl Visited {
    /// The root as messages name it.
    pub fn name(&self) -> String {
        match &self.repository {
            None => self.folder.to_string(),
            Some(repository) => repository.file_name(self.folder.as_str()),
        }
    }
}

/// Whether a build stopped only for lack of answers.
pub(crate) fn is_waiting(error: &BuildError) -> bool {
    matches!(error, BuildError::NeedsInput { .. })
}

pub(crate) fn bad_url(resource: &Located<Text>, cause: RemoteError) -> BuildError {
    BuildError::BadUrl {
        position: resource.position.clone(),
        resource: shown_url(&resource.value).into(),
        cause,
    }
}

impl Builder<'_> {
    /// Asks for everything that a kustomization file takes from elsewhere
    /// beside resources and components, before any of it is used.
    pub fn foresee(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
    ) -> Result<(), BuildError> {
        for (written, position) in files_named(file) {
            self.files.outside.foresee(written, position)?;
        }
        for chart in &file.charts {
            let need = charts::need(&self.files, folder, &chart.value);
            self.files.outside.foresee_need(need, &chart.position)?;
        }
        Ok(())
    }

    /// Looks what components need while resources are waited for. Whatever
    /// else is wrong with them is found when they are built.
    pub fn look_ahead(&mut self, folder: &TreePath, components: &[Located<Text>]) {
        for component in components {
            let looked = self.component(folder, component, Accumulator::default());
            drop(looked);
        }
    }

    /// Builds a root in another repository.
    pub fn remote_root(
        &mut self,
        root: &RemoteRoot,
        wanted: FileKind,
        written: &Located<Text>,
        parent: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        self.refuse_cycle(root, &written.value)?;
        let tree = self
            .files
            .outside
            .tree(&root.repository, &written.position)?;
        let before_tree = std::mem::replace(&mut self.files.tree, tree);
        // As in kustomize: what was cloned reads nothing outside of its root.
        let restrictor = LoadRestrictor::RootOnly;
        let before_restrictor = std::mem::replace(&mut self.files.restrictor, restrictor);
        let repository = Some(root.repository.clone());
        let before = std::mem::replace(&mut self.files.outside.repository, repository);
        let made = self.in_repository(root, wanted, written, parent);
        self.files.tree = before_tree;
        self.files.restrictor = before_restrictor;
        self.files.outside.repository = before;
        made.map_err(|error| match is_waiting(&error) {
            true => error,
            false => BuildError::InRemote {
                position: written.position.clone(),
                root: root.repository.file_name(root.path.as_str()),
                cause: Box::new(error),
            },
        })
    }

    fn in_repository(
        &mut self,
        root: &RemoteRoot,
        wanted: FileKind,
        written: &Located<Text>,
        parent: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        let named = Named {
            position: &written.position,
            url: Some(&written.value),
        };
        let (folder, entry) = self.files.follow(root.path.clone(), &written.position)?;
        match entry {
            Some(Entry::Directory { .. }) => {}
            Some(_) => {
                return Err(BuildError::NoFolder {
                    position: written.position.clone(),
                    path: folder,
                });
            }
            None => {
                return Err(BuildError::Missing {
                    position: written.position.clone(),
                    resource: shown_url(&written.value).into(),
                    path: folder,
                });
            }
        }
        self.root(&folder, wanted, &named, parent)
    }

    /// As in kustomize: a URL that one of the roots above was named by, or
    /// begins with, leads back.
    fn refuse_cycle(&self, root: &RemoteRoot, url: &Text) -> Result<(), BuildError> {
        let leads_back = |root: &&Visited| {
            let above = root.url.as_ref();
            above.is_some_and(|above| above.starts_with(url.as_str()))
        };
        match self.roots.iter().rev().find(leads_back) {
            None => Ok(()),
            Some(above) => Err(BuildError::Cycle {
                roots: vec![above.name(), root.repository.file_name(root.path.as_str())],
            }),
        }
    }

    /// Reads a URL of the web: a file of objects, or if it is none a root in a
    /// repository.
    pub fn remote_file(
        &mut self,
        resource: &Located<Text>,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let refused = match self.file(&TreePath::root(), resource) {
            Ok(mut more) => {
                if self.tracks_origins() {
                    origin::mark_fetched(&mut more, &resource.value, &self.origin_base());
                }
                return gathered.resources.append(more);
            }
            Err(error) if is_waiting(&error) => return Err(error),
            Err(error) => error,
        };
        let Ok(root) = RemoteRoot::parse(&resource.value) else {
            return Err(refused);
        };
        let empty = Accumulator::default();
        match self.remote_root(&root, FileKind::Kustomization, resource, empty) {
            Ok(below) => gathered.take(below, &resource.position),
            Err(error) if is_waiting(&error) => Err(error),
            Err(error) => Err(both(refused, error)),
        }
    }
}

/// Why a URL is neither a file nor a root. One that is a file, if a malformed
/// one, was hardly meant as a root.
fn both(as_file: BuildError, as_root: BuildError) -> BuildError {
    match (&as_file, as_root) {
        (
            BuildError::Outside { cause: file, .. },
            BuildError::Outside {
                position,
                what,
                cause,
            },
        ) => BuildError::Outside {
            position,
            what,
            cause: format!("{cause}; read as a file: {file}"),
        },
        (_, BuildError::Outside { .. }) => as_file,
        (_, as_root) => as_root,
    }
}

/// The files that a kustomization file names by a path of their own.
fn files_named(file: &KustomizationFile) -> Vec<(&str, &Position)> {
    let mut named = Vec::new();
    let lists = [
        &file.configurations,
        &file.crds,
        &file.generators,
        &file.transformers,
        &file.validators,
        &file.patches_strategic_merge,
    ];
    for written in lists.into_iter().flatten() {
        named.push((written.value.as_str(), &written.position));
    }
    for patch in file.patches.iter().chain(&file.patches_json_6902) {
        named.push((patch.path.as_str(), &patch.position));
    }
    for rule in &file.replacements {
        if let crate::kustomization::ReplacementRule::File(written) = rule {
            named.push((written.value.as_str(), &written.position));
        }
    }
    for rule in file
        .config_map_generator
        .iter()
        .chain(&file.secret_generator)
    {
        let files = rule
            .files
            .iter()
            .map(|source| match source.split_once('=') {
                Some((_, path)) => path,
                None => source.as_str(),
            });
        let all = files.chain(rule.envs.iter().map(Text::as_str));
        named.extend(all.map(|written| (written, &rule.position)));
    }
    let schemas = file.openapi.iter().filter(|(key, _)| key == "path");
    named.extend(schemas.map(|(_, path)| (path.as_str(), &file.position)));
    named
}
