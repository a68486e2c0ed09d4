//! What only one Canary can have: its target, and its apex Service; and what of
//! them its Kustomization leaves alone for that.

use super::CanaryService;
use crate::context::Context;
use crate::machine::{Event, Kind, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use trueup_kinds::Canary;
use trueup_kinds::canary::{FieldError, Phase};
use trueup_object::{FieldPath, ObjectRef, Text, Value};
use trueup_plan::LeftFields;
use trueup_rollout::targets::{self, HandsOff, TargetKind, hands_off};

/// What a Canary lays claim to.
type Claims = [String; 2];

/// The claims of all Canaries that can be read.
#[derive(Debug, Default)]
pub(crate) struct ClaimRegister {
    claimed: Mutex<Claimed>,
}

#[derive(Debug, Default)]
struct Claimed {
    by_key: BTreeMap<ObjectKey, Claim>,
    /// Who asks for what in a namespace.
    by_name: BTreeMap<(Text, String), BTreeSet<ObjectKey>>,
    /// What is left to all of them, until one changes.
    left: Option<LeftFields>,
    /// Counts the changes.
    changes: u64,
}

/// The claims of one Canary.
#[derive(Debug, PartialEq)]
struct Claim {
    names: Claims,
    /// Whether it has begun to write what it claims.
    has_begun: bool,
    /// Fields that it writes.
    fields: Vec<(ObjectRef, Vec<FieldPath>)>,
}

impl Claim {
    fn of(canary: &Canary) -> Self {
        Self {
            names: names(canary),
            has_begun: canary.status.phase != Phase::Unset,
            fields: fields(canary),
        }
    }
}

impl Claimed {
    /// Notes what a Canary asks for now, or that it is gone; who is concerned
    /// by the change.
    fn note(&mut self, key: &ObjectKey, now: Option<Claim>) -> BTreeSet<ObjectKey> {
        if self.by_key.get(key) == now.as_ref() {
            return BTreeSet::new();
        }
        self.left = None;
        self.changes += 1;
        let after = now.as_ref().map(|it| it.names.clone());
        let before = match now {
            Some(now) => self.by_key.insert(key.clone(), now),
            None => self.by_key.remove(key),
        };
        let before = before.map(|it| it.names);
        if before == after {
            return BTreeSet::new();
        }
        let mut rivals = BTreeSet::new();
        for name in before.into_iter().flatten() {
            rivals.extend(self.leave(key, name));
        }
        for name in after.into_iter().flatten() {
            rivals.extend(self.enter(key, name));
        }
        rivals.remove(key);
        rivals
    }

    /// Who still asks for what a Canary does not ask for any more.
    fn leave(&mut self, key: &ObjectKey, name: String) -> BTreeSet<ObjectKey> {
        let name = (key.namespace.clone(), name);
        let Some(others) = self.by_name.get_mut(&name) else {
            return BTreeSet::new();
        };
        others.remove(key);
        let left = others.clone();
        if left.is_empty() {
            self.by_name.remove(&name);
        }
        left
    }

    /// Who asks for what a Canary asks for from now on.
    fn enter(&mut self, key: &ObjectKey, name: String) -> BTreeSet<ObjectKey> {
        let name = (key.namespace.clone(), name);
        let others = self.by_name.entry(name).or_default();
        others.insert(key.clone());
        others.clone()
    }

    /// The Canaries of the namespace, if any of them asks for the same: who has
    /// it may depend on who has something else.
    fn contenders(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let names = self.by_key.get(key).map(|it| it.names.iter());
        let is_contended = names.into_iter().flatten().any(|name| {
            let name = (key.namespace.clone(), name.clone());
            self.by_name.get(&name).is_some_and(|it| it.len() > 1)
        });
        if !is_contended {
            return Vec::new();
        }
        let neighbours = self.by_key.keys();
        let neighbours = neighbours.filter(|it| it.namespace == key.namespace);
        neighbours.cloned().collect()
    }

    /// The keys of those that have what they ask for, or may ask in vain.
    fn begun(&self) -> Vec<ObjectKey> {
        let begun = self.by_key.iter().filter(|(_, claim)| claim.has_begun);
        begun.map(|(key, _)| key.clone()).collect()
    }
}

impl ClaimRegister {
    fn lock(&self) -> MutexGuard<'_, Claimed> {
        // A panic elsewhere can't leave it half changed.
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many Canaries a namespace has.
    fn count(&self, namespace: &str) -> usize {
        let claimed = self.lock();
        let keys = claimed.by_key.keys();
        keys.filter(|key| key.namespace == namespace).count()
    }
}

fn names(canary: &Canary) -> Claims {
    let target = &canary.spec.target_ref;
    [
        format!("{} {}", target.kind, target.name),
        format!("apex {}", canary.spec.service_names().apex),
    ]
}

/// The fields of its target and apex Service that a Canary writes, as of
/// objects that are there: what is not is applied whole, whatever is left.
fn fields(canary: &Canary) -> Vec<(ObjectRef, Vec<FieldPath>)> {
    let Ok(kind) = TargetKind::of(&canary.spec.target_ref) else {
        return Vec::new();
    };
    let target = (kind, canary.spec.target_ref.name.clone());
    let apex = (TargetKind::Service, canary.spec.service_names().apex);
    let objects = [target, apex].map(|(kind, name)| ObjectRef {
        kind: kind.group_version_kind(),
        namespace: canary.metadata.namespace.clone(),
        name,
    });
    let live = Value::map();
    let left =
        objects
            .into_iter()
            .filter_map(|object| match hands_off(&object, Some(&live), [canary]) {
                HandsOff::Fields(fields) => Some((object, fields)),
                HandsOff::Nothing | HandsOff::Object => None,
            });
    left.collect()
}

/// Takes in what a Canary asks for; if it is for us to serve, wakes those who
/// ask for the same.
pub(crate) fn seen(context: &Context, key: &ObjectKey, object: Option<&Value>) {
    if key.kind != Kind::Canary {
        return;
    }
    let canary = object.and_then(|object| Canary::decode(object).ok());
    let register = &context.canaries.claims;
    let claim = canary.as_ref().map(Claim::of);
    let rivals = register.lock().note(key, claim);
    if context.canaries.options.service == CanaryService::LeftToOthers {
        return;
    }
    for rival in rivals {
        context.tell(Event::LiveChanged(rival));
    }
    let numbers = context.metrics.canaries();
    numbers.count_objects(&key.namespace, register.count(&key.namespace));
}

/// Why a Canary is left alone: an older one has what it asks for. Others than
/// we leave none alone.
pub(super) fn refusal(context: &Context, key: &ObjectKey) -> Option<FieldError> {
    if context.canaries.options.service == CanaryService::LeftToOthers {
        return None;
    }
    let contenders = context.canaries.claims.lock().contenders(key);
    if contenders.is_empty() {
        return None;
    }
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

/// The fields that Canaries write, such as `spec.replicas` of a target, in
/// place of who applies the objects, whoever serves them. A Canary that can't be
/// read, that has not begun, or that is refused for an older one's sake writes
/// none.
pub(crate) fn left_fields(context: &Context) -> LeftFields {
    let register = &context.canaries.claims;
    let (begun, changes) = {
        let claimed = register.lock();
        if let Some(left) = &claimed.left {
            return left.clone();
        }
        (claimed.begun(), claimed.changes)
    };
    let served: Vec<ObjectKey> = begun
        .into_iter()
        .filter(|key| refusal(context, key).is_none())
        .collect();
    let mut claimed = register.lock();
    let claims = served.iter().filter_map(|key| claimed.by_key.get(key));
    let left: LeftFields = claims.flat_map(|claim| claim.fields.clone()).collect();
    if claimed.changes == changes {
        claimed.left = Some(left.clone());
    }
    left
}
