//! The fields of a kustomization file.

use trueup_object::{Position, Text};

/// A value and where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Located<T> {
    pub value: T,
    pub position: Position,
}

/// Pairs of texts, sorted by key.
pub(crate) type Pairs = Vec<(Text, Text)>;

/// What a kustomization file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileKind {
    #[default]
    Kustomization,
    Component,
}

impl FileKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::Component => "Component",
        }
    }
}

/// A kustomization file, legacy spellings converted: `bases` are among the
/// resources, `imageTags` among the images, `env` among the `envs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KustomizationFile {
    pub position: Position,
    pub kind: FileKind,
    pub name: Text,
    pub resources: Vec<Located<Text>>,
    /// Where the entries of `bases` begin among the resources.
    pub bases_from: usize,
    pub components: Vec<Located<Text>>,
    pub crds: Vec<Located<Text>>,
    pub name_prefix: Text,
    pub name_suffix: Text,
    pub namespace: Text,
    pub common_labels: Pairs,
    pub labels: Vec<LabelRule>,
    pub common_annotations: Pairs,
    pub patches: Vec<PatchRule>,
    pub patches_strategic_merge: Vec<Located<Text>>,
    pub patches_json_6902: Vec<PatchRule>,
    pub images: Vec<ImageRule>,
    pub replicas: Vec<ReplicaRule>,
    pub replacements: Vec<ReplacementRule>,
    pub vars: Vec<Var>,
    pub config_map_generator: Vec<GeneratorRule>,
    pub secret_generator: Vec<GeneratorRule>,
    pub generator_options: Option<GeneratorOptions>,
    pub charts: Vec<Located<crate::charts::ChartInflation>>,
    pub openapi: Pairs,
    pub configurations: Vec<Located<Text>>,
    pub generators: Vec<Located<Text>>,
    pub transformers: Vec<Located<Text>>,
    pub validators: Vec<Located<Text>>,
    pub sort_options: Option<SortOptions>,
    pub build_metadata: Vec<Text>,
}

/// An entry of `labels`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelRule {
    pub pairs: Pairs,
    pub include_selectors: bool,
    pub include_templates: bool,
    pub include_volume_claim_templates: bool,
    pub fields: Vec<crate::field_spec::FieldSpec>,
}

/// What resources a patch or replacement means; texts are regular expressions
/// that must fit wholly, empty ones fit all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    pub group: Text,
    pub version: Text,
    pub kind: Text,
    pub name: Text,
    pub namespace: Text,
    pub label_selector: Text,
    pub annotation_selector: Text,
}

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchRule {
    pub position: Position,
    pub path: Text,
    pub patch: Text,
    pub target: Option<Selector>,
    pub allow_name_change: bool,
    pub allow_kind_change: bool,
}

/// An entry of `images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageRule {
    pub name: Text,
    pub new_name: Text,
    pub tag_suffix: Text,
    pub new_tag: Text,
    pub digest: Text,
}

/// An entry of `replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplicaRule {
    pub position: Position,
    pub name: Text,
    pub count: i64,
}

/// An entry of `replacements`: written out, or in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplacementRule {
    File(Located<Text>),
    Inline(Replacement),
}

/// Where a value comes from and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub position: Position,
    pub source: Option<ReplacementSource>,
    pub source_value: Option<Text>,
    pub targets: Vec<ReplacementTarget>,
}

/// The place of the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplacementSource {
    pub id: crate::id::ResourceId,
    pub field_path: Text,
    pub options: Option<FieldOptions>,
}

/// Places that get the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplacementTarget {
    pub select: Option<Selector>,
    pub reject: Vec<Selector>,
    pub field_paths: Vec<Text>,
    pub options: Option<FieldOptions>,
}

/// How a value is taken apart or put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldOptions {
    pub delimiter: Text,
    pub index: i64,
    pub encoding: Text,
    pub create: bool,
}

/// An entry of `vars`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Var {
    pub position: Position,
    pub name: Text,
    pub target: crate::id::ResourceId,
    /// `metadata.name` if none is given.
    pub field_path: Text,
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GeneratorRule {
    pub position: Position,
    pub name: Text,
    pub namespace: Text,
    pub behavior: crate::resource::Behavior,
    /// The `type` of a Secret.
    pub secret_type: Text,
    pub literals: Vec<Text>,
    pub files: Vec<Text>,
    pub envs: Vec<Text>,
    pub options: Option<GeneratorOptions>,
}

/// What generated objects carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GeneratorOptions {
    pub labels: Pairs,
    pub annotations: Pairs,
    pub disable_name_suffix_hash: bool,
    pub immutable: bool,
}

/// `sortOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SortOptions {
    pub order: Text,
    pub legacy: Option<LegacySortOptions>,
}

/// `sortOptions.legacySortOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LegacySortOptions {
    pub order_first: Vec<Text>,
    pub order_last: Vec<Text>,
}
