//! Prefixes and suffixes of names.

use super::{put_text, visit_one};
use crate::BuildError;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::growth::Growth;
use crate::id::Gvk;
use crate::resource::Resource;
use crate::resources::Resources;

const NAME: &str = "metadata/name";

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Prefix,
    Suffix,
}

/// Puts a prefix before every name, and remembers it at the resource, since
/// references are told apart by the roots that gave prefixes. An empty one
/// changes nothing.
pub(crate) fn prefix(
    resources: &mut Resources,
    prefix: &str,
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    add(resources, (End::Prefix, prefix), specs, growth)
}

/// Puts a suffix behind every name.
pub(crate) fn suffix(
    resources: &mut Resources,
    suffix: &str,
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    add(resources, (End::Suffix, suffix), specs, growth)
}

/// Kinds whose names mean something outside the build.
fn keeps_its_name(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

fn add(
    resources: &mut Resources,
    (end, text): (End, &str),
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    if text.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut() {
        let gvk = resource.first_id().gvk;
        if keeps_its_name(&gvk) {
            continue;
        }
        for spec in specs.iter().filter(|spec| spec.fits(&gvk)) {
            add_one(resource, (end, text), spec, growth)?;
        }
    }
    Ok(())
}

fn add_one(
    resource: &mut Resource,
    (end, text): (End, &str),
    spec: &FieldSpec,
    growth: &Growth,
) -> Result<(), BuildError> {
    if spec.path == NAME {
        match end {
            End::Prefix => resource.prefixes.push(text.into()),
            End::Suffix => resource.suffixes.push(text.into()),
        }
        resource.remember_id();
    }
    if !spec.fits(&resource.gvk()) {
        return Ok(());
    }
    visit_one(resource, spec, Make::Scalar, &mut |node| {
        growth.add(text.len()).map_err(WalkError::Refused)?;
        let now = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
        let then = match end {
            End::Prefix => format!("{text}{now}"),
            End::Suffix => format!("{now}{text}"),
        };
        put_text(node, &then)
    })
}
