//! The steps of a build in their order.

use crate::configuration::{self, Configuration, RootConfiguration};
use crate::files::{Files, within};
use crate::kustomization::{FileKind, KustomizationFile, Located, Var};
use crate::openapi::OpenApi;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::steps::transform_all;
use crate::{BuildError, BuildOptions, MAX_ROOT_DEPTH, find_file};
use crate::{file, generate, hash, order, origin, plugins, references, vars};
use trueup_artifact::{Entry, TreePath};
use trueup_object::{Position, Text};

/// What has been gathered so far.
#[derive(Default)]
pub(crate) struct Accumulator {
    pub resources: Resources,
    pub configuration: RootConfiguration,
    pub vars: Vec<Var>,
}

impl Accumulator {
    /// Takes what a root below has gathered.
    fn take(&mut self, below: Accumulator, position: &Position) -> Result<(), BuildError> {
        self.resources.append(below.resources.into_vec())?;
        configuration::merge(&mut self.configuration, below.configuration, position)?;
        vars::add(&mut self.vars, below.vars)
    }
}

/// One build while it runs.
pub(crate) struct Builder<'a> {
    pub files: Files<'a>,
    pub options: &'a BuildOptions,
    /// The schemas that tell how lists are merged; `openapi` fields change
    /// them for all that follows.
    pub openapi: OpenApi,
    /// What `buildMetadata` of the outermost root asks for.
    pub metadata: Vec<Text>,
    /// The roots that are being built, the outermost first.
    roots: Vec<TreePath>,
    objects: usize,
}

impl<'a> Builder<'a> {
    pub fn new(files: Files<'a>, options: &'a BuildOptions) -> Self {
        Self {
            files,
            options,
            openapi: OpenApi::builtin(),
            metadata: Vec::new(),
            roots: Vec::new(),
            objects: 0,
        }
    }

    /// Builds the outermost root.
    pub fn outermost(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
    ) -> Result<Resources, BuildError> {
        self.metadata.clone_from(&file.build_metadata);
        self.enter(folder)?;
        self.openapi = self.openapi_of(folder, file)?;
        let done = self.target(folder, file, Accumulator::default())?;
        self.finish(file, done)
    }

    /// The kustomization file of a folder.
    pub fn read_file(&mut self, folder: &TreePath) -> Result<KustomizationFile, BuildError> {
        let path = find_file(self.files.tree(), folder)?.ok_or_else(|| BuildError::NoFile {
            folder: folder.clone(),
        })?;
        let size_bytes = match self.files.tree().entry(&path)? {
            Some(Entry::File { size_bytes, .. }) => size_bytes,
            _ => 0,
        };
        let bytes = self.files.read_at(&path, size_bytes)?;
        file::read(&path, &bytes, self.files.limits())
    }

    /// Builds a root that another one names.
    fn root(
        &mut self,
        folder: &TreePath,
        wanted: FileKind,
        position: &Position,
        parent: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        self.enter(folder)?;
        let file = self.read_file(folder)?;
        if file.kind != wanted {
            return Err(BuildError::WrongKind {
                position: position.clone(),
                folder: folder.clone(),
                found: file.kind.name(),
                expected: wanted.name(),
            });
        }
        self.openapi = self.openapi_of(folder, &file)?;
        let done = self.target(folder, &file, parent)?;
        self.roots.pop();
        Ok(done)
    }

    fn enter(&mut self, folder: &TreePath) -> Result<(), BuildError> {
        if let Some(index) = self.roots.iter().position(|root| root == folder) {
            let mut roots = self.roots.split_off(index);
            roots.push(folder.clone());
            return Err(BuildError::Cycle { roots });
        }
        self.roots.push(folder.clone());
        within(
            folder,
            "depth of kustomization roots",
            self.roots.len() as u64,
            MAX_ROOT_DEPTH as u64,
        )
    }

    fn openapi_of(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
    ) -> Result<OpenApi, BuildError> {
        OpenApi::of(&mut self.files, folder, file, &self.openapi)
    }

    /// Everything that a root says, in kustomize's order.
    fn target(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
        mut gathered: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        self.resources(folder, &file.resources, &mut gathered)?;
        self.configure(folder, file, &mut gathered.configuration)?;
        self.generate(folder, file, &mut gathered)?;
        for component in &file.components {
            gathered = self.component(folder, component, gathered)?;
        }
        transform_all(self, folder, file, &mut gathered)?;
        plugins::validate(self, folder, &file.validators, &mut gathered)?;
        vars::declare(&mut gathered.vars, &mut gathered.resources, &file.vars)?;
        Ok(gathered)
    }

    fn configure(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
        known: &mut RootConfiguration,
    ) -> Result<(), BuildError> {
        let own = Configuration::of(&mut self.files, folder, &file.configurations)?;
        configuration::merge(known, own, &file.position)?;
        let crds = Configuration::of_crds(&mut self.files, folder, &file.crds)?;
        configuration::merge(known, crds, &file.position)
    }

    fn generate(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        if let Some(position) = &file.helm_charts {
            return Err(BuildError::Helm {
                position: position.clone(),
            });
        }
        let options = file.generator_options.as_ref();
        for rule in &file.config_map_generator {
            let made = generate::config_map(&mut self.files, folder, rule, options)?;
            self.absorb(gathered, vec![made], "ConfigMapGenerator", file)?;
        }
        for rule in &file.secret_generator {
            let made = generate::secret(&mut self.files, folder, rule, options)?;
            self.absorb(gathered, vec![made], "SecretGenerator", file)?;
        }
        let made = plugins::generate(self, folder, &file.generators)?;
        gathered.resources.absorb(made)
    }

    fn absorb(
        &self,
        gathered: &mut Accumulator,
        mut made: Vec<Resource>,
        generator: &'static str,
        file: &KustomizationFile,
    ) -> Result<(), BuildError> {
        if self.tracks_origins() {
            let origin = origin::of_field(generator, &file.position, &self.outermost_root());
            origin::mark(&mut made, &origin);
        }
        gathered.resources.absorb(made)
    }

    /// The folder of the outermost root.
    pub fn outermost_root(&self) -> TreePath {
        self.roots.first().cloned().unwrap_or_else(TreePath::root)
    }

    /// Whether `buildMetadata` asks where things came from.
    pub fn tracks_origins(&self) -> bool {
        !self.metadata.is_empty()
    }

    fn component(
        &mut self,
        folder: &TreePath,
        written: &Located<Text>,
        gathered: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        let (path, entry) = self.files.find(folder, &written.value, &written.position)?;
        match entry {
            Some(Entry::Directory { .. }) => {
                self.root(&path, FileKind::Component, &written.position, gathered)
            }
            _ => Err(BuildError::NoFolder {
                position: written.position.clone(),
                path,
            }),
        }
    }

    /// Reads what a root names: files of objects, and folders that are roots.
    pub fn resources(
        &mut self,
        folder: &TreePath,
        written: &[Located<Text>],
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        for resource in written {
            let (path, entry) = self.locate(folder, resource)?;
            match entry {
                Entry::Directory { .. } => {
                    let position = &resource.position;
                    let empty = Accumulator::default();
                    let below = self.root(&path, FileKind::Kustomization, position, empty)?;
                    gathered.take(below, position)?;
                }
                _ => {
                    let mut more = self.file(folder, resource, &path)?;
                    if self.tracks_origins() {
                        origin::mark_read(&mut more, &path, &self.outermost_root());
                    }
                    gathered.resources.append(more)?;
                }
            }
        }
        Ok(())
    }

    fn locate(
        &self,
        folder: &TreePath,
        resource: &Located<Text>,
    ) -> Result<(TreePath, Entry), BuildError> {
        let remote = || BuildError::Remote {
            position: resource.position.clone(),
            resource: resource.value.clone(),
        };
        match self.files.find(folder, &resource.value, &resource.position) {
            Ok((path, Some(entry))) => Ok((path, entry)),
            Ok((_, None)) | Err(_) if file::is_remote(&resource.value) => Err(remote()),
            Ok((path, None)) => Err(BuildError::Missing {
                position: resource.position.clone(),
                resource: resource.value.clone(),
                path,
            }),
            Err(error) => Err(error),
        }
    }

    fn file(
        &mut self,
        folder: &TreePath,
        resource: &Located<Text>,
        path: &TreePath,
    ) -> Result<Vec<Resource>, BuildError> {
        let (_, text) = self
            .files
            .read_text(folder, &resource.value, &resource.position)?;
        let resources = crate::read::resources(path, &text, self.files.limits())?;
        self.objects += resources.len();
        let limit = self.files.limits().max_objects as u64;
        within(path, "number of objects", self.objects as u64, limit)?;
        Ok(resources)
    }

    /// What happens once, when all roots are gathered.
    fn finish(
        &self,
        file: &KustomizationFile,
        gathered: Accumulator,
    ) -> Result<Resources, BuildError> {
        let Accumulator {
            mut resources,
            configuration,
            vars,
        } = gathered;
        hash::add_suffixes(&mut resources)?;
        references::follow(&mut resources, &configuration.name_reference)?;
        vars::resolve(&mut resources, &vars, &configuration.var_reference)?;
        order::drop_local(&mut resources);
        order::sort(
            &mut resources,
            file.sort_options.as_ref(),
            &file.position,
            self.options.order,
        )?;
        origin::write(
            &mut resources,
            &self.metadata,
            self.options.managed_by_label,
        );
        Ok(resources)
    }
}
