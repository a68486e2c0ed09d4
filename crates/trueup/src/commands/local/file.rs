//! A Kustomization in a file.

use super::{Failure, said};
use crate::words::KUSTOMIZATION;
use std::path::Path;
use trueup_object::{ManifestLimits, Value, read_manifests};

/// The Kustomization of this name in a file of manifests; one without a
/// namespace is taken to be in the namespace asked for.
pub fn find(path: &Path, namespace: &str, name: &str) -> Result<Value, Failure> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| {
        said(format!(
            "failed to read kustomization file {shown}: {error}"
        ))
    })?;
    let manifests = read_manifests(&shown, &bytes, &ManifestLimits::default())
        .map_err(|error| said(format!("failed to read kustomization file: {error}")))?;
    let wanted = KUSTOMIZATION.gvk().group_kind();
    let found = manifests.into_iter().find(|it| {
        it.reference().kind.group_kind() == wanted
            && it.name() == name
            && (it.namespace().is_empty() || it.namespace() == namespace)
    });
    let Some(manifest) = found else {
        return Err(said(format!(
            "failed find kustomization with name '{name}' and namespace '{namespace}' in file '{shown}'"
        )));
    };
    let mut object = manifest.value;
    object.set_at(&["metadata", "namespace"], namespace.into());
    Ok(object)
}
