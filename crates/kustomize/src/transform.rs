//! The transformers that a kustomization file has fields for.

mod images;
mod labels;
mod names;
mod namespace;
mod replicas;

use crate::BuildError;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::node::Node;
use crate::resource::Resource;

pub(crate) use images::images;
pub(crate) use labels::{annotations, label_specs, labels};
pub(crate) use names::{prefix, suffix};
pub(crate) use namespace::{NamespaceRule, Subjects, move_resource, namespace};
pub(crate) use replicas::replicas;

/// Calls `visit` with every value that the specs name in a resource.
pub(crate) fn visit_all(
    resource: &mut Resource,
    specs: &[FieldSpec],
    make: Make,
    visit: &mut dyn FnMut(&mut Node) -> Result<(), WalkError>,
) -> Result<(), BuildError> {
    let gvk = resource.gvk();
    for spec in specs.iter().filter(|spec| spec.fits(&gvk)) {
        visit_one(resource, spec, make, visit)?;
    }
    Ok(())
}

/// Calls `visit` with every value that the spec names in a resource of a
/// fitting kind.
pub(crate) fn visit_one(
    resource: &mut Resource,
    spec: &FieldSpec,
    make: Make,
    visit: &mut dyn FnMut(&mut Node) -> Result<(), WalkError>,
) -> Result<(), BuildError> {
    let walked = spec.visit(&mut resource.node, make, visit);
    walked.map_err(|error| BuildError::Transformer {
        position: resource.position.clone(),
        message: format!(
            "considering field '{}' of object {}: {error}",
            spec.path,
            resource.id()
        ),
    })
}

/// Puts a value in the place of a scalar; anything else there is refused.
pub(crate) fn put(node: &mut Node, value: Node) -> Result<(), WalkError> {
    if !matches!(node, Node::Scalar(_)) {
        let found = node.kind_name();
        return Err(WalkError::Refused(format!(
            "expected a text, found {found}"
        )));
    }
    *node = value;
    Ok(())
}

/// Writes another text in the place of a scalar, as [`Node::write`]; anything
/// else there is refused.
pub(crate) fn put_text(node: &mut Node, text: &str) -> Result<(), WalkError> {
    if !matches!(node, Node::Scalar(_)) {
        let found = node.kind_name();
        return Err(WalkError::Refused(format!(
            "expected a text, found {found}"
        )));
    }
    node.write(text);
    Ok(())
}
