//! What happens to every object of a build.

use crate::encrypted::{is_encrypted, mask};
use crate::{Encrypted, RenderError, RenderRequest};
use sha2::{Digest, Sha256};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, Manifest, to_json};

/// Drops objects that only configure kustomize, refuses or masks encrypted Secrets,
/// puts common labels and annotations on, and the owner labels last.
pub(crate) fn finish(
    manifests: Vec<Manifest>,
    request: &RenderRequest,
) -> Result<Vec<Manifest>, RenderError> {
    manifests
        .into_iter()
        .filter(|manifest| !configures_kustomize(manifest))
        .map(|it| own(it, request))
        .collect()
}

fn configures_kustomize(manifest: &Manifest) -> bool {
    GroupVersionKind::new(manifest.api_version(), manifest.kind()).group
        == names::KUSTOMIZE_CONFIG_GROUP
}

fn own(mut manifest: Manifest, request: &RenderRequest) -> Result<Manifest, RenderError> {
    if request.encrypted == Encrypted::Masked {
        mask(&mut manifest.value);
    } else if is_encrypted(&manifest.value) {
        return Err(RenderError::Encrypted {
            object: Box::new(manifest.reference()),
            position: manifest.position,
        });
    }
    if let Some(metadata) = &request.common_metadata {
        for (place, pairs) in [
            ("labels", &metadata.labels),
            ("annotations", &metadata.annotations),
        ] {
            for (key, text) in pairs {
                let path = ["metadata", place, key];
                manifest.value.set_at(&path, text.clone().into());
            }
        }
    }
    for (key, text) in [
        (names::OWNER_NAME, &request.owner_name),
        (names::OWNER_NAMESPACE, &request.owner_namespace),
    ] {
        manifest
            .value
            .set_at(&["metadata", "labels", key], text.clone().into());
    }
    Ok(manifest)
}

/// The digest of what was rendered, for `status.history`: the same objects
/// have the same digest, in whatever order they come.
#[must_use]
pub fn digest(manifests: &[Manifest]) -> String {
    let mut parts: Vec<[u8; 32]> = manifests
        .iter()
        .map(|it| Sha256::digest(to_json(&it.value)).into())
        .collect();
    parts.sort_unstable();
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}
