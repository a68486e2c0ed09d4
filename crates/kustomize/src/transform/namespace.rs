//! The namespace of everything in a root.

use super::{put, visit_all, visit_one};
use crate::BuildError;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use std::collections::HashMap;
use trueup_object::Text;

const NAMESPACE: &str = "metadata/namespace";
const NAME: &str = "metadata/name";

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// All service accounts.
    AllServiceAccounts,
    /// None.
    None,
}

/// The namespace to set, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamespaceRule {
    pub namespace: Text,
    /// Leave what is set already.
    pub unset_only: bool,
    pub subjects: Subjects,
}

impl NamespaceRule {
    /// As the field `namespace` sets it.
    pub fn of(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
            ..Self::default()
        }
    }

    fn set(&self, node: &mut Node) -> Result<(), WalkError> {
        let is_set = node.text().is_some_and(|text| !text.is_empty());
        if self.unset_only && is_set {
            return Ok(());
        }
        put(node, Node::string(self.namespace.clone()))
    }
}

/// Sets the namespace of all resources that have one. Two that become the same
/// are refused.
pub(crate) fn namespace(
    resources: &mut Resources,
    rule: &NamespaceRule,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    if rule.namespace.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut().filter(|resource| !resource.is_gone()) {
        resource.remember_id();
        move_resource(resource, rule, specs)?;
    }
    refuse_conflicts(resources)
}

/// Sets the namespace of one resource, if it has one, and what goes with it.
pub(crate) fn move_resource(
    resource: &mut Resource,
    rule: &NamespaceRule,
    specs: &[FieldSpec],
) -> Result<(), BuildError> {
    let is_version_1 = resource.node.text_at(&["apiVersion"]) == "v1";
    let gvk = resource.gvk();
    if !gvk.is_cluster_scoped() {
        let own = FieldSpec {
            path: NAMESPACE.into(),
            create: true,
            ..FieldSpec::default()
        };
        visit_all(resource, &[own], Make::Scalar, &mut |node| rule.set(node))?;
    }
    let is_binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
    if is_binding {
        move_subjects(resource, rule)?;
    }
    let rest = specs
        .iter()
        .filter(|spec| spec.path != NAMESPACE)
        .filter(|spec| spec.path != NAME || is_version_1)
        .filter(|spec| !(is_binding && is_binding_subject(spec)))
        .filter(|spec| spec.fits(&gvk));
    for spec in rest {
        visit_one(resource, spec, Make::Scalar, &mut |node| rule.set(node))?;
    }
    Ok(())
}

fn is_binding_subject(spec: &FieldSpec) -> bool {
    matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
        && spec.path == "subjects/namespace"
}

fn move_subjects(resource: &mut Resource, rule: &NamespaceRule) -> Result<(), BuildError> {
    let (position, id) = (resource.position.clone(), resource.id());
    let Some(subjects) = resource
        .node
        .get_mut("subjects")
        .and_then(Node::as_list_mut)
    else {
        return Ok(());
    };
    for subject in subjects {
        let follows = match rule.subjects {
            Subjects::None => false,
            Subjects::DefaultOnly => subject.text_at(&["name"]) == "default",
            Subjects::AllServiceAccounts => subject.text_at(&["kind"]) == "ServiceAccount",
        };
        if follows {
            rule.set(subject.entry_at(&["namespace"]))
                .map_err(|error| BuildError::Transformer {
                    position: position.clone(),
                    message: format!("{id}: the namespace of a subject: {error}"),
                })?;
        }
    }
    Ok(())
}

fn refuse_conflicts(resources: &Resources) -> Result<(), BuildError> {
    let mut seen = HashMap::new();
    for resource in resources.iter() {
        let id = resource.id();
        if let Some(first) = seen.insert(id.key(), resource) {
            return Err(BuildError::Transformer {
                position: resource.position.clone(),
                message: format!(
                    "namespace transformation produces ID conflict: {id} is also in {}",
                    first.position
                ),
            });
        }
    }
    Ok(())
}
