//! Whose an object is: a controller adopts what its selector matches and
//! nobody controls, and lets go of what it does not match any more.

use crate::action::Action;
use crate::cache::{Cache, Kind};
use crate::pods::owner_reference;
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

/// What a controller has, and the writes by which it comes to that.
pub(crate) struct Claim<'a> {
    /// Its objects, by name; those just adopted too.
    pub owned: Vec<&'a LiveObject>,
    /// Adoptions and releases. Nothing else should be done before these.
    pub actions: Vec<Action>,
}

/// Claims objects of a kind for a controller. `eligible` tells which objects
/// are looked at, `matches` which of those it should have. A controller that
/// is being deleted neither adopts nor lets go.
pub(crate) fn claim<'a>(
    owner: (&LiveObject, Kind),
    kind: Kind,
    cache: &'a Cache,
    eligible: impl Fn(&LiveObject) -> bool,
    matches: impl Fn(&LiveObject) -> bool,
) -> Claim<'a> {
    let (live, _) = owner;
    let ending = live.deletion_timestamp().is_some();
    let mut claim = Claim {
        owned: Vec::new(),
        actions: Vec::new(),
    };
    for object in cache
        .controlled_by(live.uid(), kind)
        .filter(|object| eligible(object))
    {
        if matches(object) {
            claim.owned.push(object);
        } else if !ending {
            claim.actions.push(release(object, live.uid()));
        }
    }
    if ending {
        return claim;
    }
    let orphans = cache.orphans(kind, live.namespace());
    for orphan in orphans.filter(|object| eligible(object) && matches(object)) {
        if orphan.deletion_timestamp().is_none() {
            claim.actions.push(adopt(orphan, owner));
            claim.owned.push(orphan);
        }
    }
    claim
}

fn adopt(orphan: &LiveObject, (owner, kind): (&LiveObject, Kind)) -> Action {
    let mut owners = owners_of(orphan).to_vec();
    owners.retain(|other| other.str_at(&["uid"]) != Some(owner.uid()));
    owners.push(owner_reference(owner, kind));
    Action::merge(orphan, value!({"metadata": {"ownerReferences": owners}}))
}

fn release(object: &LiveObject, owner_uid: &str) -> Action {
    let owners: Vec<Value> = owners_of(object)
        .iter()
        .filter(|owner| owner.str_at(&["uid"]) != Some(owner_uid))
        .cloned()
        .collect();
    let owners = if owners.is_empty() {
        Value::Null
    } else {
        owners.into()
    };
    Action::merge(object, value!({"metadata": {"ownerReferences": owners}}))
}

/// `metadata.ownerReferences`
pub(crate) fn owners_of(object: &LiveObject) -> &[Value] {
    object
        .value()
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_list)
        .unwrap_or_default()
}
