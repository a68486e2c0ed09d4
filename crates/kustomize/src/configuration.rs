//! Which places of which kinds transformers change.

mod builtin;
mod crds;

use crate::BuildError;
use crate::field_spec::FieldSpec;
use crate::file::{Fields, first_document, gvk, open_field_spec};
use crate::files::{FileName, Files, file_position};
use crate::id::Gvk;
use crate::kustomization::Located;
use std::borrow::Cow;
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};
use trueup_yaml::Node;

/// The places that transformers change: the tables that kustomize comes with
/// and what `configurations` and `crds` add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub name_prefix: Vec<FieldSpec>,
    pub name_suffix: Vec<FieldSpec>,
    pub namespace: Vec<FieldSpec>,
    pub common_labels: Vec<FieldSpec>,
    pub labels: Vec<FieldSpec>,
    pub template_labels: Vec<FieldSpec>,
    pub volume_claim_template_labels: Vec<FieldSpec>,
    pub common_annotations: Vec<FieldSpec>,
    pub name_reference: Vec<NameReference>,
    pub var_reference: Vec<FieldSpec>,
    pub images: Vec<FieldSpec>,
    pub replicas: Vec<FieldSpec>,
}

/// A kind, and the places that hold names of its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameReference {
    /// The kind that is referred to; empty parts fit all.
    pub target: Gvk,
    /// Who refers to it, and where.
    pub referrers: Vec<FieldSpec>,
}

/// A configuration of a root; most are the tables and nothing else, of which
/// no copy is made.
pub(crate) type RootConfiguration = Cow<'static, Configuration>;

/// Adds places; the same place with another `create` is refused.
pub(crate) fn merge(
    known: &mut RootConfiguration,
    more: RootConfiguration,
    position: &Position,
) -> Result<(), BuildError> {
    let brings_tables = is_tables(&more);
    if brings_tables && is_tables(known) {
        return Ok(());
    }
    if **known == *more || *more == Configuration::default() {
        return Ok(());
    }
    if brings_tables && **known == Configuration::default() {
        *known = more;
        return Ok(());
    }
    known.to_mut().merge_all(more.into_owned(), position)
}

/// Whether a configuration is the tables themselves.
fn is_tables(configuration: &RootConfiguration) -> bool {
    matches!(configuration, Cow::Borrowed(it) if std::ptr::eq(*it, builtin::tables()))
}

impl Configuration {
    /// The tables that kustomize comes with, and what the files add.
    pub fn of(
        files: &mut Files<'_>,
        folder: &TreePath,
        written: &[Located<Text>],
    ) -> Result<RootConfiguration, BuildError> {
        let mut all = Cow::Borrowed(builtin::tables());
        for file in written {
            let (path, text) = files.read_text(folder, &file.value, &file.position)?;
            merge(&mut all, Cow::Owned(read(&path, &text)?), &file.position)?;
        }
        Ok(all)
    }

    /// The name references that definitions of custom resources declare.
    pub fn of_crds(
        files: &mut Files<'_>,
        folder: &TreePath,
        written: &[Located<Text>],
    ) -> Result<RootConfiguration, BuildError> {
        let mut all = Cow::Owned(Self::default());
        for file in written {
            let (path, text) = files.read_text(folder, &file.value, &file.position)?;
            let more = Cow::Owned(crds::read(&path, &text)?);
            merge(&mut all, more, &file.position)?;
        }
        Ok(all)
    }

    /// As [`merge`], whatever is there.
    fn merge_all(&mut self, other: Configuration, position: &Position) -> Result<(), BuildError> {
        let references = other.name_reference.clone();
        for ((section, mine), (_, theirs)) in self.sections().into_iter().zip(other.into_sections())
        {
            add_all(mine, theirs).map_err(|place| conflict(section, &place, position))?;
        }
        for reference in references {
            self.add_reference(reference, position)?;
        }
        self.sort();
        Ok(())
    }

    fn add_reference(
        &mut self,
        reference: NameReference,
        position: &Position,
    ) -> Result<(), BuildError> {
        let mut all = self.name_reference.iter_mut();
        match all.find(|known| known.target == reference.target) {
            Some(known) => add_all(&mut known.referrers, reference.referrers)
                .map_err(|place| conflict("nameReference", &place, position)),
            None => {
                self.name_reference.push(reference);
                Ok(())
            }
        }
    }

    fn sections(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 11] {
        [
            ("namePrefix", &mut self.name_prefix),
            ("nameSuffix", &mut self.name_suffix),
            ("namespace", &mut self.namespace),
            ("commonLabels", &mut self.common_labels),
            ("labels", &mut self.labels),
            ("templateLabels", &mut self.template_labels),
            (
                "volumeClaimTemplateLabels",
                &mut self.volume_claim_template_labels,
            ),
            ("commonAnnotations", &mut self.common_annotations),
            ("varReference", &mut self.var_reference),
            ("images", &mut self.images),
            ("replicas", &mut self.replicas),
        ]
    }

    fn into_sections(mut self) -> Vec<(&'static str, Vec<FieldSpec>)> {
        let sections = self.sections().into_iter();
        sections
            .map(|(name, specs)| (name, std::mem::take(specs)))
            .collect()
    }

    /// Kinds in the order in which kustomize's output has them.
    fn sort(&mut self) {
        for (_, specs) in self.sections() {
            specs.sort_by_cached_key(|spec| spec.gvk.sort_key());
        }
        self.name_reference
            .sort_by_cached_key(|reference| reference.target.sort_key());
    }
}

/// Adds places that are not there yet; gives back the path of one that is
/// there with another `create`. A place of all kinds is there if the same
/// place of any kind is.
pub(crate) fn add_all(known: &mut Vec<FieldSpec>, more: Vec<FieldSpec>) -> Result<(), Text> {
    for spec in more {
        match known.iter().find(|it| it.covers(&spec)) {
            Some(it) if it.create != spec.create => return Err(spec.path),
            Some(_) => {}
            None => known.push(spec),
        }
    }
    Ok(())
}

fn conflict(section: &str, path: &str, position: &Position) -> BuildError {
    BuildError::Transformer {
        position: position.clone(),
        message: format!("conflicting fieldspecs: {section} has {path:?} with and without create"),
    }
}

fn read(name: &FileName, text: &str) -> Result<Configuration, BuildError> {
    let position = file_position(name);
    let document = first_document(&position, text)?;
    let Some(document) = document else {
        return Ok(Configuration::default());
    };
    let fields = Fields::open(&position, &document, "a transformer configuration")?;
    let mut configuration = Configuration {
        name_reference: fields.list("nameReference", name_reference)?,
        ..Configuration::default()
    };
    for (section, specs) in configuration.sections() {
        *specs = fields.list(section, open_field_spec)?;
    }
    configuration.sort();
    Ok(configuration)
}

fn name_reference(file: &Text, node: &Node) -> Result<NameReference, BuildError> {
    let place = Position {
        file: file.clone(),
        line: node.line,
    };
    let fields = Fields::open(&place, node, "a name reference")?;
    Ok(NameReference {
        target: gvk(&fields)?,
        referrers: fields.list("fieldSpecs", open_field_spec)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_merged_into_nothing_or_themselves_are_the_tables() {
        let position = Position::default();
        for start in [Configuration::default(), builtin::tables().clone()] {
            let mut merged = start;
            merged
                .merge_all(builtin::tables().clone(), &position)
                .unwrap();
            assert!(merged == *builtin::tables());
        }
    }
}
