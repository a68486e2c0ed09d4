//! References by name follow the names.

mod candidates;

use crate::BuildError;
use crate::configuration::NameReference;
use crate::field_spec::{FieldSpec, Make, WalkError};
use crate::id::{Gvk, ResourceId};
use crate::node::Node;
use crate::resource::Resource;
use crate::resources::Resources;
use candidates::{Candidate, Candidates, check_subjects};

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
    let mut referrals = Vec::new();
    for resource in resources.iter_mut() {
        let first = resource.first_id().gvk;
        let mut visible = None;
        for reference in references {
            let fitting = reference.referrers.iter().filter(|spec| spec.fits(&first));
            for spec in fitting {
                if visible.is_none() {
                    visible = Some(candidates.visible_to(resource)?);
                }
                let Some(visible) = &visible else { continue };
                let update = Update {
                    referrer: Referrer::of(resource),
                    spec,
                    target: &reference.target,
                    visible,
                };
                update.run(resource, &mut referrals)?;
            }
        }
    }
    for (place, id) in referrals {
        resources.as_mut_slice()[place].referred_by.push(id);
    }
    Ok(())
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

/// One place of one resource whose names are to follow.
struct Update<'a> {
    referrer: Referrer,
    spec: &'a FieldSpec,
    target: &'a Gvk,
    visible: &'a [&'a Candidate],
}

type Referrals = Vec<(usize, ResourceId)>;

impl Update<'_> {
    fn run(&self, resource: &mut Resource, referrals: &mut Referrals) -> Result<(), BuildError> {
        let position = resource.position.clone();
        let anywhere = FieldSpec {
            gvk: Gvk::default(),
            ..self.spec.clone()
        };
        anywhere
            .visit(&mut resource.node, Make::Nothing, &mut |node| {
                self.set(node, referrals)
            })
            .map_err(|error| BuildError::Transformer {
                position,
                message: format!(
                    "updating name reference in '{}' field of '{}': {error}",
                    self.spec.path, self.referrer.id
                ),
            })
    }

    fn set(&self, node: &mut Node, referrals: &mut Referrals) -> Result<(), WalkError> {
        match node {
            Node::Scalar(_) => self.set_text(node, referrals),
            Node::Map(_) => self.set_map(node, referrals),
            Node::List(items) => items.iter_mut().try_for_each(|item| match item {
                Node::Scalar(_) => self.set_text(item, referrals),
                Node::Map(_) => self.set_map(item, referrals),
                Node::List(_) => Err(WalkError::Refused(
                    "expected a text or a map, found a list".to_owned(),
                )),
            }),
        }
    }

    fn set_text(&self, node: &mut Node, referrals: &mut Referrals) -> Result<(), WalkError> {
        let Some(old) = node.text() else {
            return Ok(());
        };
        let same = |one: &Candidate, other: &Candidate| one.id.name == other.id.name;
        let Some(found) = self.select(old, self.visible, same)? else {
            return Ok(());
        };
        referrals.push((found.place, self.referrer.id.clone()));
        if found.id.name != old {
            *node = Node::string(found.id.name.clone());
        }
        Ok(())
    }

    /// A map with a name, and perhaps a namespace, as subjects of role bindings
    /// and services of webhooks are.
    fn set_map(&self, node: &mut Node, referrals: &mut Referrals) -> Result<(), WalkError> {
        let Some(name) = node.get("name") else {
            return Err(WalkError::Refused(
                "path config error; no 'name' field in node".to_owned(),
            ));
        };
        let old = name.as_scalar().map(|scalar| scalar.text.clone());
        let old = old.unwrap_or_default();
        let candidates = match node.get("namespace") {
            Some(namespace) => candidates::in_namespace(
                self.visible,
                namespace.as_scalar().map_or("", |scalar| &scalar.text),
            ),
            None => self.visible.to_vec(),
        };
        let same = |one: &Candidate, other: &Candidate| {
            one.id.name == other.id.name && one.id.namespace == other.id.namespace
        };
        let Some(found) = self.select(&old, &candidates, same)? else {
            return Ok(());
        };
        referrals.push((found.place, self.referrer.id.clone()));
        let (name, namespace) = (&found.id.name, &found.id.namespace);
        if *name == old && namespace.is_empty() {
            return Ok(());
        }
        node.set_at(&["name"], Node::string(name.clone()));
        if !namespace.is_empty() {
            node.set_at(&["namespace"], Node::string(namespace.clone()));
        }
        Ok(())
    }

    /// The resource that once had the name and is meant: of the right kind,
    /// in the referrer's namespace, and renamed on the way by the same roots.
    fn select<'c>(
        &self,
        name: &str,
        candidates: &[&'c Candidate],
        same: fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'c Candidate>, WalkError> {
        let mut found: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| candidate.had_name(name))
            .filter(|candidate| candidate.had_kind(self.target))
            .filter(|candidate| self.fits_role(candidate))
            .filter(|candidate| self.is_in_reach(candidate))
            .copied()
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        let lineage = |candidate: &&Candidate| {
            candidate.may_share_roots(&self.referrer.prefixes, &self.referrer.suffixes)
        };
        found.retain(lineage);
        if found.len() > 1 {
            let exact = |candidate: &&Candidate| {
                candidate.shares_roots(&self.referrer.prefixes, &self.referrer.suffixes)
            };
            found.retain(exact);
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|other| same(first, other)) => Ok(Some(first)),
            many => Err(ambiguous(many)),
        }
    }

    fn fits_role(&self, candidate: &Candidate) -> bool {
        match &self.referrer.role {
            Some(role) if self.spec.path.ends_with("roleRef/name") => candidate.had_kind(role),
            _ => true,
        }
    }

    fn is_in_reach(&self, candidate: &Candidate) -> bool {
        self.referrer.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.is_cluster_scoped()
            || candidate.id.gvk.kind == "ServiceAccount"
            || candidate.id.effective_namespace() == self.referrer.id.effective_namespace()
    }
}

fn ambiguous(candidates: &[&Candidate]) -> WalkError {
    let ids: Vec<String> = candidates.iter().map(|it| it.id.to_string()).collect();
    WalkError::Refused(format!(
        "found multiple possible referrals: {}",
        ids.join(", ")
    ))
}
