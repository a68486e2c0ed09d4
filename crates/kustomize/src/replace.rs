//! `replacements`: values copied from one resource to others.

mod embedded;
mod targets;

use crate::BuildError;
use crate::field_path::{lookup, split};
use crate::field_spec::MAX_DEPTH;
use crate::file::{first_document, replacement};
use crate::files::{Files, file_position};
use crate::growth::Growth;
use crate::kustomization::{
    FieldOptions, Located, Replacement, ReplacementRule, ReplacementSource, ReplacementTarget,
};
use crate::node::{Node, Scalar};
use crate::resource::Resource;
use crate::resources::Resources;
use crate::select::Matcher;
use targets::{Change, change_at};
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};
use trueup_yaml::Content;

const DEFAULT_PATH: &str = "metadata.name";

/// Runs the replacements of a root.
pub(crate) fn replacements(
    resources: &mut Resources,
    files: &mut Files<'_>,
    folder: &TreePath,
    rules: &[ReplacementRule],
) -> Result<(), BuildError> {
    for rule in rules {
        match rule {
            ReplacementRule::Inline(replacement) => run(resources, replacement, &files.growth)?,
            ReplacementRule::File(file) => {
                let loaded = load(files, folder, file)?;
                loaded
                    .iter()
                    .try_for_each(|replacement| run(resources, replacement, &files.growth))?;
            }
        }
    }
    Ok(())
}

/// The replacements of a file: one, or a list of them.
fn load(
    files: &mut Files<'_>,
    folder: &TreePath,
    file: &Located<Text>,
) -> Result<Vec<Replacement>, BuildError> {
    let (path, text) = files.read_text(folder, &file.value, &file.position)?;
    let place = file_position(&path);
    let document = first_document(&place, &text)?;
    let Some(document) = document else {
        return Err(refused(&place, "is empty, expected replacements"));
    };
    match &document.content {
        Content::List(items) => items
            .iter()
            .map(|item| replacement(&place.file, item))
            .collect(),
        _ => Ok(vec![replacement(&place.file, &document)?]),
    }
}

fn run(
    resources: &mut Resources,
    replacement: &Replacement,
    growth: &Growth,
) -> Result<(), BuildError> {
    let position = &replacement.position;
    if replacement.targets.is_empty() {
        let message = "replacements must specify a source and at least one target";
        return Err(refused(position, message));
    }
    let value = source_value(resources, replacement)?;
    for target in &replacement.targets {
        apply(resources, target, (&value, growth), position)?;
    }
    Ok(())
}

fn source_value(resources: &Resources, replacement: &Replacement) -> Result<Node, BuildError> {
    let position = &replacement.position;
    match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => Err(refused(
            position,
            "source and sourceValue are mutually exclusive",
        )),
        (None, Some(text)) => Ok(Node::Scalar(Scalar::plain(text.clone()))),
        (Some(source), None) => {
            from_source(resources, source).map_err(|message| refused(position, &message))
        }
        (None, None) => Err(refused(
            position,
            "replacements must specify a source and at least one target",
        )),
    }
}

fn from_source(resources: &Resources, source: &ReplacementSource) -> Result<Node, String> {
    let is_meant = |resource: &&Resource| {
        resource.id().is_selected_by(&source.id)
            || resource
                .previous
                .iter()
                .any(|id| id.is_selected_by(&source.id))
    };
    let mut fitting = resources.iter().filter(is_meant);
    let resource = match (fitting.next(), fitting.next()) {
        (None, _) => return Err(format!("nothing selected by {}", source.id)),
        (Some(_), Some(_)) => return Err(format!("multiple matches for selector {}", source.id)),
        (Some(resource), None) => resource,
    };
    let path = match source.field_path.as_str() {
        "" => DEFAULT_PATH,
        path => path,
    };
    let found = lookup(&resource.node, &split(path)).filter(|node| !node.is_nothing());
    let Some(value) = found else {
        return Err(format!(
            "fieldPath `{path}` is missing for replacement source {}",
            source.id
        ));
    };
    refined(value, source.options.as_ref())
}

/// The part of a text between delimiters that the options pick.
fn refined(value: &Node, options: Option<&FieldOptions>) -> Result<Node, String> {
    let Some(options) = options.filter(|options| !options.delimiter.is_empty()) else {
        return Ok(value.clone());
    };
    let Node::Scalar(scalar) = value else {
        return Err("delimiter option can only be used with scalar nodes".to_owned());
    };
    let mut parts = scalar.text.split(options.delimiter.as_str());
    let index = usize::try_from(options.index).ok();
    match index.and_then(|index| parts.nth(index)) {
        Some(part) => Ok(Node::Scalar(Scalar {
            text: part.into(),
            ..scalar.clone()
        })),
        None => Err(format!(
            "options.index {} is out of bounds for value {}",
            options.index, scalar.text
        )),
    }
}

fn apply(
    resources: &mut Resources,
    target: &ReplacementTarget,
    (value, growth): (&Node, &Growth),
    position: &Position,
) -> Result<(), BuildError> {
    let Some(select) = &target.select else {
        return Err(refused(position, "target must specify resources to select"));
    };
    let compile = |selector| Matcher::new(selector).map_err(|message| refused(position, &message));
    let select = compile(select)?;
    let reject = target
        .reject
        .iter()
        .map(compile)
        .collect::<Result<Vec<_>, _>>()?;
    let default = [Text::from(DEFAULT_PATH)];
    let paths = match target.field_paths.is_empty() {
        true => &default[..],
        false => &target.field_paths,
    };
    let depth = value.depth();
    for resource in resources.iter_mut() {
        if !is_target(resource, &select, &reject) {
            continue;
        }
        let options = target.options.as_ref();
        let change = Change {
            value,
            depth,
            options,
            creates: options.is_some_and(|options| options.create),
            growth,
        };
        for path in paths {
            copy(resource, path, &change).map_err(|message| refused(position, &message))?;
        }
    }
    Ok(())
}

/// Whether any id that a resource has or had is selected, and none rejected.
fn is_target(resource: &Resource, select: &Matcher, reject: &[Matcher]) -> bool {
    if !select.fits_texts(resource) {
        return false;
    }
    let by_texts = |matcher: &&Matcher| matcher.has_texts();
    if reject
        .iter()
        .filter(by_texts)
        .any(|matcher| matcher.fits_texts(resource))
    {
        return false;
    }
    let now = resource.id();
    let ids: Vec<_> = std::iter::once(&now).chain(&resource.previous).collect();
    let rejects = |matcher: &&Matcher| matcher.has_id();
    if reject
        .iter()
        .filter(rejects)
        .any(|matcher| ids.iter().any(|id| matcher.fits_id(id)))
    {
        return false;
    }
    ids.iter().any(|id| select.fits_id(id))
}

fn copy(resource: &mut Resource, path: &str, change: &Change<'_>) -> Result<(), String> {
    let segments = split(path);
    if segments.len() > MAX_DEPTH {
        return Err(format!("the path is more than {MAX_DEPTH} levels deep"));
    }
    if segments.len() + change.depth > MAX_DEPTH {
        return Err(format!(
            "the value would nest more than {MAX_DEPTH} levels deep at {path:?}"
        ));
    }
    let is_done = embedded::change(&mut resource.node, &segments, change);
    change.growth.check()?;
    if is_done {
        return Ok(());
    }
    let id = resource.id();
    match change_at(&mut resource.node, &segments, change) {
        Ok(0) if change.creates => Err(format!(
            "unable to find or create field {path:?} in replacement target {id}"
        )),
        Ok(0) => Err(format!(
            "unable to find field {path:?} in replacement target {id}"
        )),
        Ok(_) => Ok(()),
        Err(message) => Err(format!(
            "field {path:?} of replacement target {id}: {message}"
        )),
    }
}

fn refused(position: &Position, message: &str) -> BuildError {
    BuildError::Transformer {
        position: position.clone(),
        message: message.to_owned(),
    }
}
