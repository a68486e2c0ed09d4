//! The steps of a build in their order.

use crate::configuration::{self, Configuration, RootConfiguration};
use crate::elsewhere::{Named, bad_url, is_waiting};
use crate::file::EmptyFile;
use crate::files::{FileName, Files, bounded, within};
use crate::kustomization::{FileKind, KustomizationFile, Located, Var};
use crate::openapi::OpenApi;
use crate::origin::Base;
use crate::remote::is_remote_file;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::steps::transform_all;
use crate::{BuildError, BuildOptions, MAX_ROOT_DEPTH, RemoteRepository, RemoteRoot, find_file};
use crate::{charts, file, generate, hash, order, origin, plugins, references, vars};
use trueup_artifact::{Entry, FileTree, TreePath};
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
    pub fn take(&mut self, below: Accumulator, position: &Position) -> Result<(), BuildError> {
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
    pub(crate) roots: Vec<Visited>,
    objects: usize,
}

/// A root that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visited {
    /// The repository elsewhere that it is in.
    pub repository: Option<RemoteRepository>,
    pub folder: TreePath,
    /// The URL by which it was named.
    pub url: Option<Text>,
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
        self.enter(folder, None)?;
        let done = self.target(folder, file, Accumulator::default())?;
        self.finish(file, done)
    }

    /// The kustomization file of a folder.
    pub fn read_file(&mut self, folder: &TreePath) -> Result<KustomizationFile, BuildError> {
        self.read_file_or_empty(folder, EmptyFile::Refused)
    }

    /// The kustomization file of a folder, which may say nothing.
    pub fn read_file_or_empty(
        &mut self,
        folder: &TreePath,
        empty: EmptyFile,
    ) -> Result<KustomizationFile, BuildError> {
        let path = find_file(self.files.tree(), folder)?.ok_or_else(|| BuildError::NoFile {
            folder: folder.clone(),
        })?;
        let size_bytes = match self.files.tree().entry(&path)? {
            Some(Entry::File { size_bytes, .. }) => size_bytes,
            _ => 0,
        };
        let bytes = self.files.read_at(&path, size_bytes)?;
        file::read(&path, &bytes, self.files.limits(), empty)
    }

    /// Builds a root that another one names; `url` is its name if that is one.
    pub fn root(
        &mut self,
        folder: &TreePath,
        wanted: FileKind,
        named: &Named<'_>,
        parent: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        let depth = self.roots.len();
        self.enter(folder, named.url)?;
        let made = self.entered(folder, wanted, named.position, parent);
        self.roots.truncate(depth);
        made
    }

    fn entered(
        &mut self,
        folder: &TreePath,
        wanted: FileKind,
        position: &Position,
        parent: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        let file = self.read_file(folder)?;
        if file.kind != wanted {
            return Err(BuildError::WrongKind {
                position: position.clone(),
                folder: folder.clone(),
                found: file.kind.name(),
                expected: wanted.name(),
            });
        }
        self.target(folder, &file, parent)
    }

    fn enter(&mut self, folder: &TreePath, url: Option<&Text>) -> Result<(), BuildError> {
        let visited = Visited {
            repository: self.files.outside.repository.clone(),
            folder: folder.clone(),
            url: url.cloned(),
        };
        let same =
            |root: &Visited| root.folder == visited.folder && root.repository == visited.repository;
        if let Some(index) = self.roots.iter().position(same) {
            let roots = self.roots[index..].iter().chain([&visited]);
            return Err(BuildError::Cycle {
                roots: roots.map(Visited::name).collect(),
            });
        }
        self.roots.push(visited);
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
        self.foresee(folder, file)?;
        self.openapi = self.openapi_of(folder, file)?;
        let named = self.resources(folder, &file.resources, &mut gathered);
        if named.as_ref().is_err_and(is_waiting) {
            self.look_ahead(folder, &file.components);
            return Err(self.files.outside.needs());
        }
        named?;
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
        let options = file.generator_options.as_ref();
        for rule in &file.config_map_generator {
            let made = generate::config_map(&mut self.files, folder, rule, options)?;
            self.absorb(gathered, vec![made], "ConfigMapGenerator", file)?;
        }
        for rule in &file.secret_generator {
            let made = generate::secret(&mut self.files, folder, rule, options)?;
            self.absorb(gathered, vec![made], "SecretGenerator", file)?;
        }
        for chart in &file.charts {
            let made = charts::inflate(&mut self.files, folder, &chart.value, &chart.position)?;
            self.absorb(gathered, made, "HelmChartInflationGenerator", file)?;
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
            let origin = origin::of_field(generator, &file.position, &self.origin_base());
            origin::mark(&mut made, &origin);
        }
        self.files.outside.name_objects(&mut made);
        gathered.resources.absorb(made)
    }

    /// What origins are told from.
    pub fn origin_base(&self) -> Base {
        let repository = self.files.outside.repository.clone();
        let outermost = self.roots.first().map(|root| root.folder.clone());
        Base {
            folder: match repository {
                Some(_) => TreePath::root(),
                None => outermost.unwrap_or_else(TreePath::root),
            },
            repository,
        }
    }

    /// Whether `buildMetadata` asks where things came from.
    pub fn tracks_origins(&self) -> bool {
        !self.metadata.is_empty()
    }

    pub(crate) fn component(
        &mut self,
        folder: &TreePath,
        written: &Located<Text>,
        gathered: Accumulator,
    ) -> Result<Accumulator, BuildError> {
        let kind = FileKind::Component;
        if let Ok(root) = RemoteRoot::parse(&written.value) {
            return self.remote_root(&root, kind, written, gathered);
        }
        let (path, entry) = self.files.find(folder, &written.value, &written.position)?;
        match entry {
            Some(Entry::Directory { .. }) => {
                self.root(&path, kind, &Named::by_path(written), gathered)
            }
            _ => Err(BuildError::NoFolder {
                position: written.position.clone(),
                path,
            }),
        }
    }

    /// Reads what a root names: files of objects, and folders that are roots.
    /// One that has to be fetched first keeps none of the others from being
    /// looked at.
    pub fn resources(
        &mut self,
        folder: &TreePath,
        written: &[Located<Text>],
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let mut is_complete = true;
        for resource in written {
            match self.resource(folder, resource, gathered) {
                Err(error) if is_waiting(&error) => is_complete = false,
                other => other?,
            }
        }
        match is_complete {
            true => Ok(()),
            false => Err(self.files.outside.needs()),
        }
    }

    /// As kustomize: a file of the web or of the tree, else a root in another
    /// repository, else one in this tree.
    fn resource(
        &mut self,
        folder: &TreePath,
        resource: &Located<Text>,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        if is_remote_file(&resource.value) {
            return self.remote_file(resource, gathered);
        }
        let (kind, position) = (FileKind::Kustomization, &resource.position);
        let found = self.files.find(folder, &resource.value, position);
        if let Ok((path, Some(Entry::File { .. }))) = &found {
            return self.local_file(folder, resource, path, gathered);
        }
        let below = match (RemoteRoot::parse(&resource.value), found) {
            (Ok(root), _) => self.remote_root(&root, kind, resource, Accumulator::default())?,
            (Err(_), Ok((path, Some(Entry::Directory { .. })))) => self.root(
                &path,
                kind,
                &Named::by_path(resource),
                Accumulator::default(),
            )?,
            (Err(error), _) if error.is_of_a_url() => return Err(bad_url(resource, error)),
            (Err(_), Ok((path, _))) => {
                return Err(BuildError::Missing {
                    position: position.clone(),
                    resource: resource.value.clone(),
                    path,
                });
            }
            (Err(_), Err(error)) => return Err(error),
        };
        gathered.take(below, position)
    }

    fn local_file(
        &mut self,
        folder: &TreePath,
        resource: &Located<Text>,
        path: &TreePath,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let mut more = self.file(folder, resource)?;
        if self.tracks_origins() {
            origin::mark_read(&mut more, path, &self.origin_base());
        }
        gathered.resources.append(more)
    }

    /// The objects of a file of the tree or of the web.
    pub(crate) fn file(
        &mut self,
        folder: &TreePath,
        resource: &Located<Text>,
    ) -> Result<Vec<Resource>, BuildError> {
        let (name, text) = self
            .files
            .read_text(folder, &resource.value, &resource.position)?;
        let mut resources = crate::read::resources(&name, &text, self.files.limits())?;
        if matches!(name, FileName::Path(_)) {
            self.files.outside.name_objects(&mut resources);
        }
        self.objects += resources.len();
        let limit = self.files.limits().max_objects as u64;
        bounded("number of objects", self.objects as u64, limit)
            .map_err(|excess| excess.of_file(&name, &resource.position))?;
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
        let specs = &configuration.var_reference;
        vars::resolve(&mut resources, &vars, specs, &self.files.growth)?;
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
