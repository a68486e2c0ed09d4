//! Which objects a command means.

use super::{Failure, said};
use crate::arguments::{Scope as Flags, SourceTarget, SourceTargets, Target, Targets};
use crate::words::{CANARY, GIT_REPOSITORY, KUSTOMIZATION, Words};
use std::collections::BTreeSet;
use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_object::ObjectRef;

/// How many objects of a kind are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those that are named.
    Named,
    /// All in the namespace.
    All,
}

impl Extent {
    /// What `--all` says.
    pub fn of(all: bool) -> Self {
        if all { Self::All } else { Self::Named }
    }
}

/// The kind and name that a command speaks of.
pub fn one(target: &Target) -> (&'static Words, &str) {
    match target {
        Target::Kustomization { name } => (&KUSTOMIZATION, name),
        Target::Source {
            kind: SourceTarget::Git { name },
        } => (&GIT_REPOSITORY, name),
        Target::Canary { name } => (&CANARY, name),
    }
}

/// The kind and names that a command speaks of.
pub fn several(targets: &Targets) -> (&'static Words, &[String]) {
    match targets {
        Targets::Kustomization { names } => (&KUSTOMIZATION, names),
        Targets::Source {
            kind: SourceTargets::Git { names },
        } => (&GIT_REPOSITORY, names),
        Targets::Canary { names } => (&CANARY, names),
    }
}

/// The objects themselves: each named one once, or all.
pub async fn live(
    session: &Session,
    flags: &Flags,
    words: &Words,
    names: &[String],
    extent: Extent,
) -> Result<Vec<LiveObject>, Failure> {
    match (names, extent) {
        ([], Extent::Named) => Err(said(format!("{} name is required", words.command))
            .hinted("--all means all objects of the kind in the namespace")),
        ([], Extent::All) => all(session, flags, words).await,
        (_, Extent::All) => Err(said("give names or --all, not both")),
        (names, Extent::Named) => {
            let mut found = Vec::new();
            for name in names.iter().collect::<BTreeSet<_>>() {
                let object = words.object(&flags.namespace, name);
                found.push(session.get(&object, Form::Full).await?);
            }
            Ok(found)
        }
    }
}

async fn all(session: &Session, flags: &Flags, words: &Words) -> Result<Vec<LiveObject>, Failure> {
    let scope = Scope::namespace(&flags.namespace);
    let found = session.list(&words.gvk(), &scope, Form::Full).await?;
    if found.objects.is_empty() {
        return Err(said(format!(
            "no {} objects found in {} namespace",
            words.kind, flags.namespace
        )));
    }
    Ok(found.objects)
}

/// The names of live objects.
pub fn references(objects: &[LiveObject]) -> Vec<ObjectRef> {
    objects.iter().map(|it| it.reference().clone()).collect()
}
