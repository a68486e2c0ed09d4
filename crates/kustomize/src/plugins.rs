//! Builtin generators, transformers and validators that are configured in
//! files of their own, or in the kustomization file itself.

mod configured;
mod value_add;

use crate::accumulate::{Accumulator, Builder};
use crate::kustomization::Located;
use crate::resource::Resource;
use crate::resources::Resources;
use crate::{BuildError, origin, read};
use configured::Plugin;
use trueup_artifact::TreePath;
use trueup_object::Text;

/// The label that validators may set.
const VALIDATED_BY: &str = "validated-by";

/// What the generators of these files make.
pub(crate) fn generate(
    builder: &mut Builder<'_>,
    folder: &TreePath,
    written: &[Located<Text>],
) -> Result<Vec<Resource>, BuildError> {
    let mut made = Vec::new();
    for configuration in configurations(builder, folder, written)? {
        let plugin = Plugin::of(&configuration)?;
        let mut more = plugin.generate(&mut builder.files, folder)?;
        if builder.tracks_origins() {
            origin::mark(&mut more, &origin::of_plugin(&configuration));
        }
        made.extend(more);
    }
    Ok(made)
}

/// Runs the transformers of these files.
pub(crate) fn transform(
    builder: &mut Builder<'_>,
    folder: &TreePath,
    written: &[Located<Text>],
    gathered: &mut Accumulator,
) -> Result<(), BuildError> {
    for configuration in configurations(builder, folder, written)? {
        let plugin = Plugin::of(&configuration)?;
        plugin.transform(builder, folder, gathered)?;
        if builder.tracks_origins() {
            let origin = origin::of_plugin(&configuration);
            origin::mark_transformed(&mut gathered.resources, &origin);
        }
        gathered.resources.drop_gone();
    }
    Ok(())
}

/// Runs the validators of these files; they must change nothing but a label.
pub(crate) fn validate(
    builder: &mut Builder<'_>,
    folder: &TreePath,
    written: &[Located<Text>],
    gathered: &mut Accumulator,
) -> Result<(), BuildError> {
    for validator in written {
        let before = gathered.resources.clone();
        transform(builder, folder, std::slice::from_ref(validator), gathered)?;
        if let Some(id) = first_change(&before, &gathered.resources) {
            return Err(BuildError::Transformer {
                position: validator.position.clone(),
                message: format!("validator shouldn't modify the resource map: {id} differs"),
            });
        }
    }
    Ok(())
}

fn first_change(before: &Resources, after: &Resources) -> Option<String> {
    if before.len() != after.len() {
        return Some(format!(
            "{} resources, {} before",
            after.len(),
            before.len()
        ));
    }
    let changed = before.iter().zip(after.iter()).find(|(before, after)| {
        let mut after = (*after).clone();
        if before.metadata_text("labels", VALIDATED_BY).is_none() {
            after.remove_metadata_text("labels", VALIDATED_BY);
        }
        before.node.value().ok() != after.node.value().ok()
    });
    changed.map(|(before, _)| before.id().to_string())
}

/// The objects that configure plugins: written out in the kustomization file,
/// in files, or built by roots.
fn configurations(
    builder: &mut Builder<'_>,
    folder: &TreePath,
    written: &[Located<Text>],
) -> Result<Vec<Resource>, BuildError> {
    let mut gathered = Accumulator::default();
    let mut paths = Vec::new();
    for entry in written {
        match read::from_text(&entry.position, &entry.value, builder.files.limits()) {
            Ok(mut resources) => {
                if builder.tracks_origins() {
                    let file = TreePath::parse(&entry.position.file);
                    let file = file.unwrap_or_else(|_| folder.clone());
                    origin::mark_read(&mut resources, &file, &builder.origin_base());
                }
                builder.files.outside.name_objects(&mut resources);
                gathered.resources.append(resources)?;
            }
            Err(_) => paths.push(entry.clone()),
        }
    }
    builder.resources(folder, &paths, &mut gathered)?;
    Ok(gathered.resources.into_vec())
}
