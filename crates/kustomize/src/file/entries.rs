//! The entries of the lists of a kustomization file.

use super::fields::{Fields, text};
use crate::BuildError;
use crate::field_spec::FieldSpec;
use crate::id::{Gvk, ResourceId};
use crate::kustomization::{
    FieldOptions, GeneratorOptions, GeneratorRule, ImageRule, LabelRule, LegacySortOptions,
    Located, PatchRule, Replacement, ReplacementRule, ReplacementSource, ReplacementTarget,
    ReplicaRule, Selector, SortOptions, Var,
};
use crate::resource::Behavior;
use trueup_object::Text;
use trueup_yaml::Node;

const GENERATOR: [&str; 10] = [
    "namespace",
    "name",
    "behavior",
    "literals",
    "files",
    "envs",
    "env",
    "options",
    "type",
    // Generators that are configured in files of their own are objects.
    "metadata",
];
const SELECTOR: [&str; 7] = [
    "group",
    "version",
    "kind",
    "name",
    "namespace",
    "labelSelector",
    "annotationSelector",
];

pub(super) fn metadata_name(_fields: &Fields<'_>, node: &Node) -> Result<Text, BuildError> {
    Ok(match node.get("name").map(|name| &name.content) {
        Some(trueup_yaml::Content::String(name)) => name.as_str().into(),
        _ => Text::new(),
    })
}

pub(crate) fn label(file: &Text, node: &Node) -> Result<LabelRule, BuildError> {
    let known = [
        "pairs",
        "includeSelectors",
        "includeTemplates",
        "includeVolumeClaimTemplates",
        "fields",
    ];
    let fields = Fields::of(file, node, "an entry of labels", &known)?;
    Ok(LabelRule {
        pairs: fields.pairs("pairs")?,
        include_selectors: fields.flag("includeSelectors")?,
        include_templates: fields.flag("includeTemplates")?,
        include_volume_claim_templates: fields.flag("includeVolumeClaimTemplates")?,
        fields: fields.list("fields", field_spec)?,
    })
}

pub(crate) fn field_spec(file: &Text, node: &Node) -> Result<FieldSpec, BuildError> {
    let known = ["group", "version", "kind", "path", "create"];
    spec_of(&Fields::of(file, node, "a field specification", &known)?)
}

/// A field specification that may have other members too, as configurations
/// of transformers do.
pub(crate) fn open_field_spec(file: &Text, node: &Node) -> Result<FieldSpec, BuildError> {
    let place = trueup_object::Position {
        file: file.clone(),
        line: node.line,
    };
    spec_of(&Fields::open(&place, node, "a field specification")?)
}

fn spec_of(fields: &Fields<'_>) -> Result<FieldSpec, BuildError> {
    Ok(FieldSpec {
        gvk: gvk(fields)?,
        path: fields.text("path")?,
        create: fields.flag("create")?,
    })
}

pub(crate) fn gvk(fields: &Fields<'_>) -> Result<Gvk, BuildError> {
    Ok(Gvk {
        group: fields.text("group")?,
        version: fields.text("version")?,
        kind: fields.text("kind")?,
    })
}

pub(crate) fn patch(file: &Text, node: &Node) -> Result<PatchRule, BuildError> {
    let known = ["path", "patch", "target", "options"];
    let fields = Fields::of(file, node, "a patch", &known)?;
    let (target, (allow_name_change, allow_kind_change)) = patch_target(&fields)?;
    Ok(PatchRule {
        position: fields.position(),
        path: fields.text("path")?,
        patch: fields.text("patch")?,
        target,
        allow_name_change,
        allow_kind_change,
    })
}

/// The target of a patch, and whether it may change name and kind.
pub(crate) fn patch_target(
    fields: &Fields<'_>,
) -> Result<(Option<Selector>, (bool, bool)), BuildError> {
    let file = fields.file();
    let allowed = ["allowNameChange", "allowKindChange"];
    let options = fields.optional("options", |node| {
        let options = Fields::of(&file, node, "options", &allowed)?;
        Ok((options.flag(allowed[0])?, options.flag(allowed[1])?))
    })?;
    let target = fields.optional("target", |node| selector(&file, node))?;
    Ok((target, options.unwrap_or_default()))
}

pub(crate) fn selector(file: &Text, node: &Node) -> Result<Selector, BuildError> {
    let fields = Fields::of(file, node, "a selector", &SELECTOR)?;
    Ok(Selector {
        group: fields.text("group")?,
        version: fields.text("version")?,
        kind: fields.text("kind")?,
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        label_selector: fields.text("labelSelector")?,
        annotation_selector: fields.text("annotationSelector")?,
    })
}

pub(crate) fn image(file: &Text, node: &Node) -> Result<ImageRule, BuildError> {
    let known = ["name", "newName", "newTag", "tagSuffix", "digest"];
    let fields = Fields::of(file, node, "an image", &known)?;
    Ok(ImageRule {
        name: fields.text("name")?,
        new_name: fields.text("newName")?,
        tag_suffix: fields.text("tagSuffix")?,
        new_tag: fields.text("newTag")?,
        digest: fields.text("digest")?,
    })
}

pub(crate) fn replica(file: &Text, node: &Node) -> Result<ReplicaRule, BuildError> {
    let fields = Fields::of(file, node, "an entry of replicas", &["name", "count"])?;
    Ok(ReplicaRule {
        position: fields.position(),
        name: fields.text("name")?,
        count: fields.number("count")?,
    })
}

pub(crate) fn replacement_rule(file: &Text, node: &Node) -> Result<ReplacementRule, BuildError> {
    let known = ["source", "sourceValue", "targets", "path"];
    let fields = Fields::of(file, node, "a replacement", &known)?;
    let path = fields.text("path")?;
    let inline = ["source", "sourceValue", "targets"];
    if path.is_empty() {
        return Ok(ReplacementRule::Inline(replacement_of(&fields)?));
    }
    if inline.iter().any(|name| fields.get(name).is_some()) {
        let message = "a replacement has a path or is written out, not both";
        return Err(fields.error_at("path", message));
    }
    Ok(ReplacementRule::File(Located {
        value: path,
        position: fields.position(),
    }))
}

/// A replacement as a file of its own holds it.
pub(crate) fn replacement(file: &Text, node: &Node) -> Result<Replacement, BuildError> {
    let known = ["source", "sourceValue", "targets"];
    replacement_of(&Fields::of(file, node, "a replacement", &known)?)
}

fn replacement_of(fields: &Fields<'_>) -> Result<Replacement, BuildError> {
    let file = fields.file();
    Ok(Replacement {
        position: fields.position(),
        source: fields.optional("source", |node| replacement_source(&file, node))?,
        source_value: fields.optional("sourceValue", |node| text(&file, node, "sourceValue"))?,
        targets: fields.list("targets", replacement_target)?,
    })
}

fn replacement_source(file: &Text, node: &Node) -> Result<ReplacementSource, BuildError> {
    let known = [
        "group",
        "version",
        "kind",
        "name",
        "namespace",
        "fieldPath",
        "options",
    ];
    let fields = Fields::of(file, node, "the source of a replacement", &known)?;
    Ok(ReplacementSource {
        id: ResourceId {
            gvk: gvk(&fields)?,
            name: fields.text("name")?,
            namespace: fields.text("namespace")?,
        },
        field_path: fields.text("fieldPath")?,
        options: fields.optional("options", |node| field_options(file, node))?,
    })
}

fn replacement_target(file: &Text, node: &Node) -> Result<ReplacementTarget, BuildError> {
    let known = ["select", "reject", "fieldPaths", "options"];
    let fields = Fields::of(file, node, "the target of a replacement", &known)?;
    Ok(ReplacementTarget {
        select: fields.optional("select", |node| selector(file, node))?,
        reject: fields.list("reject", selector)?,
        field_paths: fields.texts("fieldPaths")?,
        options: fields.optional("options", |node| field_options(file, node))?,
    })
}

fn field_options(file: &Text, node: &Node) -> Result<FieldOptions, BuildError> {
    let known = ["delimiter", "index", "encoding", "create"];
    let fields = Fields::of(file, node, "the options of a replacement", &known)?;
    Ok(FieldOptions {
        delimiter: fields.text("delimiter")?,
        index: fields.number("index")?,
        encoding: fields.text("encoding")?,
        create: fields.flag("create")?,
    })
}

pub(crate) fn var(file: &Text, node: &Node) -> Result<Var, BuildError> {
    let fields = Fields::of(file, node, "a variable", &["name", "objref", "fieldref"])?;
    let target = fields.optional("objref", |node| var_target(file, node))?;
    let field_path = fields.optional("fieldref", |node| {
        Fields::of(file, node, "fieldref", &["fieldPath"])?.text("fieldPath")
    })?;
    Ok(Var {
        position: fields.position(),
        name: fields.text("name")?,
        target: target.unwrap_or_default(),
        field_path: match field_path {
            Some(path) if !path.is_empty() => path,
            _ => "metadata.name".into(),
        },
    })
}

fn var_target(file: &Text, node: &Node) -> Result<ResourceId, BuildError> {
    let known = [
        "apiVersion",
        "group",
        "version",
        "kind",
        "name",
        "namespace",
    ];
    let fields = Fields::of(file, node, "objref", &known)?;
    let api_version = fields.text("apiVersion")?;
    let written = gvk(&fields)?;
    let gvk = match api_version.is_empty() {
        true => written,
        false => Gvk::parse(&api_version, &written.kind),
    };
    Ok(ResourceId {
        gvk,
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
    })
}

pub(crate) fn config_map(file: &Text, node: &Node) -> Result<GeneratorRule, BuildError> {
    let known = &GENERATOR[..8];
    generator(&Fields::of(file, node, "a ConfigMap generator", known)?)
}

pub(crate) fn secret(file: &Text, node: &Node) -> Result<GeneratorRule, BuildError> {
    let known = &GENERATOR[..9];
    let fields = Fields::of(file, node, "a Secret generator", known)?;
    Ok(GeneratorRule {
        secret_type: fields.text("type")?,
        ..generator(&fields)?
    })
}

pub(crate) fn generator(fields: &Fields<'_>) -> Result<GeneratorRule, BuildError> {
    let file = fields.file();
    let mut envs = fields.texts("envs")?;
    let env = fields.text("env")?;
    if !env.is_empty() {
        envs.push(env);
    }
    Ok(GeneratorRule {
        position: fields.position(),
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        behavior: behavior(&fields.text("behavior")?),
        secret_type: Text::new(),
        literals: fields.texts("literals")?,
        files: fields.texts("files")?,
        envs,
        options: fields.optional("options", |node| generator_options(&file, node))?,
    })
}

/// Words that kustomize does not know mean what no word means.
fn behavior(word: &str) -> Behavior {
    match word {
        "create" => Behavior::Create,
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        _ => Behavior::Unspecified,
    }
}

pub(crate) fn generator_options(file: &Text, node: &Node) -> Result<GeneratorOptions, BuildError> {
    let known = [
        "labels",
        "annotations",
        "disableNameSuffixHash",
        "immutable",
    ];
    let fields = Fields::of(file, node, "generator options", &known)?;
    Ok(GeneratorOptions {
        labels: fields.pairs("labels")?,
        annotations: fields.pairs("annotations")?,
        disable_name_suffix_hash: fields.flag("disableNameSuffixHash")?,
        immutable: fields.flag("immutable")?,
    })
}

pub(crate) fn sort_options(file: &Text, node: &Node) -> Result<SortOptions, BuildError> {
    let known = ["order", "legacySortOptions"];
    let fields = Fields::of(file, node, "sortOptions", &known)?;
    Ok(SortOptions {
        order: fields.text("order")?,
        legacy: fields.optional("legacySortOptions", |node| {
            let known = ["orderFirst", "orderLast"];
            let fields = Fields::of(file, node, "legacySortOptions", &known)?;
            Ok(LegacySortOptions {
                order_first: fields.texts("orderFirst")?,
                order_last: fields.texts("orderLast")?,
            })
        })?,
    })
}
