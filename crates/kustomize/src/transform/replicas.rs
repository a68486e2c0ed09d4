//! Replica counts.

use super::{put, visit_one};
use crate::BuildError;
use crate::field_spec::{FieldSpec, Make};
use crate::id::ResourceId;
use crate::kustomization::ReplicaRule;
use crate::node::{Node, Scalar};
use crate::resources::Resources;

/// Sets the replicas of the resources that have or had a name. A name that no
/// resource has is refused.
pub(crate) fn replicas(
    resources: &mut Resources,
    rules: &[ReplicaRule],
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    rules
        .iter()
        .try_for_each(|rule| set_replicas(resources, rule, specs))
}

fn set_replicas(
    resources: &mut Resources,
    rule: &ReplicaRule,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    let mut found = false;
    for spec in specs {
        let fits = |id: &ResourceId| id.name == rule.name && spec.fits(&id.gvk);
        for resource in resources.iter_mut() {
            let fits_now = resource.name() == rule.name && spec.fits(&resource.gvk());
            if !(fits_now || resource.previous.iter().any(fits)) {
                continue;
            }
            found = true;
            if spec.fits(&resource.gvk()) {
                visit_one(resource, spec, Make::Scalar, &mut |node| {
                    put(node, Node::Scalar(Scalar::plain(rule.count.to_string())))
                })?;
            }
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<String> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    Err(BuildError::Transformer {
        position: rule.position.clone(),
        message: format!(
            "resource with name {} does not match a config with the following GVK [{}]",
            rule.name,
            kinds.join(" ")
        ),
    })
}
