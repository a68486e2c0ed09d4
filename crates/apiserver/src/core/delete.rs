//! Deleting: at once, gracefully, or when finalizers and dependents are done.

use super::options::{DeleteOptions, Keep, Propagation};
use super::outcome::{Answer, List, ObjectBody, Outcome};
use super::read;
use super::registry::Resource;
use super::request::{Identity, Operation};
use super::selection::Selection;
use super::status::ApiError;
use super::store::{Refusal, Stored, Write};
use super::versions;
use super::write::{self, Call};
use super::{Core, prepare};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use trueup_object::{Text, Value};

const MAX_ATTEMPTS: usize = 16;
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
const JOB_WARNING: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

/// DELETE of one object.
pub(super) fn delete(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let options = DeleteOptions::read(operation)?;
    let call = plain_call(core, operation, identity, now);
    let mut warnings = Vec::new();
    if operation.resource.group == "batch"
        && operation.resource.kind == "Job"
        && options.propagation == Propagation::Default
    {
        warnings.push(JOB_WARNING.to_owned());
    }
    let (gone, object, revision) =
        delete_one(&call, &operation.namespace, &operation.name, &options)?;
    let object = versions::convert(
        &object,
        &operation.resource.api_version(),
        operation.resource.custom.as_deref(),
    );
    let outcome = if gone && !returns_object(&operation.resource) {
        Outcome::Other {
            subresource: None,
            value: read::success(&operation.resource, &object),
        }
    } else {
        Outcome::Object {
            resource: operation.resource.clone(),
            object: ObjectBody::Made(object),
        }
    };
    Ok(Answer {
        code: 200,
        warnings,
        outcome,
        revision,
    })
}

/// A call for writes whose options are not those of a write.
fn plain_call<'a>(
    core: &'a Core,
    operation: &'a Operation,
    identity: &'a Identity,
    now: Timestamp,
) -> Call<'a> {
    Call {
        core,
        operation,
        resource: &operation.resource,
        identity,
        target: prepare::Target::Main,
        options: super::options::WriteOptions {
            keep: Keep::Yes,
            field_validation: super::options::FieldValidation::Ignore,
            manager: operation.field_manager(),
            force: false,
        },
        now,
        warnings: Vec::new(),
        labels_of_template: false,
        request: None,
        guard: None,
    }
}

/// Kinds whose deletion answers with the object that went.
fn returns_object(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        (
            "",
            "pods"
                | "podtemplates"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
        ) | (
            "storage.k8s.io",
            "csidrivers" | "csinodes" | "storageclasses" | "volumeattachments"
        )
    )
}

/// DELETE of a collection: each object that is selected.
pub(super) fn delete_collection(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let options = DeleteOptions::read(operation)?;
    let call = plain_call(core, operation, identity, now);
    let resource = &operation.resource;
    let query = &operation.query;
    let selection = Selection::read(
        resource,
        operation.namespace.clone(),
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    let snapshot = core
        .store()
        .list(&resource.group_resource(), &operation.namespace);
    let mut items = Vec::new();
    let mut revision = 0;
    for stored in snapshot
        .objects
        .iter()
        .filter(|stored| selection.matches(stored))
    {
        match delete_one(&call, &stored.key.namespace, &stored.key.name, &options) {
            Ok((_, _, at)) => revision = revision.max(at),
            Err(error) if error.code == 404 => {}
            Err(error) => return Err(error),
        }
        items.push(versions::body(stored.clone(), resource));
    }
    let list = List {
        resource: resource.clone(),
        items,
        revision: snapshot.revision,
        continue_token: Text::new(),
        remaining: None,
    };
    Ok(Answer {
        code: 200,
        warnings: Vec::new(),
        outcome: Outcome::List(list),
        revision,
    })
}

/// What deleting an object leads to.
enum Step {
    /// It goes now.
    Remove,
    /// It is marked and stays for now.
    Mark(Value),
    /// It is marked already; nothing changes.
    Nothing,
}

/// The namespaces that admission (`NamespaceLifecycle`) lets nobody delete.
fn is_immortal(resource: &Resource, name: &str) -> bool {
    resource.group.is_empty()
        && resource.plural == "namespaces"
        && matches!(name, "default" | "kube-public" | "kube-system")
}

/// Deletes or marks; gives whether it is gone, its last state, and the
/// revision.
fn delete_one(
    call: &Call<'_>,
    namespace: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<(bool, Value, u64), ApiError> {
    let resource = call.resource;
    if is_immortal(resource, name) {
        let why = "this namespace may not be deleted";
        return Err(ApiError::forbidden("", "namespaces", name, why));
    }
    for _ in 0..MAX_ATTEMPTS {
        let stored = call
            .find(namespace, name)
            .ok_or_else(|| ApiError::not_found(&resource.group, &resource.plural, name))?;
        check_preconditions(call, &stored, options)?;
        let step = step(call, stored.value(), options);
        if options.keep == Keep::DryRun {
            let gone = matches!(step, Step::Remove);
            let object = if let Step::Mark(object) = step {
                object
            } else {
                stored.value().clone()
            };
            return Ok((gone, object, stored.revision));
        }
        let result = match step {
            Step::Nothing => return Ok((false, stored.value().clone(), stored.revision)),
            Step::Remove => remove(call, &stored),
            Step::Mark(object) => mark(call, &stored, object),
        };
        match result {
            Ok(done) => return Ok(done),
            Err(Refusal::Broken) => return Err(write::broken()),
            Err(Refusal::TooLarge(bytes)) => return Err(write::too_large(bytes)),
            Err(Refusal::Changed) => {}
        }
    }
    Err(call.conflict(name, "the object has been modified; please apply your changes to the latest version and try again"))
}

fn remove(call: &Call<'_>, stored: &Arc<Stored>) -> Result<(bool, Value, u64), Refusal> {
    let removed = write::write(
        call,
        &stored.key,
        Some(stored.revision),
        Write::Remove(stored.value().clone()),
    )?;
    call.core.written(call, Some(stored), None);
    let mut shown = stored.value().clone();
    let resource = call.resource;
    let graceful = (resource.group.as_str(), resource.kind.as_str()) == ("", "Pod");
    if graceful && shown.at(&["metadata", "deletionTimestamp"]).is_none() {
        shown.set_at(&["metadata", "deletionTimestamp"], call.time().into());
        shown.set_at(&["metadata", "deletionGracePeriodSeconds"], 0.into());
        let generation = shown.i64_at(&["metadata", "generation"]).unwrap_or(0);
        shown.set_at(&["metadata", "generation"], (generation + 1).into());
    }
    if shown
        .at(&["metadata", "deletionGracePeriodSeconds"])
        .is_some()
    {
        shown.set_at(&["metadata", "deletionGracePeriodSeconds"], 0.into());
    }
    Ok((true, shown, removed.revision))
}

fn mark(
    call: &Call<'_>,
    stored: &Arc<Stored>,
    object: Value,
) -> Result<(bool, Value, u64), Refusal> {
    let marked = write::write(call, &stored.key, Some(stored.revision), Write::Put(object))?;
    call.core.written(call, Some(stored), Some(&marked));
    Ok((false, marked.value().clone(), marked.revision))
}

pub(super) fn check_preconditions(
    call: &Call<'_>,
    stored: &Stored,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let uid = stored.value().str_at(&["metadata", "uid"]).unwrap_or("");
    if let Some(wanted) = options.uid.as_ref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(call.conflict(&stored.key.name, &why));
    }
    let version = ecow::eco_format!("{}", stored.revision);
    if let Some(wanted) = options
        .resource_version
        .as_ref()
        .filter(|wanted| **wanted != version)
    {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(call.conflict(&stored.key.name, &why));
    }
    Ok(())
}

fn step(call: &Call<'_>, object: &Value, options: &DeleteOptions) -> Step {
    let resource = call.resource;
    let marked = object.at(&["metadata", "deletionTimestamp"]).is_some();
    if (resource.group.as_str(), resource.kind.as_str()) == ("", "Namespace") {
        return namespace_step(call, object, marked);
    }
    let grace = grace_seconds(resource, object, options);
    let finalizers = finalizers(resource, object, options.propagation);
    let mut next = object.clone();
    set_finalizers(&mut next, &finalizers);
    if marked {
        return step_again(call, object, next, &finalizers, grace, options);
    }
    if resource.kind == "CustomResourceDefinition" {
        super::definitions::mark_for_deletion(&mut next, &call.time());
        set_deletion(call, &mut next, grace);
        return Step::Mark(next);
    }
    if grace == 0 && finalizers.is_empty() {
        return Step::Remove;
    }
    set_deletion(call, &mut next, grace);
    if let Some(generation) = object
        .i64_at(&["metadata", "generation"])
        .filter(|generation| *generation > 0)
    {
        next.set_at(&["metadata", "generation"], (generation + 1).into());
    }
    Step::Mark(next)
}

/// Deleting what is marked already: the grace may only become shorter.
fn step_again(
    call: &Call<'_>,
    object: &Value,
    mut next: Value,
    finalizers: &[Text],
    grace: i64,
    options: &DeleteOptions,
) -> Step {
    let before = object
        .i64_at(&["metadata", "deletionGracePeriodSeconds"])
        .unwrap_or(0);
    let shorter = options.grace_period_seconds.is_some() && grace < before;
    if finalizers.is_empty() && (before == 0 || shorter && grace == 0) {
        return Step::Remove;
    }
    if shorter {
        set_deletion(call, &mut next, grace);
    }
    if next == *object {
        Step::Nothing
    } else {
        Step::Mark(next)
    }
}

fn set_deletion(call: &Call<'_>, object: &mut Value, grace: i64) {
    let at = call
        .now
        .checked_add(SignedDuration::from_secs(grace))
        .unwrap_or(call.now);
    object.set_at(
        &["metadata", "deletionTimestamp"],
        write::time_text(at).into(),
    );
    object.set_at(&["metadata", "deletionGracePeriodSeconds"], grace.into());
}

/// Pods end gracefully, unless they run nowhere or have ended.
fn grace_seconds(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if (resource.group.as_str(), resource.kind.as_str()) != ("", "Pod") {
        return 0;
    }
    let wanted = options.grace_period_seconds.unwrap_or_else(|| {
        object
            .i64_at(&["spec", "terminationGracePeriodSeconds"])
            .unwrap_or(30)
    });
    let unbound = object
        .str_at(&["spec", "nodeName"])
        .unwrap_or("")
        .is_empty();
    let ended = matches!(
        object.str_at(&["status", "phase"]),
        Some("Failed" | "Succeeded")
    );
    if unbound || ended { 0 } else { wanted.max(0) }
}

fn finalizers(resource: &Resource, object: &Value, propagation: Propagation) -> Vec<Text> {
    let list = object
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let mut finalizers: Vec<Text> = list
        .iter()
        .filter_map(Value::as_str)
        .map(Text::from)
        .collect();
    let held = finalizers
        .iter()
        .any(|name| name == ORPHAN || name == FOREGROUND);
    let wanted = match propagation {
        Propagation::Orphan => Some(ORPHAN),
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Background => None,
        Propagation::Default if held => return finalizers,
        Propagation::Default => orphans_by_default(resource).then_some(ORPHAN),
    };
    finalizers.retain(|name| name != ORPHAN && name != FOREGROUND);
    finalizers.extend(wanted.map(Text::from));
    finalizers
}

fn orphans_by_default(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        ("batch", "Job") | ("", "ReplicationController")
    )
}

fn set_finalizers(object: &mut Value, finalizers: &[Text]) {
    if finalizers.is_empty() {
        object.remove_at(&["metadata", "finalizers"]);
    } else {
        object.set_at(
            &["metadata", "finalizers"],
            finalizers
                .iter()
                .map(|name| Value::from(name.clone()))
                .collect(),
        );
    }
}

/// A namespace turns Terminating and goes when its finalizers are done.
fn namespace_step(call: &Call<'_>, object: &Value, marked: bool) -> Step {
    let done = object
        .at(&["spec", "finalizers"])
        .and_then(Value::as_list)
        .is_none_or(<[Value]>::is_empty);
    let held = object
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    if done && !held {
        return Step::Remove;
    }
    if marked {
        return Step::Nothing;
    }
    let mut next = object.clone();
    next.set_at(&["metadata", "deletionTimestamp"], call.time().into());
    next.set_at(&["status", "phase"], "Terminating".into());
    Step::Mark(next)
}
