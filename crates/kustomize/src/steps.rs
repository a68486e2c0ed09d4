//! The transformers that the fields of a kustomization file ask for.

use crate::accumulate::{Accumulator, Builder};
use crate::kustomization::KustomizationFile;
use crate::{BuildError, origin, patch, plugins, replace, transform};
use trueup_artifact::TreePath;

/// The transformers of a root in kustomize's order.
pub(crate) fn transform_all<'a>(
    builder: &mut Builder<'a>,
    folder: &TreePath,
    file: &KustomizationFile,
    gathered: &mut Accumulator,
) -> Result<(), BuildError> {
    let mut step = Step {
        builder,
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
    plugins::transform(builder, folder, &file.transformers, gathered)
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
            let base = self.builder.origin_base();
            let origin = origin::of_field(name, &self.file.position, &base);
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

    fn json_6902(&mut self) -> Result<(), BuildError> {
        let builder = &mut *self.builder;
        patch::json_6902(
            &mut self.gathered.resources,
            &mut builder.files,
            self.folder,
            &self.file.patches_json_6902,
        )
    }

    fn patches(&mut self) -> Result<(), BuildError> {
        let builder = &mut *self.builder;
        patch::patches(
            &mut self.gathered.resources,
            &mut builder.files,
            self.folder,
            &self.file.patches,
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
        let growth = &self.builder.files.growth;
        transform::prefix(
            &mut self.gathered.resources,
            &self.file.name_prefix,
            specs,
            growth,
        )
    }

    fn suffix(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.name_suffix;
        let growth = &self.builder.files.growth;
        transform::suffix(
            &mut self.gathered.resources,
            &self.file.name_suffix,
            specs,
            growth,
        )
    }

    fn labels(&mut self) -> Result<(), BuildError> {
        let configuration = &self.gathered.configuration;
        let resources = &mut self.gathered.resources;
        let growth = &self.builder.files.growth;
        for rule in &self.file.labels {
            let specs = transform::label_specs(rule, configuration).map_err(|message| {
                let position = self.file.position.clone();
                BuildError::Transformer { position, message }
            })?;
            transform::labels(resources, &rule.pairs, &specs, growth)?;
        }
        let specs = &configuration.common_labels;
        transform::labels(resources, &self.file.common_labels, specs, growth)
    }

    fn annotations(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.common_annotations;
        let resources = &mut self.gathered.resources;
        let growth = &self.builder.files.growth;
        transform::annotations(resources, &self.file.common_annotations, specs, growth)
    }

    fn replicas(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.replicas;
        transform::replicas(&mut self.gathered.resources, &self.file.replicas, specs)
    }

    fn images(&mut self) -> Result<(), BuildError> {
        let specs = &self.gathered.configuration.images;
        let growth = &self.builder.files.growth;
        transform::images(
            &mut self.gathered.resources,
            &self.file.images,
            specs,
            growth,
        )
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
