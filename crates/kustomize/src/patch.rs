//! Patches: strategic merges and JSON 6902.

mod json;
mod list;
pub(crate) mod merge;

use crate::BuildError;
use crate::files::Files;
use crate::growth::{Growth, weight};
use crate::id::ResourceId;
use crate::kustomization::{Located, PatchRule};
use crate::node::Node;
use crate::openapi::OpenApi;
use crate::read;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::select::Matcher;
use json::Operations;
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};

pub(crate) use json::json_6902;

/// `patchesStrategicMerge`: each is a text or the path of a file.
pub(crate) fn strategic_merge(
    resources: &mut Resources,
    files: &mut Files<'_>,
    folder: &TreePath,
    patches: &[Located<Text>],
    openapi: &OpenApi,
) -> Result<(), BuildError> {
    let mut loaded = Vec::new();
    for patch in patches {
        let written = read::from_text(&patch.position, &patch.value, files.limits());
        loaded.extend(match written {
            Ok(resources) => resources,
            Err(_) => {
                let (path, text) = files.read_text(folder, &patch.value, &patch.position)?;
                read::resources(&path, &text, files.limits())?
            }
        });
    }
    if let (Some(first), true) = (patches.first(), loaded.is_empty()) {
        return Err(refused(&first.position, "patch appears to be empty"));
    }
    for patch in &loaded {
        let place = find_target(resources, &patch.id(), &patch.position)?;
        apply(resources, place, patch, (openapi, &files.growth))?;
        resources.drop_gone();
    }
    Ok(())
}

/// `patches`.
pub(crate) fn patches(
    resources: &mut Resources,
    files: &mut Files<'_>,
    folder: &TreePath,
    rules: &[PatchRule],
    openapi: &OpenApi,
) -> Result<(), BuildError> {
    for rule in rules {
        match load(files, folder, rule)? {
            Loaded::Strategic(patches) => {
                merge_all(resources, rule, patches, (openapi, &files.growth))?;
            }
            Loaded::Json(operations) => {
                let target = rule.target.as_ref().ok_or_else(|| {
                    refused(&rule.position, "must specify a target for a JSON patch")
                })?;
                let matcher =
                    Matcher::new(target).map_err(|message| refused(&rule.position, &message))?;
                let fitting = resources.iter_mut().filter(|it| matcher.fits(it));
                for resource in fitting {
                    resource.remember_id();
                    operations.apply(resource, &files.growth)?;
                }
            }
        }
    }
    Ok(())
}

enum Loaded {
    Strategic(Vec<Resource>),
    Json(Operations),
}

/// The patch of an entry, whichever kind it is.
fn load(files: &mut Files<'_>, folder: &TreePath, rule: &PatchRule) -> Result<Loaded, BuildError> {
    let position = &rule.position;
    let written = rule.patch.trim();
    let (place, text) = match (written, rule.path.as_str()) {
        ("", "") => return Err(refused(position, "must specify one of patch and path")),
        ("", path) => {
            let (path, text) = files.read_text(folder, path, position)?;
            (crate::files::file_position(&path), text)
        }
        (text, "") => (position.clone(), Text::from(text)),
        _ => {
            let message = "patch and path can't be set at the same time";
            return Err(refused(position, message));
        }
    };
    let strategic = read::from_text(&place, &text, files.limits());
    match (strategic, Operations::parse(&place, &text)) {
        (Ok(patches), Ok(operations)) if !patches.is_empty() && !operations.is_empty() => {
            let message = "illegally qualifies as both an SM and JSON patch";
            Err(refused(&place, message))
        }
        (Ok(patches), _) if patches.is_empty() && rule.target.is_some() => {
            Err(refused(&place, "patch appears to be empty"))
        }
        (Ok(patches), _) => Ok(Loaded::Strategic(patches)),
        (Err(_), Ok(operations)) => Ok(Loaded::Json(operations)),
        (Err(error), Err(other)) => Err(if looks_like_operations(&text) {
            other
        } else {
            error
        }),
    }
}

fn looks_like_operations(text: &str) -> bool {
    text.trim_start().starts_with(['[', '-']) && !text.trim_start().starts_with("---")
}

fn merge_all(
    resources: &mut Resources,
    rule: &PatchRule,
    mut patches: Vec<Resource>,
    means: (&OpenApi, &Growth),
) -> Result<(), BuildError> {
    for patch in &mut patches {
        patch.may_change_name = rule.allow_name_change;
        patch.may_change_kind = rule.allow_kind_change;
    }
    let Some(target) = &rule.target else {
        for patch in &patches {
            let place = find_target(resources, &patch.id(), &patch.position)?;
            apply(resources, place, patch, means)?;
        }
        return Ok(());
    };
    let [patch] = patches.as_slice() else {
        return Err(refused(
            &rule.position,
            "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field",
        ));
    };
    let matcher = Matcher::new(target).map_err(|message| refused(&rule.position, &message))?;
    for place in 0..resources.len() {
        if matcher.fits(&resources.as_slice()[place]) {
            apply(resources, place, patch, means)?;
        }
    }
    if rule.allow_name_change || rule.allow_kind_change {
        return resources.settle();
    }
    resources.drop_gone();
    Ok(())
}

/// The place of the one resource that has or had an id.
fn find_target(
    resources: &mut Resources,
    id: &ResourceId,
    position: &Position,
) -> Result<usize, BuildError> {
    match resources.matching(id).as_slice() {
        [place] => Ok(*place),
        [] => Err(refused(
            position,
            &format!("no resource matches strategic merge patch {id}: no matches for Id {id}"),
        )),
        many => Err(refused(
            position,
            &format!(
                "no resource matches strategic merge patch {id}: {} matches for Id {id}",
                many.len()
            ),
        )),
    }
}

/// Merges a patch into one resource. Name, kind and namespace stay what they
/// are unless the patch may change them; group and version always stay.
fn apply(
    resources: &mut Resources,
    place: usize,
    patch: &Resource,
    (openapi, growth): (&OpenApi, &Growth),
) -> Result<(), BuildError> {
    let may_change_id = patch.may_change_name || patch.may_change_kind;
    let resource = resources.at_place_mut(place);
    let before = resource.id();
    if may_change_id {
        resource.remember_id();
    }
    growth
        .add(weight(&patch.node))
        .map_err(|message| refused(&patch.position, &format!("patching {before}: {message}")))?;
    let mut change = patch.node.clone();
    let api_version = resource.node.text_at(&["apiVersion"]).to_owned();
    change.set_at(&["apiVersion"], Node::string(api_version.clone()));
    let schema = openapi
        .of_kind(&api_version, &before.gvk.kind)
        .or_else(|| openapi.of_kind(&api_version, patch.kind()));
    let value = std::mem::take(&mut resource.node);
    let merged = merge::merge(Some(value), &change, schema.as_ref(), &mut Vec::new());
    resource.node = merged
        .map_err(|error| {
            let message = format!("patching {before}: {error}");
            refused(&patch.position, &message)
        })?
        .unwrap_or_default();
    if resource.is_gone() {
        resources.forget_places();
        return Ok(());
    }
    if !patch.may_change_kind {
        resource
            .node
            .set_at(&["kind"], Node::string(before.gvk.kind));
    }
    if !patch.may_change_name {
        resource
            .node
            .set_at(&["metadata", "name"], Node::string(before.name));
    }
    if before.namespace.is_empty() {
        resource.node.remove_at(&["metadata", "namespace"]);
    } else {
        let namespace = Node::string(before.namespace);
        resource.node.set_at(&["metadata", "namespace"], namespace);
    }
    if may_change_id {
        resources.forget_places();
    }
    Ok(())
}

fn refused(position: &Position, message: &str) -> BuildError {
    BuildError::Transformer {
        position: position.clone(),
        message: message.to_owned(),
    }
}
