//! The `ValueAddTransformer`: a value put at places of resources.

use crate::BuildError;
use crate::field_spec::split_path;
use crate::file::{Fields, first_document, selector};
use crate::files::{Files, file_position};
use crate::growth::Growth;
use crate::kustomization::Selector;
use crate::node::{Node, Scalar};
use crate::resources::Resources;
use crate::select::Matcher;
use crate::transform::{self, NamespaceRule};
use trueup_artifact::TreePath;
use trueup_object::Text;
use trueup_yaml::Node as YamlNode;

/// Where the value goes.
struct Target {
    selector: Option<Selector>,
    path: Text,
    /// The part of a path of files that the value becomes, counted from 1; 0
    /// for the whole.
    position: i64,
}

pub(super) fn run(
    fields: &Fields<'_>,
    resources: &mut Resources,
    files: &mut Files<'_>,
    folder: &TreePath,
) -> Result<(), BuildError> {
    let value = match fields.text("value")?.trim() {
        "" => folder.name().unwrap_or("/").to_owned(),
        value => value.to_owned(),
    };
    let mut targets = fields.list("targets", target)?;
    let shared = fields.text("targetFilePath")?;
    if !shared.is_empty() {
        targets.extend(read(files, folder, &shared, fields)?);
    }
    if targets.is_empty() {
        return Err(fields.error_at("targets", "must specify at least one target"));
    }
    for target in &targets {
        add(resources, target, (&value, &files.growth), fields)?;
    }
    Ok(())
}

fn read(
    files: &mut Files<'_>,
    folder: &TreePath,
    shared: &str,
    fields: &Fields<'_>,
) -> Result<Vec<Target>, BuildError> {
    let (path, text) = files.read_text(folder, shared, &fields.position())?;
    let place = file_position(&path);
    let document = first_document(&place, &text)?;
    match document {
        Some(document) => Fields::open(&place, &document, "targets")?.list("targets", target),
        None => Ok(Vec::new()),
    }
}

fn target(file: &Text, node: &YamlNode) -> Result<Target, BuildError> {
    let known = ["selector", "fieldPath", "filePathPosition", "notSelector"];
    let fields = Fields::of(file, node, "a target", &known)?;
    let target = Target {
        selector: fields.optional("selector", |node| selector(file, node))?,
        path: fields.text("fieldPath")?,
        position: fields.number("filePathPosition")?,
    };
    if target.path.is_empty() {
        return Err(fields.error_at("fieldPath", "fieldPath cannot be empty"));
    }
    if target.position < 0 {
        let message = "filePathPosition cannot be negative";
        return Err(fields.error_at("filePathPosition", message));
    }
    Ok(target)
}

fn add(
    resources: &mut Resources,
    target: &Target,
    (value, growth): (&str, &Growth),
    fields: &Fields<'_>,
) -> Result<(), BuildError> {
    let matcher = match &target.selector {
        Some(selector) => {
            Some(Matcher::new(selector).map_err(|message| fields.error_at("targets", &message))?)
        }
        None => None,
    };
    let segments = split_path(&target.path, '/');
    let path: Vec<&str> = segments.iter().map(Text::as_str).collect();
    for resource in resources.iter_mut() {
        if matcher
            .as_ref()
            .is_some_and(|matcher| !matcher.fits(resource))
        {
            continue;
        }
        if target.path == "metadata/namespace" {
            transform::move_resource(resource, &NamespaceRule::of(value), &[])?;
            continue;
        }
        let place = resource.node.entry_at(&path);
        let now = match place.as_scalar() {
            Some(scalar) if !place.is_null() => scalar.text.clone(),
            Some(_) => Text::new(),
            None => {
                let message = format!("{} of {} is no text", target.path, resource.id());
                return Err(fields.error_at("targets", &message));
            }
        };
        growth
            .add(value.len())
            .map_err(|message| fields.error_at("targets", &message))?;
        *place = Node::Scalar(Scalar::plain(inserted(&now, target.position, value)));
    }
    Ok(())
}

/// A path with a part put in at a place, counted from 1.
fn inserted(path: &str, position: i64, part: &str) -> String {
    let Ok(place @ 1..) = usize::try_from(position) else {
        return part.to_owned();
    };
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert((place - 1).min(parts.len()), part);
    let joined = parts.join("/");
    if is_absolute {
        format!("/{joined}")
    } else {
        joined
    }
}
