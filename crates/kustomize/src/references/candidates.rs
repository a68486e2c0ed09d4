//! The resources that references can mean.

use crate::BuildError;
use crate::id::{Gvk, ResourceId};
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use std::collections::{HashMap, HashSet};
use trueup_object::Text;

/// A resource that had another name or namespace once.
pub(super) struct Candidate {
    /// Its place among the resources.
    pub place: usize,
    pub id: ResourceId,
    /// The namespace that it is in as far as sameness goes.
    namespace: Text,
    first_namespace: Text,
    previous: Vec<ResourceId>,
    prefixes: Vec<Text>,
    suffixes: Vec<Text>,
}

/// All of them, found by any name that they had.
pub(super) struct Candidates {
    all: Vec<Candidate>,
    by_name: HashMap<Text, Vec<usize>>,
    /// For each namespace that resources were read with, those that they are
    /// in now.
    moved: HashMap<Text, HashSet<Text>>,
    cluster_scoped: Text,
}

/// What a resource can refer to.
pub(super) struct View {
    /// The namespaces that it sees; `None` for all.
    namespaces: Option<HashSet<Text>>,
}

impl Candidates {
    pub fn of(resources: &Resources) -> Self {
        let mut all = Vec::new();
        let mut by_name: HashMap<Text, Vec<usize>> = HashMap::new();
        let mut moved: HashMap<Text, HashSet<Text>> = HashMap::new();
        for (place, resource) in resources.iter().enumerate() {
            let id = resource.id();
            let namespace: Text = id.effective_namespace().into();
            let first = resource.first_id();
            let first_namespace: Text = first.effective_namespace().into();
            let now = moved.entry(first_namespace.clone()).or_default();
            now.insert(namespace.clone());
            if resource.previous.is_empty() {
                continue;
            }
            let names: HashSet<&Text> = resource.previous.iter().map(|id| &id.name).collect();
            for name in names {
                by_name.entry(name.clone()).or_default().push(all.len());
            }
            all.push(Candidate {
                place,
                id,
                namespace,
                first_namespace,
                previous: resource.previous.clone(),
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
            });
        }
        let cluster_scoped = crate::id::NOT_A_NAMESPACE.into();
        Self {
            all,
            by_name,
            moved,
            cluster_scoped,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What a resource can refer to: kinds without a namespace, its own
    /// namespace, and those that the subjects of a role binding name.
    pub fn view_of(&self, referrer: &Resource) -> Result<View, BuildError> {
        let id = referrer.id();
        if id.gvk.is_cluster_scoped() {
            return Ok(View { namespaces: None });
        }
        let mut namespaces = subject_namespaces(referrer)?;
        namespaces.insert(id.effective_namespace().into());
        namespaces.insert(self.cluster_scoped.clone());
        Ok(View {
            namespaces: Some(namespaces),
        })
    }

    /// Those in view that once had a name, in the order of the build.
    pub fn named<'a>(&'a self, name: &str, view: &'a View) -> impl Iterator<Item = &'a Candidate> {
        let places = self.by_name.get(name).into_iter().flatten();
        places
            .map(|place| &self.all[*place])
            .filter(|candidate| view.shows(&candidate.namespace))
    }

    /// Whether anything in view was read with a namespace.
    pub fn was_in(&self, namespace: &str, view: &View) -> bool {
        let now = self.moved.get(namespace);
        now.is_some_and(|now| now.iter().any(|it| view.shows(it)))
    }
}

impl View {
    fn shows(&self, namespace: &Text) -> bool {
        match &self.namespaces {
            Some(namespaces) => namespaces.contains(namespace),
            None => true,
        }
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
                    message: format!("namespace is blank in a subject of {}", referrer.id()),
                });
            }
        };
    }
    Ok(namespaces)
}

impl Candidate {
    /// The effective namespace that it is in.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The effective namespace that it was read with.
    pub fn first_namespace(&self) -> &str {
        &self.first_namespace
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
