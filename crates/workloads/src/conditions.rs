//! Conditions in statuses.

use jiff::Timestamp;
use trueup_object::{Map, Text, Value, value};

/// One condition as it should be; times are decided by [`set`].
pub(crate) struct Condition<'a> {
    pub kind: &'a str,
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
}

/// Seconds precision, as the API writes times.
pub(crate) fn text_of(time: Timestamp) -> Text {
    format!("{time:.0}").into()
}

/// The condition of a type.
pub(crate) fn get<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Value> {
    conditions
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))
}

/// Sets a condition at its place, or appends it. The transition time changes
/// with the status only; a condition that says the same stays as it is.
pub(crate) fn set(conditions: &mut Vec<Value>, new: &Condition<'_>, now: Timestamp) {
    let old = get(conditions, new.kind);
    let same = |key: &str, value: &str| old.and_then(|old| old.str_at(&[key])) == Some(value);
    if same("status", new.status) && same("reason", new.reason) && same("message", new.message) {
        return;
    }
    set_anew(conditions, new, now);
}

/// As [`set`], but the update time is now even if it says the same.
pub(crate) fn set_anew(conditions: &mut Vec<Value>, new: &Condition<'_>, now: Timestamp) {
    let condition = made(conditions, new, now);
    match conditions
        .iter_mut()
        .find(|condition| has(condition, "type", new.kind))
    {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
}

/// Whether a member is this text.
pub(crate) fn has(condition: &Value, key: &str, text: &str) -> bool {
    condition.str_at(&[key]) == Some(text)
}

/// Puts a condition of a Deployment at the end, instead of the one of its
/// type, unless that has the same status and reason. Tells whether it did.
pub(crate) fn renew(conditions: &mut Vec<Value>, new: &Condition<'_>, now: Timestamp) -> bool {
    let same = get(conditions, new.kind)
        .is_some_and(|old| has(old, "status", new.status) && has(old, "reason", new.reason));
    if !same {
        renew_anew(conditions, new, now);
    }
    !same
}

/// The same, even if status and reason are the same.
pub(crate) fn renew_anew(conditions: &mut Vec<Value>, new: &Condition<'_>, now: Timestamp) {
    let condition = made(conditions, new, now);
    drop_kind(conditions, new.kind);
    conditions.push(condition);
}

/// Takes out the conditions of a type.
pub(crate) fn drop_kind(conditions: &mut Vec<Value>, kind: &str) {
    conditions.retain(|condition| !has(condition, "type", kind));
}

/// A condition with its times; the transition time is kept if the status is.
fn made(conditions: &[Value], new: &Condition<'_>, now: Timestamp) -> Value {
    let kept = get(conditions, new.kind)
        .filter(|old| has(old, "status", new.status))
        .and_then(|old| old.str_at(&["lastTransitionTime"]))
        .map(Text::from);
    let now = text_of(now);
    let mut condition = value!({
        "type": new.kind, "status": new.status,
        "lastUpdateTime": now.clone(),
        "lastTransitionTime": kept.unwrap_or(now),
    });
    for (key, text) in [("reason", new.reason), ("message", new.message)] {
        if !text.is_empty() {
            condition.set_at(&[key], text.into());
        }
    }
    condition
}

/// As [`set`], without the `lastUpdateTime` that only Deployments have.
pub(crate) fn set_plain(conditions: &mut Vec<Value>, new: &Condition<'_>, now: Timestamp) {
    set(conditions, new, now);
    plain(conditions);
}

fn plain(conditions: &mut [Value]) {
    for condition in conditions {
        condition.remove_at(&["lastUpdateTime"]);
    }
}

/// The members of `new` that differ from `old`, as a merge patch; `None` when
/// there are none.
pub(crate) fn changes(old: Option<&Value>, new: &Value) -> Option<Value> {
    let new = new.as_map()?;
    let changed: Map = new
        .iter()
        .filter(|(key, value)| {
            let before = old.and_then(|old| old.get(key));
            // Numbers that are zero are left out by the API.
            let left_out = is_zero(value) && !SHOWN_ZEROS.contains(&key.as_str());
            before != Some(*value) && !(before.is_none() && left_out)
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!changed.is_empty()).then_some(Value::Map(changed))
}

/// Numbers that the API shows even when they are zero.
const SHOWN_ZEROS: &[&str] = &[
    "terminatingReplicas",
    "ready",
    "terminating",
    "collisionCount",
];

fn is_zero(value: &Value) -> bool {
    value.is_null() || value.as_i64() == Some(0)
}

/// The time at a path, in milliseconds precision at best.
pub(crate) fn time_at(value: &Value, path: &[&str]) -> Option<Timestamp> {
    value.str_at(path)?.parse().ok()
}
