//! Changes of an existing object: what is asked is made of the live one,
//! prepared, validated, stored if it differs, and tried again if another write
//! came between.

use super::options::Keep;
use super::outcome::{Answer, ObjectBody, Outcome};
use super::prepare::{self, Target};
use super::status::ApiError;
use super::store::{Refusal, Stored, Write};
use super::write::{Call, MODIFIED, broken, stored_form, too_large, write};
use super::{admission, no_op, read, validate};
use std::sync::Arc;
use trueup_object::Value;
use trueup_schema::keep_timestamps;

/// How often a write that names no version is tried again when another write
/// came between.
const MAX_ATTEMPTS: usize = 16;

/// The part that all changes of an existing object share. `make` gives the
/// new object, owners tracked, from the live one.
pub(super) fn change(
    mut call: Call<'_>,
    make: impl Fn(&mut Call<'_>, &Stored, &Value) -> Result<Value, ApiError>,
) -> Result<Answer, ApiError> {
    let kept_warnings = call.warnings.len();
    for _ in 0..MAX_ATTEMPTS {
        call.warnings.truncate(kept_warnings);
        let (namespace, name) = (&call.operation.namespace, &call.operation.name);
        let live = call.find(namespace, name).ok_or_else(|| call.not_found())?;
        let seen = call.seen(&live);
        let mut new = make(&mut call, &live, &seen)?;
        prepare::drop_repeated_owners(&mut call, &mut new);
        admission::admit(&call, &mut new, Some(&seen))?;
        call.ask_guard(Some(&seen), &new)?;
        prepare::on_update(&mut call, &mut new, &seen)?;
        let causes = validate::updated(&mut call, &new, &seen);
        if !causes.is_empty() {
            return Err(call.invalid(&new, causes));
        }
        if call.target == Target::Main {
            call.warnings
                .extend(super::warnings::of(call.resource, &new, Some(&seen)));
        }
        admission::validate(&call, &new, Some(&seen))?;
        prepare::allocate(&call, Some(&seen), &mut new)?;
        if call.options.keep == Keep::Yes {
            admission::charge(&call, &new, Some(&seen))?;
        }
        match store_changed(&mut call, &live, &seen, new) {
            Ok(answer) => return Ok(answer),
            Err(Refusal::Broken) => return Err(broken()),
            Err(Refusal::TooLarge(bytes)) => return Err(too_large(bytes)),
            Err(Refusal::Changed) => {}
        }
    }
    Err(call.conflict(&call.operation.name, MODIFIED))
}

fn store_changed(
    call: &mut Call<'_>,
    live: &Arc<Stored>,
    seen: &Value,
    mut new: Value,
) -> Result<Answer, Refusal> {
    let version = ecow::eco_format!("{}", live.revision);
    new.set_at(&["metadata", "resourceVersion"], version.into());
    if call.options.keep == Keep::Yes {
        new = stored_form(call.resource, new);
    }
    keep_timestamps(seen, &mut new);
    keep_order(seen, &mut new);
    let warnings = std::mem::take(&mut call.warnings);
    if new.same_number(seen) && !is_finished(&new) {
        if let Some(request) = call.request {
            no_op::remember(live, request, &warnings);
        }
        return Ok(Answer {
            warnings,
            ..read::answer_with(200, call.resource, live.clone())
        });
    }
    let shown = |object: Value, revision| {
        let outcome = Outcome::Object {
            resource: call.resource.clone(),
            object: ObjectBody::Made(object),
        };
        Answer {
            code: 200,
            warnings: warnings.clone(),
            outcome,
            revision,
        }
    };
    if call.options.keep == Keep::DryRun {
        return Ok(shown(new, live.revision));
    }
    if is_finished(&new) {
        let removed = write(
            call,
            &live.key,
            Some(live.revision),
            Write::Remove(live.value().clone()),
        )?;
        call.core.written(call, Some(live), None);
        return Ok(shown(new, removed.revision));
    }
    prepare::finish(call, Some(seen), &mut new);
    let stored = write(call, &live.key, Some(live.revision), Write::Put(new))?;
    call.core.written(call, Some(live), Some(&stored));
    Ok(Answer {
        warnings: warnings.clone(),
        ..read::answer_with(200, call.resource, stored)
    })
}

/// Owners that differ from the live ones in nothing but times, and so perhaps
/// in their order, are no change if nothing else is.
fn keep_order(live: &Value, new: &mut Value) {
    const FIELDS: [&str; 2] = ["metadata", "managedFields"];
    let untimed = |object: &Value| {
        let list = object
            .at(&FIELDS)
            .and_then(Value::as_list)
            .unwrap_or_default();
        let mut list = list.to_vec();
        for entry in &mut list {
            entry.remove_at(&["time"]);
        }
        list
    };
    let (before, after) = (untimed(live), untimed(new));
    if before.len() != after.len() || !after.iter().all(|entry| before.contains(entry)) {
        return;
    }
    let mut kept = new.clone();
    if let Some(owners) = live.at(&FIELDS) {
        kept.set_at(&FIELDS, owners.clone());
    }
    if kept.same_number(live) {
        *new = kept;
    }
}

/// Whether an object waits for nothing but its end.
fn is_finished(object: &Value) -> bool {
    let deleted = object
        .at(&["metadata", "deletionTimestamp"])
        .is_some_and(|time| !time.is_null());
    let held = object
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    let grace = object
        .i64_at(&["metadata", "deletionGracePeriodSeconds"])
        .unwrap_or(0);
    let namespace = object.str_at(&["kind"]) == Some("Namespace")
        && object.str_at(&["apiVersion"]) == Some("v1")
        && object
            .at(&["spec", "finalizers"])
            .and_then(Value::as_list)
            .is_some_and(|list| !list.is_empty());
    deleted && !held && !namespace && grace == 0
}
