//! What to render.

use crate::{Encrypted, RenderError, Substitution};
use trueup_kinds::{CommonMetadata, Image, Kustomization, KustomizationSpec, Patch, Selector};
use trueup_kustomize::{AddedImage, AddedPatch, Additions, Limits, MissingComponents, PatchTarget};
use trueup_object::Text;
use trueup_object::names::dns_label_errors;

/// What to render; together with the tree it decides the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderRequest {
    /// `spec.path`; empty for the root of the tree.
    pub path: Text,
    /// What the specification adds to the kustomization file.
    pub additions: Additions,
    /// `spec.commonMetadata`.
    pub common_metadata: Option<CommonMetadata>,
    /// `spec.postBuild`, the variables read.
    pub substitution: Option<Substitution>,
    /// What happens to encrypted objects.
    pub encrypted: Encrypted,
    /// The Kustomization's name, for the owner label.
    pub owner_name: Text,
    /// The Kustomization's namespace, for the owner label.
    pub owner_namespace: Text,
    /// How much may be read.
    pub limits: Limits,
}

impl RenderRequest {
    /// What a Kustomization asks for, without its variables. A path is
    /// relative to the root of the source, a slash in front makes no
    /// difference, as in Flux.
    #[must_use]
    pub fn of(kustomization: &Kustomization) -> Self {
        let spec = &kustomization.spec;
        let path = spec.path.as_deref().unwrap_or("");
        Self {
            path: path.trim_start_matches('/').into(),
            additions: additions(spec),
            common_metadata: spec.common_metadata.clone(),
            substitution: None,
            encrypted: Encrypted::Refused,
            owner_name: kustomization.metadata.name.clone(),
            owner_namespace: kustomization.metadata.namespace.clone(),
            limits: Limits::default(),
        }
    }

    /// The same with variables to put in.
    #[must_use]
    pub fn with_substitution(self, substitution: Option<Substitution>) -> Self {
        Self {
            substitution,
            ..self
        }
    }

    /// What can be told to be wrong without reading a file.
    pub(crate) fn check(&self) -> Result<(), RenderError> {
        let Some(namespace) = &self.additions.namespace else {
            return Ok(());
        };
        match dns_label_errors(namespace).into_iter().next() {
            None => Ok(()),
            Some(cause) => Err(RenderError::BadNamespace {
                namespace: namespace.clone(),
                cause,
            }),
        }
    }
}

fn additions(spec: &KustomizationSpec) -> Additions {
    let given = |text: &Option<Text>| text.clone().filter(|it| !it.is_empty());
    Additions {
        namespace: given(&spec.target_namespace),
        name_prefix: given(&spec.name_prefix),
        name_suffix: given(&spec.name_suffix),
        patches: spec.patches.iter().map(added_patch).collect(),
        components: spec.components.clone(),
        missing_components: if spec.ignore_missing_components {
            MissingComponents::PassedOver
        } else {
            MissingComponents::Refused
        },
        images: spec.images.iter().map(added_image).collect(),
        build_metadata: spec.build_metadata.clone(),
    }
}

fn added_patch(patch: &Patch) -> AddedPatch {
    AddedPatch {
        patch: patch.patch.clone(),
        target: patch.target.as_ref().map(patch_target),
    }
}

fn patch_target(selector: &Selector) -> PatchTarget {
    let text = |text: &Option<Text>| text.clone().unwrap_or_default();
    PatchTarget {
        group: text(&selector.group),
        version: text(&selector.version),
        kind: text(&selector.kind),
        name: text(&selector.name),
        namespace: text(&selector.namespace),
        label_selector: text(&selector.label_selector),
        annotation_selector: text(&selector.annotation_selector),
    }
}

fn added_image(image: &Image) -> AddedImage {
    let text = |text: &Option<Text>| text.clone().unwrap_or_default();
    AddedImage {
        name: image.name.clone(),
        new_name: text(&image.new_name),
        new_tag: text(&image.new_tag),
        digest: text(&image.digest),
    }
}
