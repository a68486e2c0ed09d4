//! ResourceQuotas: how much a namespace may hold.
//!
//! A write that would exceed a quota is refused; one that is stored is counted
//! in the quota's status first, so that two writes at once can't share what is
//! left. What is deleted is counted anew by the housekeeper ([`recount`]).

mod evaluator;
mod recount;
mod scopes;

use super::amounts::{self, Amounts};
use super::{Change, Context, write_status};
use crate::core::status::ApiError;
use crate::core::store::Stored;
use crate::core::write::Call;
use evaluator::Evaluator;
pub use recount::recount;
use std::sync::Arc;
use trueup_object::{Text, Value, value};

/// How often a count is tried again when another write came between.
const MAX_ATTEMPTS: usize = 16;

/// What a write adds to a quota.
pub(super) struct Charge {
    quota: Arc<Stored>,
    used: Amounts,
}

/// Whether the quotas of the namespace have room for a write; what it adds to
/// each.
pub(super) fn check(
    context: &Context<'_>,
    object: &Value,
    live: Option<&Value>,
) -> Result<Vec<Charge>, ApiError> {
    let evaluator = Evaluator::of(&context.resource.group_resource());
    if !context.resource.namespaced || !handles(&evaluator, context, object, live) {
        return Ok(Vec::new());
    }
    let quotas = context.list("", "resourcequotas", context.namespace);
    let mut concerned = Vec::new();
    for quota in quotas {
        let hard = amounts::read(quota.value().at(&["status", "hard"]));
        let names: Vec<Text> = hard
            .into_keys()
            .filter(|name| evaluator.counts(name))
            .collect();
        if names.is_empty() || !scopes::hold(&evaluator, quota.value(), object) {
            continue;
        }
        admit_to(context, &evaluator, &quota, &names, object)?;
        concerned.push(quota);
    }
    let usage = evaluator.usage(object, context.now);
    refuse_negative(context, object, &usage)?;
    let mut charges = Vec::new();
    for quota in concerned {
        let before = live
            .filter(|live| scopes::hold(&evaluator, quota.value(), live))
            .map(|live| evaluator.usage(live, context.now));
        let added = added(&usage, before.as_ref());
        charges.extend(charge_of(context, object, quota, &added)?);
    }
    Ok(charges)
}

/// Whether a write may change what is counted.
fn handles(
    evaluator: &Evaluator,
    context: &Context<'_>,
    object: &Value,
    live: Option<&Value>,
) -> bool {
    match (context.change, context.subresource) {
        (Change::Create, "") => true,
        (Change::Update, "") => {
            evaluator.follows_updates()
                || live.is_some_and(|live| evaluator.is_scoped_anew(live, object))
        }
        (Change::Update, "resize") => context.is_of("", "pods"),
        _ => false,
    }
}

/// A quota asks Pods to state what it counts, and has to know its usage.
fn admit_to(
    context: &Context<'_>,
    evaluator: &Evaluator,
    quota: &Stored,
    names: &[Text],
    object: &Value,
) -> Result<(), ApiError> {
    let name = &quota.key.name;
    if let Some(missing) = evaluator.missing(names, object) {
        let why = format!("failed quota: {name}: must specify {missing}");
        return Err(context.forbidden(object, &why));
    }
    let used = amounts::read(quota.value().at(&["status", "used"]));
    if names.iter().any(|name| !used.contains_key(name)) {
        let why = format!(
            "status unknown for quota: {name}, resources: {}",
            names.join(",")
        );
        return Err(context.forbidden(object, &why));
    }
    Ok(())
}

fn refuse_negative(context: &Context<'_>, object: &Value, usage: &Amounts) -> Result<(), ApiError> {
    let negative: Vec<&str> = usage
        .iter()
        .filter(|(_, amount)| amount.nanos() < 0)
        .map(|(name, _)| name.as_str())
        .collect();
    if negative.is_empty() {
        return Ok(());
    }
    let why = format!(
        "quota usage is negative for resource(s): {}",
        negative.join(",")
    );
    Err(context.forbidden(object, &why))
}

/// What a write adds: all of a new object, of a changed one what it has more.
fn added(usage: &Amounts, before: Option<&Amounts>) -> Amounts {
    let mut added = usage.clone();
    for (name, amount) in before.into_iter().flatten() {
        if let Some(now) = added.get_mut(name) {
            *now = now.minus(*amount);
        }
    }
    added.retain(|_, amount| amount.nanos() > 0);
    added
}

fn charge_of(
    context: &Context<'_>,
    object: &Value,
    quota: Arc<Stored>,
    added: &Amounts,
) -> Result<Option<Charge>, ApiError> {
    let hard = amounts::read(quota.value().at(&["status", "hard"]));
    let mut requested = added.clone();
    requested.retain(|name, _| hard.contains_key(name));
    if requested.is_empty() {
        return Ok(None);
    }
    let before = amounts::read(quota.value().at(&["status", "used"]));
    let mut used = before.clone();
    amounts::add(&mut used, &requested);
    let exceeded = |name: &Text| used.get(name) > hard.get(name);
    let over: Vec<&Text> = requested.keys().filter(|name| exceeded(name)).collect();
    if over.is_empty() {
        return Ok(Some(Charge { quota, used }));
    }
    let shown = |amounts: &Amounts| {
        let parts: Vec<String> = over
            .iter()
            .filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)))
            .collect();
        parts.join(",")
    };
    let why = format!(
        "exceeded quota: {}, requested: {}, used: {}, limited: {}",
        quota.key.name,
        shown(&requested),
        shown(&before),
        shown(&hard)
    );
    Err(context.forbidden(object, &why))
}

/// Writes down what a write adds.
pub(super) fn charge(
    call: &Call<'_>,
    context: &Context<'_>,
    object: &Value,
    live: Option<&Value>,
) -> Result<(), ApiError> {
    let mut written: Vec<Text> = Vec::new();
    for _ in 0..MAX_ATTEMPTS {
        let mut changed = false;
        for charge in check(context, object, live)? {
            if written.contains(&charge.quota.key.name) {
                continue;
            }
            match write_down(call, &charge) {
                Ok(()) => written.push(charge.quota.key.name.clone()),
                Err(error) if matches!(error.code, 404 | 409) => changed = true,
                Err(error) => return Err(error),
            }
        }
        if !changed {
            return Ok(());
        }
    }
    let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
    Err(call.conflict(name, "the quotas of the namespace change too often"))
}

fn write_down(call: &Call<'_>, charge: &Charge) -> Result<(), ApiError> {
    let key = &charge.quota.key;
    let target = format!(
        "/api/v1/namespaces/{}/resourcequotas/{}/status",
        key.namespace, key.name
    );
    let mut patch = value!({"metadata": {"resourceVersion": (charge.quota.revision.to_string())}});
    patch.set_at(&["status", "used"], amounts::write(&charge.used));
    write_status(call, &target, &patch).map(drop)
}
