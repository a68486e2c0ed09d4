//! What a caller adds to the kustomization file of the outermost root.

use crate::BuildError;
use crate::files::Files;
use crate::kustomization::{ImageRule, KustomizationFile, Located, PatchRule, Selector};
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};

/// What a Kustomization of Flux adds to the file in its folder, in Flux's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// In the place of the file's `namespace`.
    pub namespace: Option<Text>,
    /// In the place of the file's `namePrefix`.
    pub name_prefix: Option<Text>,
    /// In the place of the file's `nameSuffix`.
    pub name_suffix: Option<Text>,
    /// Behind the file's `patches`.
    pub patches: Vec<AddedPatch>,
    /// Behind the file's `components`; folders, relative to the root's.
    pub components: Vec<Text>,
    /// What a component is that is not there.
    pub missing_components: MissingComponents,
    /// Merged into the file's `images` by their names.
    pub images: Vec<AddedImage>,
    /// In the place of the file's `buildMetadata`, if there are any.
    pub build_metadata: Vec<Text>,
}

/// What a component is that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingComponents {
    /// An error.
    #[default]
    Refused,
    /// Nothing.
    PassedOver,
}

/// A patch: a strategic merge or a JSON patch, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedPatch {
    /// The patch.
    pub patch: Text,
    /// What it is for; a strategic merge may name that itself.
    pub target: Option<PatchTarget>,
}

/// Which resources a patch is for; texts are regular expressions that must fit
/// wholly, empty ones fit all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchTarget {
    /// Group.
    pub group: Text,
    /// Version.
    pub version: Text,
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Namespace.
    pub namespace: Text,
    /// A selector of labels.
    pub label_selector: Text,
    /// A selector of annotations.
    pub annotation_selector: Text,
}

/// An image and what becomes of it; empty texts leave that part as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedImage {
    /// The image.
    pub name: Text,
    /// Its new name.
    pub new_name: Text,
    /// Its new tag.
    pub new_tag: Text,
    /// Its new digest.
    pub digest: Text,
}

impl Additions {
    /// Adds everything to the file of a root. Places in messages are the
    /// fields of the Kustomization, such as `spec.patches[0]`.
    pub(crate) fn apply(
        &self,
        file: &mut KustomizationFile,
        files: &Files<'_>,
        folder: &TreePath,
    ) -> Result<(), BuildError> {
        for (given, field) in [
            (&self.namespace, &mut file.namespace),
            (&self.name_prefix, &mut file.name_prefix),
            (&self.name_suffix, &mut file.name_suffix),
        ] {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        let patches = self.patches.iter().enumerate();
        file.patches
            .extend(patches.map(|(index, patch)| patch.rule(index)));
        self.add_components(file, files, folder)?;
        self.images
            .iter()
            .for_each(|image| merge_image(&mut file.images, image));
        if !self.build_metadata.is_empty() {
            file.build_metadata.clone_from(&self.build_metadata);
        }
        Ok(())
    }

    fn add_components(
        &self,
        file: &mut KustomizationFile,
        files: &Files<'_>,
        folder: &TreePath,
    ) -> Result<(), BuildError> {
        for (index, component) in self.components.iter().enumerate() {
            let position = place("components", index);
            if !is_local_and_relative(component) {
                return Err(BuildError::ComponentElsewhere {
                    position,
                    component: component.clone(),
                });
            }
            let found = files.find(folder, component, &position);
            let is_missing = matches!(found, Ok((_, None)) | Err(BuildError::BadPath { .. }));
            if is_missing && self.missing_components == MissingComponents::PassedOver {
                continue;
            }
            file.components.push(Located {
                value: component.clone(),
                position,
            });
        }
        Ok(())
    }
}

impl AddedPatch {
    fn rule(&self, index: usize) -> PatchRule {
        PatchRule {
            position: place("patches", index),
            patch: self.patch.clone(),
            target: self.target.as_ref().map(|target| Selector {
                group: target.group.clone(),
                version: target.version.clone(),
                kind: target.kind.clone(),
                name: target.name.clone(),
                namespace: target.namespace.clone(),
                label_selector: target.label_selector.clone(),
                annotation_selector: target.annotation_selector.clone(),
            }),
            ..PatchRule::default()
        }
    }
}

/// The place of an entry of a list of `spec`.
fn place(field: &str, index: usize) -> Position {
    Position {
        file: format!("spec.{field}[{index}]").into(),
        line: 0,
    }
}

/// Tag and digest both say which version is meant: whoever gives one of them
/// replaces both.
fn merge_image(images: &mut Vec<ImageRule>, added: &AddedImage) {
    let Some(image) = images.iter_mut().find(|image| image.name == added.name) else {
        return images.push(ImageRule {
            name: added.name.clone(),
            new_name: added.new_name.clone(),
            new_tag: added.new_tag.clone(),
            digest: added.digest.clone(),
            ..ImageRule::default()
        });
    };
    if !added.new_name.is_empty() {
        image.new_name.clone_from(&added.new_name);
    }
    if !added.new_tag.is_empty() || !added.digest.is_empty() {
        image.new_tag.clone_from(&added.new_tag);
        image.digest.clone_from(&added.digest);
    }
}

/// How Flux tells a folder of the source from an address.
fn is_local_and_relative(component: &str) -> bool {
    const ELSEWHERE: [&str; 8] = [
        "git::",
        "gh:",
        "ssh://",
        "https://",
        "http://",
        "git@",
        "github.com:",
        "github.com/",
    ];
    let lower = component.to_lowercase();
    let is_elsewhere = |start: &&str| lower.starts_with(*start) && lower.len() > start.len();
    let path = lower.strip_prefix("file://").unwrap_or(&lower);
    !path.starts_with('/') && !ELSEWHERE.iter().any(is_elsewhere)
}
