//! What only one Canary can have: its target, and its apex Service.

use crate::context::Context;
use crate::machine::{Event, Kind, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use trueup_kinds::Canary;
use trueup_kinds::canary::FieldError;
use trueup_object::Value;
use trueup_rollout::targets;

/// What a Canary lays claim to.
type Claims = [String; 2];

/// The claims of all Canaries that can be read.
#[derive(Debug, Default)]
pub(crate) struct ClaimRegister {
    by_key: Mutex<BTreeMap<ObjectKey, Claims>>,
}

impl ClaimRegister {
    /// Notes what a Canary asks for now, or that it is gone; who is concerned
    /// by the change.
    fn note(&self, key: &ObjectKey, canary: Option<&Canary>) -> BTreeSet<ObjectKey> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let now = canary.map(claims);
        let before = match &now {
            Some(now) => by_key.insert(key.clone(), now.clone()),
            None => by_key.remove(key),
        };
        if before == now {
            return BTreeSet::new();
        }
        let changed: Vec<String> = before.into_iter().chain(now).flatten().collect();
        let rivals = by_key.iter().filter(|(other, theirs)| {
            *other != key
                && other.namespace == key.namespace
                && theirs.iter().any(|claim| changed.contains(claim))
        });
        rivals.map(|(other, _)| other.clone()).collect()
    }

    /// How many Canaries a namespace has.
    fn count(&self, namespace: &str) -> usize {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key
            .keys()
            .filter(|key| key.namespace == namespace)
            .count()
    }

    /// The Canaries of the namespace, if any of them asks for the same.
    fn contenders(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = by_key.get(key) else {
            return Vec::new();
        };
        let neighbours = || {
            by_key
                .iter()
                .filter(|(it, _)| it.namespace == key.namespace)
        };
        let is_contended = neighbours()
            .any(|(other, theirs)| other != key && theirs.iter().any(|it| own.contains(it)));
        if !is_contended {
            return Vec::new();
        }
        neighbours().map(|(other, _)| other.clone()).collect()
    }
}

fn claims(canary: &Canary) -> Claims {
    let target = &canary.spec.target_ref;
    [
        format!("{} {}", target.kind, target.name),
        format!("apex {}", canary.spec.service_names().apex),
    ]
}

/// Takes in what a Canary asks for; wakes those who ask for the same.
pub(crate) fn seen(context: &Context, key: &ObjectKey, object: Option<&Value>) {
    if key.kind != Kind::Canary {
        return;
    }
    let canary = object.and_then(|object| Canary::decode(object).ok());
    let register = &context.canaries.claims;
    for rival in register.note(key, canary.as_ref()) {
        context.tell(Event::LiveChanged(rival));
    }
    let numbers = context.metrics.canaries();
    numbers.count_objects(&key.namespace, register.count(&key.namespace));
}

/// Why a Canary is left alone: an older one has what it asks for.
pub(super) fn refusal(context: &Context, key: &ObjectKey) -> Option<FieldError> {
    let contenders = context.canaries.claims.contenders(key);
    let canaries: Vec<Canary> = contenders
        .iter()
        .filter_map(|it| Canary::decode(context.objects.get(it)?.value()).ok())
        .collect();
    let conflicts = targets::conflicts(&canaries);
    let conflict = conflicts.get(&(key.namespace.clone(), key.name.clone()))?;
    Some(FieldError {
        path: "spec.targetRef".into(),
        message: conflict.to_string().into(),
    })
}
