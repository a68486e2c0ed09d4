//! The least replicas of the primary, kept up while a run takes its traffic.

use super::super::scale::patch;
use super::super::{TargetError, View, Write};
use super::{ScalerKind, ScalerNames};
use trueup_kinds::names::HELD_REPLICAS;
use trueup_object::{Value, value};

const HELD: [&str; 3] = ["metadata", "annotations", HELD_REPLICAS];

impl ScalerKind {
    /// The least and the most replicas where nothing is said.
    const fn default_bounds(self) -> (i64, i64) {
        match self {
            Self::Horizontal => (1, i64::MAX),
            Self::ScaledObject => (0, 100),
        }
    }
}

/// Keeps the primary's autoscaler from going below the replicas that the
/// primary has now: it gets its traffic back after the run. What it allowed
/// before is noted in an annotation of the copy. Nothing where there is no
/// copy, or where it allows no fewer anyway.
pub fn hold_primary_replicas(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(names) = ScalerNames::of(view)? else {
        return Ok(Vec::new());
    };
    let Some(copy) = view.observed.optional(&names.copy)? else {
        return Ok(Vec::new());
    };
    let (least_key, most_key) = names.kind.bounds();
    let (default_least, default_most) = names.kind.default_bounds();
    let least = copy.i64_at(&["spec", least_key]);
    let most = copy.i64_at(&["spec", most_key]).unwrap_or(default_most);
    let replicas = view.primary()?.i64_at(&["spec", "replicas"]).unwrap_or(1);
    let held = replicas.min(most);
    if least.unwrap_or(default_least) >= held {
        return Ok(Vec::new());
    }
    let mut change = value!({"spec": {(least_key): held}});
    if copy.at(&HELD).is_none() {
        change.set_at(&HELD, noted(least));
    }
    Ok(patch(names.copy, change))
}

/// Lets the primary's autoscaler do what it did before it was held.
pub fn release_primary_replicas(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(names) = ScalerNames::of(view)? else {
        return Ok(Vec::new());
    };
    let copy = view.observed.optional(&names.copy)?;
    let Some(before) = copy.and_then(|copy| copy.str_at(&HELD)) else {
        return Ok(Vec::new());
    };
    let (least_key, _) = names.kind.bounds();
    let least = before.parse::<i64>().map_or(Value::Null, Value::from);
    let mut change = value!({"spec": {(least_key): least}});
    change.set_at(&HELD, Value::Null);
    Ok(patch(names.copy, change))
}

/// Keeps a hold through an update of the copy: the run is not over before the
/// primary has its traffic back.
pub(super) fn keep_hold(kind: ScalerKind, existing: &Value, next: &mut Value) {
    if existing.at(&HELD).is_none() {
        return;
    }
    let (least_key, most_key) = kind.bounds();
    let (default_least, default_most) = kind.default_bounds();
    let least = next.i64_at(&["spec", least_key]);
    let most = next.i64_at(&["spec", most_key]).unwrap_or(default_most);
    let held = existing.i64_at(&["spec", least_key]).unwrap_or_default();
    let held = held.min(most);
    if least.unwrap_or(default_least) >= held {
        next.remove_at(&HELD);
        return;
    }
    next.set_at(&["spec", least_key], held.into());
    next.set_at(&HELD, noted(least));
}

/// The least replicas as text; empty where nothing was said.
fn noted(least: Option<i64>) -> Value {
    least.map_or_else(String::new, |it| it.to_string()).into()
}
