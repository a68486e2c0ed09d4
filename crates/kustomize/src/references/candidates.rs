//! The resources that references can mean.

use crate::BuildError;
use crate::id::{Gvk, ResourceId};
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use std::collections::HashSet;
use trueup_object::Text;

/// A resource that had another name or namespace once.
pub(super) struct Candidate {
    /// Its place among the resources.
    pub place: usize,
    pub id: ResourceId,
    previous: Vec<ResourceId>,
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
}

/// All of them in the order of the build.
pub(super) struct Candidates {
    all: Vec<Candidate>,
}

impl Candidates {
    pub fn of(resources: &Resources) -> Self {
        let renamed = resources.iter().enumerate();
        let renamed = renamed.filter(|(_, resource)| !resource.previous.is_empty());
        Self {
            all: renamed
                .map(|(place, resource)| Candidate {
                    place,
                    id: resource.id(),
                    previous: resource.previous.clone(),
                    prefixes: resource.prefixes.clone(),
                    suffixes: resource.suffixes.clone(),
                })
                .collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that a resource can refer to: kinds without a namespace, its own
    /// namespace, and those that the subjects of a role binding name.
    pub fn visible_to(&self, referrer: &Resource) -> Result<Vec<&Candidate>, BuildError> {
        let id = referrer.id();
        if id.gvk.is_cluster_scoped() {
            return Ok(self.all.iter().collect());
        }
        let bound = subject_namespaces(referrer)?;
        let fits = |candidate: &&Candidate| {
            candidate.id.gvk.is_cluster_scoped()
                || candidate.id.effective_namespace() == id.effective_namespace()
                || bound.contains(&candidate.id.namespace)
        };
        Ok(self.all.iter().filter(fits).collect())
    }
}

/// Refuses a role binding whose subject has a namespace that says nothing.
pub(super) fn check_subjects(referrer: &Resource) -> Result<(), BuildError> {
    subject_namespaces(referrer).map(|_| ())
}

/// The namespaces of the service accounts that a role binding names.
fn subject_namespaces(referrer: &Resource) -> Result<HashSet<Text>, BuildError> {
    let mut namespaces = HashSet::new();
    if referrer.kind() != "RoleBinding" {
        return Ok(namespaces);
    }
    let subjects = referrer.node.get("subjects").and_then(Node::as_list);
    for subject in subjects.unwrap_or_default() {
        let Some(namespace) = subject.get("namespace") else {
            continue;
        };
        if subject.text_at(&["kind"]) != "ServiceAccount" {
            continue;
        }
        match namespace.text() {
            Some(namespace) => namespaces.insert(namespace.into()),
            None => {
                return Err(BuildError::Transformer {
                    position: referrer.position.clone(),
                    message: format!(
                        "namespace is blank in a subject of {}",
                        referrer.id()
                    ),
                });
            }
        };
    }
    Ok(namespaces)
}

/// Those that were read with a namespace, else those that are in it now.
pub(super) fn in_namespace<'a>(all: &[&'a Candidate], namespace: &str) -> Vec<&'a Candidate> {
    let pick = |in_it: &dyn Fn(&Candidate) -> bool| -> Vec<&'a Candidate> {
        all.iter().filter(|it| in_it(it)).copied().collect()
    };
    let first = pick(&|it| {
        let first = it.previous.first().unwrap_or(&it.id);
        first.effective_namespace() == namespace
    });
    if first.is_empty() {
        return pick(&|it| it.id.effective_namespace() == namespace);
    }
    first
}

impl Candidate {
    pub fn had_name(&self, name: &str) -> bool {
        self.previous.iter().any(|id| id.name == name)
    }

    pub fn had_kind(&self, kind: &Gvk) -> bool {
        self.previous.iter().any(|id| id.gvk.is_selected_by(kind))
    }

    /// Whether the same roots gave prefixes and suffixes, as far as both have
    /// any.
    pub fn may_share_roots(&self, prefixes: &[Text], suffixes: &[Text]) -> bool {
        let fits = |mine: &[Text], theirs: &[Text]| {
            mine.is_empty() || theirs.is_empty() || same_end(mine, theirs)
        };
        fits(&self.prefixes, prefixes) && fits(&self.suffixes, suffixes)
    }

    /// Whether the same roots gave prefixes and suffixes.
    pub fn shares_roots(&self, prefixes: &[Text], suffixes: &[Text]) -> bool {
        same_end(&self.prefixes, prefixes) && same_end(&self.suffixes, suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty list is the
/// end of an empty one alone.
fn same_end(one: &[Text], other: &[Text]) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if short.is_empty() {
        return long.is_empty();
    }
    long.ends_with(short)
}
