//! The steps of a build in their order.

use crate::configuration::Configuration;
use crate::field_spec::FieldSpec;
use crate::files::{Files, within};
use crate::kustomization::{FileKind, KustomizationFile, Located, Var};
use crate::openapi::OpenApi;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::{BuildError, BuildOptions, MAX_ROOT_DEPTH, find_file};
use crate::{
    file, generate, hash, order, origin, patch, plugins, references, replace, transform, vars,
};
use trueup_artifact::{Entry, TreePath};
use trueup_object::{Position, Text};

/// What has been gathered so far.
#[derive(Default)]
pub(crate) struct Accumulator {
    pub resources: Resources,
    pub configuration: Configuration,
    pub vars: Vec<Var>,
}

impl Accumulator {
    /// Takes what a root below has gathered.
    fn take(&mut self, below: Accumulator, position: &Position) -> Result<(), BuildError> {
        self.resources.append(below.resources.into_vec())?;
        self.configuration.merge(below.configuration, position)?;
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
        self.transform(folder, file, &mut gathered)?;
        plugins::validate(self, folder, &file.validators, &mut gathered)?;
        vars::declare(&mut gathered.vars, &mut gathered.resources, &file.vars)?;
        Ok(gathered)
    }

    fn configure(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
        configuration: &mut Configuration,
    ) -> Result<(), BuildError> {
        let own = Configuration::of(&mut self.files, folder, &file.configurations)?;
        configuration.merge(own, &file.position)?;
        let crds = Configuration::of_crds(&mut self.files, folder, &file.crds)?;
        configuration.merge(crds, &file.position)
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

    /// The transformers of a root in kustomize's order.
    fn transform(
        &mut self,
        folder: &TreePath,
        file: &KustomizationFile,
        gathered: &mut Accumulator,
    ) -> Result<(), BuildError> {
        let mut step = Step {
            builder: self,
            folder,
            file,
            gathered,
        };
        let once = usize::from;
        let labels = match file.labels.len() {
            0 if file.common_labels.is_empty() => 0,
            rules => rules + 1,
        };
        let steps: [(&'static str, usize, StepFunction<'_, 'a>); 11] = [
            (
                "PatchStrategicMergeTransformer",
                once(!file.patches_strategic_merge.is_empty()),
                Step::strategic_merge,
            ),
            ("PatchTransformer", file.patches.len(), Step::patches),
            (
                "NamespaceTransformer",
                once(!file.namespace.is_empty()),
                Step::namespace,
            ),
            (
                "PrefixTransformer",
                once(!file.name_prefix.is_empty()),
                Step::prefix,
            ),
            (
                "SuffixTransformer",
                once(!file.name_suffix.is_empty()),
                Step::suffix,
            ),
            ("LabelTransformer", labels, Step::labels),
            (
                "AnnotationsTransformer",
                once(!file.common_annotations.is_empty()),
                Step::annotations,
            ),
            (
                "PatchJson6902Transformer",
                file.patches_json_6902.len(),
                Step::json_6902,
            ),
            (
                "ReplicaCountTransformer",
                file.replicas.len(),
                Step::replicas,
            ),
            ("ImageTagTransformer", file.images.len(), Step::images),
            (
                "ReplacementTransformer",
                once(!file.replacements.is_empty()),
                Step::replacements,
            ),
        ];
        for (name, count, function) in steps {
            step.run(name, count, function)?;
        }
        plugins::transform(self, folder, &file.transformers, gathered)
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

/// A transformer as a step.
type StepFunction<'s, 'a> = fn(&mut Step<'s, 'a>) -> Result<(), BuildError>;

/// One transformer step of one root.
struct Step<'s, 'a> {
    builder: &'s mut Builder<'a>,
    folder: &'s TreePath,
    file: &'s KustomizationFile,
    gathered: &'s mut Accumulator,
}

impl<'s, 'a> Step<'s, 'a> {
    /// Runs a step that the file asks for `count` times and, where asked for,
    /// notes it at the resources.
    fn run(
        &mut self,
        name: &'static str,
        count: usize,
        step: StepFunction<'s, 'a>,
    ) -> Result<(), BuildError> {
        if count == 0 {
            return Ok(());
        }
        step(self)?;
        self.gathered.resources.drop_gone();
        if self.builder.tracks_origins() {
            let outermost = self.builder.outermost_root();
            let origin = origin::of_field(name, &self.file.position, &outermost);
            for _ in 0..count {
                origin::mark_transformed(&mut self.gathered.resources, &origin);
            }
        }
        Ok(())
    }

    fn strategic_merge(&mut self) -> Result<(), BuildError> {
        let builder = &mut *self.builder;
        patch::strategic_merge(
            &mut self.gathered.resources,
            &mut builder.files,
            self.folder,
            &self.file.patches_strategic_merge,
            &builder.openapi,
        )
    }

    fn patches(&mut self) -> Result<(), BuildError> {
        self.apply_patches(&self.file.patches)
    }

    fn json_6902(&mut self) -> Result<(), BuildError> {
        let builder = &mut *self.builder;
        patch::json_6902(
            &mut self.gathered.resources,
            &mut builder.files,
            self.folder,
            &self.file.patches_json_6902,
        )
    }

    fn apply_patches(
        &mut self,
        rules: &[crate::kustomization::PatchRule],
    ) -> Result<(), BuildError> {
        let builder = &mut *self.builder;
        patch::patches(
            &mut self.gathered.resources,
            &mut builder.files,
            self.folder,
            rules,
            &builder.openapi,
        )
    }

    fn namespace(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.namespace;
        let rule = transform::NamespaceRule::of(&self.file.namespace);
        transform::namespace(&mut self.gathered.resources, &rule, specs)
    }

    fn prefix(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.name_prefix;
        transform::prefix(&mut self.gathered.resources, &self.file.name_prefix, specs)
    }

    fn suffix(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.name_suffix;
        transform::suffix(&mut self.gathered.resources, &self.file.name_suffix, specs)
    }

    fn labels(&mut self) -> Result<(), BuildError> {
        let configuration = &self.gathered.configuration;
        let resources = &mut self.gathered.resources;
        for rule in &self.file.labels {
            let specs = transform::label_specs(rule, configuration).map_err(|message| {
                let position = self.file.position.clone();
                BuildError::Transformer { position, message }
            })?;
            transform::labels(resources, &rule.pairs, &specs)?;
        }
        let specs: Vec<FieldSpec> = configuration.common_labels.clone();
        transform::labels(resources, &self.file.common_labels, &specs)
    }

    fn annotations(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.common_annotations;
        let resources = &mut self.gathered.resources;
        transform::annotations(resources, &self.file.common_annotations, specs)
    }

    fn replicas(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.replicas;
        transform::replicas(&mut self.gathered.resources, &self.file.replicas, specs)
    }

    fn images(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.images;
        transform::images(&mut self.gathered.resources, &self.file.images, specs)
    }

    fn replacements(&mut self) -> Result<(), BuildError> {
        replace::replacements(
            &mut self.gathered.resources,
            &mut self.builder.files,
            self.folder,
            &self.file.replacements,
        )
    }
}
