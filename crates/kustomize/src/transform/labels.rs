//! Labels and annotations.

use super::visit_all;
use crate::BuildError;
use crate::configuration::{Configuration, add_all};
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::growth::Growth;
use crate::kustomization::{LabelRule, Pairs};
use crate::node::Node;
use crate::resources::Resources;

/// The places that an entry of `labels` changes: its own, those configured for
/// labels, and those of selectors or of metadata alone.
pub(crate) fn label_specs(
    rule: &LabelRule,
    configuration: &Configuration,
) -> Result<Vec<FieldSpec>, String> {
    let mut specs = rule.fields.clone();
    let mut add = |more: Vec<FieldSpec>| {
        add_all(&mut specs, more)
            .map_err(|path| format!("conflicting fieldspecs: {path:?} with and without create"))
    };
    add(configuration.labels.clone())?;
    if rule.include_selectors {
        add(configuration.common_labels.clone())?;
        return Ok(specs);
    }
    if rule.include_templates {
        add(configuration.template_labels.clone())?;
    }
    if rule.include_volume_claim_templates {
        add(configuration.volume_claim_template_labels.clone())?;
    }
    add(vec![FieldSpec {
        path: "metadata/labels".into(),
        create: true,
        ..FieldSpec::default()
    }])?;
    Ok(specs)
}

/// Sets labels at all places.
pub(crate) fn labels(
    resources: &mut Resources,
    pairs: &Pairs,
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    set_pairs(resources, pairs, specs, growth)
}

/// Sets annotations at all places.
pub(crate) fn annotations(
    resources: &mut Resources,
    pairs: &Pairs,
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    set_pairs(resources, pairs, specs, growth)
}

fn set_pairs(
    resources: &mut Resources,
    pairs: &Pairs,
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    if pairs.is_empty() {
        return Ok(());
    }
    let bytes = pairs.iter().map(|(key, text)| key.len() + text.len()).sum();
    for resource in resources.iter_mut() {
        visit_all(resource, specs, Make::Map, &mut |node| {
            growth.add(bytes).map_err(WalkError::Refused)?;
            set_all(node, pairs)
        })?;
    }
    Ok(())
}

fn set_all(node: &mut Node, pairs: &Pairs) -> Result<(), WalkError> {
    let Node::Map(map) = node else {
        let found = node.kind_name();
        return Err(WalkError::Refused(format!("expected a map, found {found}")));
    };
    for (key, value) in pairs {
        map.set(key, Node::string(value.clone()));
    }
    Ok(())
}
