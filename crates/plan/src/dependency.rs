//! Who waits for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use trueup_health::EvaluationError;
use trueup_kinds::{Kustomization, Resource, SourceReference, condition_type, message};
use trueup_object::Text;

/// A name in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamespacedName {
    /// Namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

impl NamespacedName {
    /// The name of a Kustomization.
    #[must_use]
    pub fn of(kustomization: &Kustomization) -> Self {
        Self {
            namespace: kustomization.metadata.namespace.clone(),
            name: kustomization.metadata.name.clone(),
        }
    }

    /// What a Kustomization waits for, in the order of `spec.dependsOn`.
    #[must_use]
    pub fn dependencies_of(kustomization: &Kustomization) -> Vec<Self> {
        let own = &kustomization.metadata.namespace;
        kustomization
            .spec
            .depends_on
            .iter()
            .map(|it| Self {
                namespace: it
                    .namespace
                    .clone()
                    .filter(|given| !given.is_empty())
                    .unwrap_or_else(|| own.clone()),
                name: it.name.clone(),
            })
            .collect()
    }
}

/// `dependsOn` of all Kustomizations, both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependencyGraph {
    needs: BTreeMap<NamespacedName, Vec<NamespacedName>>,
    dependents: BTreeMap<NamespacedName, BTreeSet<NamespacedName>>,
}

impl DependencyGraph {
    /// A graph without anything in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says anew what one waits for.
    pub fn set(&mut self, dependent: NamespacedName, needs: Vec<NamespacedName>) {
        self.remove(&dependent);
        for need in &needs {
            self.dependents
                .entry(need.clone())
                .or_default()
                .insert(dependent.clone());
        }
        if !needs.is_empty() {
            self.needs.insert(dependent, needs);
        }
    }

    /// Forgets what one waits for; those that wait for it still do.
    pub fn remove(&mut self, dependent: &NamespacedName) {
        for need in self.needs.remove(dependent).unwrap_or_default() {
            if let Some(waiting) = self.dependents.get_mut(&need) {
                waiting.remove(dependent);
                if waiting.is_empty() {
                    self.dependents.remove(&need);
                }
            }
        }
    }

    /// Those that wait for `needed`, to be woken when it becomes ready.
    pub fn dependents_of(&self, needed: &NamespacedName) -> impl Iterator<Item = &NamespacedName> {
        self.dependents.get(needed).into_iter().flatten()
    }

    /// The shortest way on which one waits for itself: it, those between, it
    /// again. Only its members are stuck because of a cycle; who merely waits
    /// for a member gets `None` here and waits for a dependency that is not
    /// ready.
    #[must_use]
    pub fn cycle_through(&self, start: &NamespacedName) -> Option<Vec<NamespacedName>> {
        let mut came_from: BTreeMap<&NamespacedName, &NamespacedName> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(here) = queue.pop_front() {
            for next in self.needs.get(here).into_iter().flatten() {
                if next == start {
                    return Some(way_back(start, here, &came_from));
                }
                if !came_from.contains_key(next) {
                    came_from.insert(next, here);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

fn way_back(
    start: &NamespacedName,
    last: &NamespacedName,
    came_from: &BTreeMap<&NamespacedName, &NamespacedName>,
) -> Vec<NamespacedName> {
    let mut way = vec![start.clone()];
    let mut here = last;
    while here != start {
        way.push(here.clone());
        let Some(before) = came_from.get(here) else {
            break;
        };
        here = before;
    }
    way.push(start.clone());
    way.reverse();
    way
}

/// Why a dependency does not let its dependents go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DependencyProblem {
    /// It does not exist.
    #[error("{}", message::dependency_not_found(&.0.namespace, &.0.name))]
    NotFound(NamespacedName),
    /// It is not ready, or its last change has not been looked at.
    #[error("{}", message::dependency_not_ready(&.0.namespace, &.0.name))]
    NotReady(NamespacedName),
    /// The expression says that it is not.
    #[error("{}", message::dependency_not_ready_by_expression(&.0.namespace, &.0.name))]
    NotReadyByExpression(NamespacedName),
    /// The expression has no result.
    #[error("dependency '{0}': {1}")]
    Expression(NamespacedName, EvaluationError),
    /// It is of the same source and has not applied this revision yet.
    #[error("{}", message::dependency_revision_not_up_to_date(&.0.namespace, &.0.name))]
    OtherRevision(NamespacedName),
}

/// Whether a dependency lets its dependent go on, as in Flux: it has been
/// looked at in its present generation, is ready, and, if both have the same
/// source, has applied the revision that the dependent is about to.
pub fn check_dependency(
    dependent: &Kustomization,
    name: &NamespacedName,
    dependency: Option<&Kustomization>,
    revision: &str,
) -> Result<(), DependencyProblem> {
    let Some(dependency) = dependency else {
        return Err(DependencyProblem::NotFound(name.clone()));
    };
    let is_observed = dependency.status.observed_generation == dependency.metadata.generation;
    if !is_observed || !dependency.conditions().is_true(condition_type::READY) {
        return Err(DependencyProblem::NotReady(name.clone()));
    }
    let has_revision = dependency.status.last_applied_revision.as_deref() == Some(revision);
    if same_source(dependent, dependency) && !has_revision {
        return Err(DependencyProblem::OtherRevision(name.clone()));
    }
    Ok(())
}

fn same_source(a: &Kustomization, b: &Kustomization) -> bool {
    let full = |it: &Kustomization| {
        let SourceReference {
            kind,
            name,
            namespace,
            ..
        } = &it.spec.source_ref;
        let own = || it.metadata.namespace.clone();
        (
            kind.clone(),
            name.clone(),
            namespace
                .clone()
                .filter(|given| !given.is_empty())
                .unwrap_or_else(own),
        )
    };
    full(a) == full(b)
}
