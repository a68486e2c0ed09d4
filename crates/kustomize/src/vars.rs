//! `vars`: `$(NAME)` stands for a field of a resource.

mod expand;

use crate::BuildError;
use crate::field_path::{lookup, split_bracketed};
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::growth::Growth;
use crate::id::ResourceId;
use crate::kustomization::Var;
use crate::node::{Node, Scalar, Tag};
use crate::resources::Resources;
use crate::transform::visit_all;
pub(crate) use expand::{Expanded, expand};
use std::collections::HashMap;
use trueup_object::Text;

/// Adds variables that roots below have; a name that is there already is
/// refused.
pub(crate) fn add(known: &mut Vec<Var>, more: Vec<Var>) -> Result<(), BuildError> {
    for var in more {
        if known.iter().any(|it| it.name == var.name) {
            return Err(refused(&var, "is already encountered"));
        }
        known.push(var);
    }
    known.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(())
}

/// Adds the variables of a root, and remembers at the resources which of them
/// take their value there.
pub(crate) fn declare(
    known: &mut Vec<Var>,
    resources: &mut Resources,
    vars: &[Var],
) -> Result<(), BuildError> {
    for var in vars {
        let wanted = &var.target;
        let whole = !wanted.namespace.is_empty() || wanted.gvk.is_cluster_scoped();
        let fits = |id: &ResourceId| match whole {
            true => id.is_same(wanted),
            false => id.name == wanted.name && id.gvk == wanted.gvk,
        };
        let mut found: Vec<_> = resources
            .iter_mut()
            .filter(|it| fits(&it.id()) || it.previous.iter().any(fits))
            .collect();
        match found.as_mut_slice() {
            [] => {}
            [one] => one.variables.push(var.name.clone()),
            many => {
                let message = format!("found {} resources that it could mean", many.len());
                return Err(refused(var, &message));
            }
        }
    }
    add(known, vars.to_vec())
}

/// Puts the values in the place of `$(NAME)`.
pub(crate) fn resolve(
    resources: &mut Resources,
    vars: &[Var],
    specs: &[FieldSpec],
    growth: &Growth,
) -> Result<(), BuildError> {
    let mut values = HashMap::new();
    for var in vars {
        values.insert(var.name.clone(), value_of(resources, var)?);
    }
    if values.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut() {
        visit_all(resource, specs, Make::Nothing, &mut |node| {
            put(node, &values, growth)
        })?;
    }
    Ok(())
}

fn value_of(resources: &Resources, var: &Var) -> Result<Scalar, BuildError> {
    let holds = |names: &[Text]| names.contains(&var.name);
    let Some(resource) = resources.iter().find(|it| holds(&it.variables)) else {
        let message = "cannot be mapped to a field in the set of known resources";
        return Err(refused(var, message));
    };
    match lookup(&resource.node, &split_bracketed(&var.field_path)) {
        Some(Node::Scalar(scalar)) => Ok(scalar.clone()),
        Some(node) => Err(refused(
            var,
            &format!("stands for {}, expected a text", node.kind_name()),
        )),
        None => Err(refused(
            var,
            &format!("field {:?} not found in {}", var.field_path, resource.id()),
        )),
    }
}

fn put(node: &mut Node, values: &HashMap<Text, Scalar>, growth: &Growth) -> Result<(), WalkError> {
    match node {
        Node::Scalar(scalar) => put_scalar(scalar, values, growth)?,
        Node::Map(map) => {
            for (_, value) in map.iter_mut() {
                if let Node::Scalar(scalar) = value {
                    put_scalar(scalar, values, growth)?;
                }
            }
        }
        Node::List(items) => {
            for item in items {
                match item {
                    Node::Scalar(scalar) if scalar.tag == Tag::String => {
                        put_scalar(scalar, values, growth)?;
                    }
                    _ => {
                        return Err(WalkError::Refused(
                            "invalid value type expect a string".to_owned(),
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

fn put_scalar(
    scalar: &mut Scalar,
    values: &HashMap<Text, Scalar>,
    growth: &Growth,
) -> Result<(), WalkError> {
    if scalar.tag != Tag::String {
        return Ok(());
    }
    *scalar = match expand(&scalar.text, values, growth).map_err(WalkError::Refused)? {
        Expanded::Text(text) => Scalar::string(text),
        Expanded::Value(value) => value,
    };
    Ok(())
}

fn refused(var: &Var, message: &str) -> BuildError {
    BuildError::Transformer {
        position: var.position.clone(),
        message: format!("var '{}' {message}", var.name),
    }
}
