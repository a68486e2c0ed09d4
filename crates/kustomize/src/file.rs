//! The kustomization file: finding it and reading it.

mod entries;
mod fields;

use crate::files::file_position;
use crate::kustomization::{FileKind, KustomizationFile};
use crate::{BuildError, Limits, MAX_FILE_BYTES};

pub(crate) use entries::{
    generator as generator_rule, gvk, image, open_field_spec, patch_target, replacement,
    replacement_rule, replica, selector, sort_options,
};
pub(crate) use fields::Fields;
use trueup_artifact::{Entry, FileTree, TreePath};
use trueup_object::Position;

/// The names that a kustomization file may have.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

/// Every field that a kustomization file can have.
const KNOWN: [&str; 36] = [
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
    "inventory",
    "creationTimestamp",
];

/// The kustomization file of a folder; `None` if it has none, an error if it
/// has several.
pub fn find_file(tree: &dyn FileTree, folder: &TreePath) -> Result<Option<TreePath>, BuildError> {
    let mut found = Vec::new();
    for name in FILE_NAMES {
        let Some(path) = folder.child(name) else {
            continue;
        };
        match tree.entry(&path)? {
            Some(Entry::File { .. } | Entry::Symlink { .. }) => found.push(path),
            Some(Entry::Directory { .. }) | None => {}
        }
    }
    if found.len() > 1 {
        let names = found
            .iter()
            .filter_map(|path| path.name().map(str::to_owned))
            .collect();
        return Err(BuildError::ManyFiles {
            folder: folder.clone(),
            names,
        });
    }
    Ok(found.pop())
}

/// What a kustomization file is that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyFile {
    Refused,
    /// A root of nothing.
    Allowed,
}

/// Reads a kustomization file and converts legacy spellings.
pub(crate) fn read(
    path: &TreePath,
    bytes: &[u8],
    limits: &Limits,
    empty: EmptyFile,
) -> Result<KustomizationFile, BuildError> {
    let whole = file_position(path);
    let refused = |line: u32, message: &str| {
        let mut position = whole.clone();
        position.line = line;
        BuildError::BadFile {
            position,
            message: message.to_owned(),
        }
    };
    let text = std::str::from_utf8(bytes).map_err(|_| refused(0, "expected UTF-8 text"))?;
    let options = trueup_yaml::LoadOptions {
        max_bytes: usize::try_from(limits.max_file_bytes.min(MAX_FILE_BYTES)).unwrap_or(usize::MAX),
        duplicate_keys: trueup_yaml::DuplicateKeys::LastWins,
        ..Default::default()
    };
    let document = trueup_yaml::parse_first(text, &options)
        .map_err(|error| refused(error.line, &error.message))?
        .filter(|document| !document.root.is_null());
    let Some(document) = document else {
        return match empty {
            EmptyFile::Refused => Err(refused(0, "is empty, expected a kustomization")),
            EmptyFile::Allowed => Ok(KustomizationFile {
                position: whole,
                ..KustomizationFile::default()
            }),
        };
    };
    let fields = Fields::of(&whole.file, &document.root, "the file", &KNOWN)?;
    if empty == EmptyFile::Refused {
        refuse_empty(&fields)?;
    }
    kustomization(&fields)
}

fn kustomization(fields: &Fields<'_>) -> Result<KustomizationFile, BuildError> {
    let kind = kind(fields)?;
    let mut resources = fields.located("resources")?;
    let bases_from = resources.len();
    resources.extend(fields.located("bases")?);
    let mut images = fields.list("images", image)?;
    images.extend(fields.list("imageTags", image)?);
    Ok(KustomizationFile {
        position: fields.position(),
        kind,
        name: fields
            .optional("metadata", |node| entries::metadata_name(fields, node))?
            .unwrap_or_default(),
        resources,
        bases_from,
        components: fields.located("components")?,
        crds: fields.located("crds")?,
        name_prefix: fields.text("namePrefix")?,
        name_suffix: fields.text("nameSuffix")?,
        namespace: fields.text("namespace")?,
        common_labels: fields.pairs("commonLabels")?,
        labels: fields.list("labels", entries::label)?,
        common_annotations: fields.pairs("commonAnnotations")?,
        patches: fields.list("patches", entries::patch)?,
        patches_strategic_merge: fields.located("patchesStrategicMerge")?,
        patches_json_6902: fields.list("patchesJson6902", entries::patch)?,
        images,
        replicas: fields.list("replicas", replica)?,
        replacements: fields.list("replacements", replacement_rule)?,
        vars: fields.list("vars", entries::var)?,
        config_map_generator: fields.list("configMapGenerator", entries::config_map)?,
        secret_generator: fields.list("secretGenerator", entries::secret)?,
        generator_options: fields.optional("generatorOptions", |node| {
            entries::generator_options(&fields.file(), node)
        })?,
        charts: crate::charts::read(fields)?,
        openapi: fields.pairs("openapi")?,
        configurations: fields.located("configurations")?,
        generators: fields.located("generators")?,
        transformers: fields.located("transformers")?,
        validators: fields.located("validators")?,
        sort_options: fields.optional("sortOptions", |node| sort_options(&fields.file(), node))?,
        build_metadata: fields.texts("buildMetadata")?,
    })
}

fn kind(fields: &Fields<'_>) -> Result<FileKind, BuildError> {
    let kind = match fields.text("kind")?.as_str() {
        "" | "Kustomization" => FileKind::Kustomization,
        "Component" => FileKind::Component,
        other => {
            let message =
                format!("expected kind to be Kustomization or Component, found {other:?}");
            return Err(fields.error_at("kind", &message));
        }
    };
    let wanted = match kind {
        FileKind::Kustomization => VERSION,
        FileKind::Component => COMPONENT_VERSION,
    };
    let found = fields.text("apiVersion")?;
    if !found.is_empty() && found != wanted {
        let name = kind.name();
        let message = format!("expected apiVersion of a {name} to be {wanted:?}, found {found:?}");
        return Err(fields.error_at("apiVersion", &message));
    }
    Ok(kind)
}

/// A file that says nothing but its kind is refused; an empty list is enough.
fn refuse_empty(fields: &Fields<'_>) -> Result<(), BuildError> {
    if fields.says_more_than(&["apiVersion", "kind"]) {
        return Ok(());
    }
    Err(BuildError::BadFile {
        position: fields.position(),
        message: "kustomization is empty: it names nothing to build".to_owned(),
    })
}

/// The first document of a configuration file; `None` for a file without any.
pub(crate) fn first_document(
    place: &Position,
    text: &str,
) -> Result<Option<trueup_yaml::Node>, BuildError> {
    let options = trueup_yaml::LoadOptions::default();
    match trueup_yaml::parse_first(text, &options) {
        Ok(document) => Ok(document.map(|document| document.root)),
        Err(error) => Err(BuildError::BadFile {
            position: Position {
                line: error.line,
                ..place.clone()
            },
            message: error.message,
        }),
    }
}
