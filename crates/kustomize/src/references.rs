//! References by name follow the names.

mod candidates;

use crate::BuildError;
use crate::configuration::NameReference;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::id::{Gvk, ResourceId};
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use candidates::{Candidate, Candidates, View, check_subjects};
use std::collections::HashMap;

/// Writes the present name (and namespace) of every resource of the build to
/// the places that held a previous one.
pub(crate) fn follow(
    resources: &mut Resources,
    references: &[NameReference],
) -> Result<(), BuildError> {
    resources.iter().try_for_each(check_subjects)?;
    let candidates = Candidates::of(resources);
    if candidates.is_empty() {
        return Ok(());
    }
    let mut places: HashMap<Gvk, Vec<Place<'_>>> = HashMap::new();
    let mut referrals = Vec::new();
    for resource in resources.iter_mut() {
        let first = resource.first_id().gvk;
        let places = places
            .entry(first)
            .or_insert_with_key(|gvk| places_of(gvk, references));
        if places.is_empty() {
            continue;
        }
        let update = Update {
            referrer: Referrer::of(resource),
            view: candidates.view_of(resource)?,
            candidates: &candidates,
        };
        for place in places.iter() {
            update.run(resource, place, &mut referrals)?;
        }
    }
    for (place, id) in referrals {
        resources.as_mut_slice()[place].referred_by.push(id);
    }
    Ok(())
}

/// A place that holds names, and the kind that they are names of.
struct Place<'a> {
    target: &'a Gvk,
    /// The place in whatever kind the resource has become.
    spec: FieldSpec,
    is_role: bool,
}

/// The places of a kind in the order of the tables.
fn places_of<'a>(gvk: &Gvk, references: &'a [NameReference]) -> Vec<Place<'a>> {
    let places = references.iter().flat_map(|reference| {
        let fitting = reference.referrers.iter().filter(|spec| spec.fits(gvk));
        fitting.map(|spec| Place {
            target: &reference.target,
            is_role: spec.path.ends_with("roleRef/name"),
            spec: FieldSpec {
                gvk: Gvk::default(),
                ..spec.clone()
            },
        })
    });
    places.collect()
}

/// What the search needs to know of the resource that refers.
struct Referrer {
    id: ResourceId,
    prefixes: Vec<trueup_object::Text>,
    suffixes: Vec<trueup_object::Text>,
    /// Group and kind that `roleRef` names.
    role: Option<Gvk>,
}

impl Referrer {
    fn of(resource: &Resource) -> Self {
        let role_text = |field: &str| resource.node.at(&["roleRef", field])?.text();
        let role = role_text("apiGroup").zip(role_text("kind"));
        Self {
            id: resource.id(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            role: role.map(|(group, kind)| Gvk {
                group: group.into(),
                kind: kind.into(),
                ..Gvk::default()
            }),
        }
    }
}

/// One resource whose references are to follow.
struct Update<'a> {
    referrer: Referrer,
    view: View,
    candidates: &'a Candidates,
}

type Referrals = Vec<(usize, ResourceId)>;

impl Update<'_> {
    fn run(
        &self,
        resource: &mut Resource,
        place: &Place<'_>,
        referrals: &mut Referrals,
    ) -> Result<(), BuildError> {
        let set = &mut |node: &mut Node| self.set(node, place, referrals);
        let walked = place.spec.visit(&mut resource.node, Make::Nothing, set);
        walked.map_err(|error| BuildError::Transformer {
            position: resource.position.clone(),
            message: format!(
                "updating name reference in '{}' field of '{}': {error}",
                place.spec.path, self.referrer.id
            ),
        })
    }

    fn set(
        &self,
        node: &mut Node,
        place: &Place<'_>,
        referrals: &mut Referrals,
    ) -> Result<(), WalkError> {
        match node {
            Node::Scalar(_) => self.set_text(node, place, referrals),
            Node::Map(_) => self.set_map(node, place, referrals),
            Node::List(items) => items.iter_mut().try_for_each(|item| match item {
                Node::Scalar(_) => self.set_text(item, place, referrals),
                Node::Map(_) => self.set_map(item, place, referrals),
                Node::List(_) => Err(WalkError::Refused(
                    "expected a text or a map, found a list".to_owned(),
                )),
            }),
        }
    }

    fn set_text(
        &self,
        node: &mut Node,
        place: &Place<'_>,
        referrals: &mut Referrals,
    ) -> Result<(), WalkError> {
        let Some(old) = node.text() else {
            return Ok(());
        };
        let same = |one: &Candidate, other: &Candidate| one.id.name == other.id.name;
        let Some(found) = self.select(old, None, place, same)? else {
            return Ok(());
        };
        referrals.push((found.place, self.referrer.id.clone()));
        if found.id.name != old {
            node.write(&found.id.name);
        }
        Ok(())
    }

    /// A map with a name, and perhaps a namespace, as subjects of role bindings
    /// and services of webhooks are.
    fn set_map(
        &self,
        node: &mut Node,
        place: &Place<'_>,
        referrals: &mut Referrals,
    ) -> Result<(), WalkError> {
        let Some(name) = node.get("name") else {
            return Err(WalkError::Refused(
                "path config error; no 'name' field in node".to_owned(),
            ));
        };
        let text = |node: &Node| node.as_scalar().map(|scalar| scalar.text.clone());
        let old = text(name).unwrap_or_default();
        let namespace = node
            .get("namespace")
            .map(|node| text(node).unwrap_or_default());
        let same = |one: &Candidate, other: &Candidate| {
            one.id.name == other.id.name && one.id.namespace == other.id.namespace
        };
        let Some(found) = self.select(&old, namespace.as_deref(), place, same)? else {
            return Ok(());
        };
        referrals.push((found.place, self.referrer.id.clone()));
        let (name, namespace) = (&found.id.name, &found.id.namespace);
        if *name == old && namespace.is_empty() {
            return Ok(());
        }
        node.entry_at(&["name"]).write(name);
        if !namespace.is_empty() {
            node.entry_at(&["namespace"]).write(namespace);
        }
        Ok(())
    }

    /// The resource that once had the name and is meant: of the right kind,
    /// in the referrer's namespace, and renamed on the way by the same roots.
    /// A namespace in the reference is the one that it was read with, or is in
    /// if none was.
    fn select(
        &self,
        name: &str,
        namespace: Option<&str>,
        place: &Place<'_>,
        same: fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, WalkError> {
        let by_first = namespace.is_some_and(|it| self.candidates.was_in(it, &self.view));
        let is_there = |candidate: &Candidate| match namespace {
            Some(namespace) if by_first => candidate.first_namespace() == namespace,
            Some(namespace) => candidate.namespace() == namespace,
            None => true,
        };
        let named = self.candidates.named(name, &self.view);
        let mut found: Vec<&Candidate> = named
            .filter(|candidate| is_there(candidate))
            .filter(|candidate| candidate.had_kind(place.target))
            .filter(|candidate| self.fits_role(candidate, place))
            .filter(|candidate| self.is_in_reach(candidate))
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        let (prefixes, suffixes) = (&self.referrer.prefixes, &self.referrer.suffixes);
        found.retain(|candidate| candidate.may_share_roots(prefixes, suffixes));
        if found.len() > 1 {
            found.retain(|candidate| candidate.shares_roots(prefixes, suffixes));
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|other| same(first, other)) => Ok(Some(first)),
            many => Err(ambiguous(many)),
        }
    }

    fn fits_role(&self, candidate: &Candidate, place: &Place<'_>) -> bool {
        match &self.referrer.role {
            Some(role) if place.is_role => candidate.had_kind(role),
            _ => true,
        }
    }

    fn is_in_reach(&self, candidate: &Candidate) -> bool {
        self.referrer.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.kind == "ServiceAccount"
            || candidate.namespace() == self.referrer.id.effective_namespace()
    }
}

fn ambiguous(candidates: &[&Candidate]) -> WalkError {
    let ids: Vec<String> = candidates.iter().map(|it| it.id.to_string()).collect();
    WalkError::Refused(format!(
        "found multiple possible referrals: {}",
        ids.join(", ")
    ))
}
