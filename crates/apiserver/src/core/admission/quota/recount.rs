//! Counting a namespace anew.

use super::evaluator::Evaluator;
use super::scopes;
use crate::core::admission::amounts::{self, Amounts};
use crate::core::store::Stored;
use crate::core::{Core, GroupResource};
use jiff::Timestamp;
use trueup_object::{Quantity, QuantityFormat, Text, Value, value};

/// The status of a quota by what its namespace holds now; `None` if that is
/// what it says.
#[must_use]
pub fn recount(core: &Core, quota: &Stored, now: Timestamp) -> Option<Value> {
    let object = quota.value();
    let hard = amounts::read(object.at(&["spec", "hard"]));
    let known = object.at(&["status", "used"]);
    let mut used = amounts::read(known);
    for resource in namespaced(core) {
        let evaluator = Evaluator::of(&resource);
        let names: Vec<&Text> = hard.keys().filter(|name| evaluator.counts(name)).collect();
        if !names.is_empty() {
            let total = total(core, quota, &resource, &evaluator, now);
            let nothing = Quantity::whole(0, QuantityFormat::Decimal);
            let of = |name: &Text| total.get(name).copied().unwrap_or(nothing);
            used.extend(names.into_iter().map(|name| (name.clone(), of(name))));
        }
    }
    used.retain(|name, _| hard.contains_key(name));
    let same_hard = amounts::read(object.at(&["status", "hard"])) == hard;
    if same_hard && known.is_some() && amounts::read(known) == used {
        return None;
    }
    let (hard, used) = (amounts::write(&hard), amounts::write(&used));
    Some(value!({"hard": hard, "used": used}))
}

/// Every resource with namespaces, once.
fn namespaced(core: &Core) -> Vec<GroupResource> {
    let tables = core.registry().tables();
    let mut all: Vec<GroupResource> = tables
        .rows
        .iter()
        .filter(|row| row.namespaced && row.verbs.iter().any(|verb| verb == "list"))
        .map(|row| row.group_resource())
        .collect();
    all.sort();
    all.dedup();
    all
}

fn total(
    core: &Core,
    quota: &Stored,
    resource: &GroupResource,
    evaluator: &Evaluator,
    now: Timestamp,
) -> Amounts {
    let mut total = Amounts::new();
    for object in core.store().list(resource, &quota.key.namespace).objects {
        if scopes::hold(evaluator, quota.value(), object.value()) {
            amounts::add(&mut total, &evaluator.usage(object.value(), now));
        }
    }
    total
}
