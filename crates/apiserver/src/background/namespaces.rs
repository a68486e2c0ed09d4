//! The end of a namespace: its contents go, then it goes itself.

use super::actor::{Actor, finalizers, is_deleting, path};
use super::follow::{Seen, What};
use crate::core::{Resource, Stored};
use std::collections::BTreeMap;
use std::sync::Arc;
use trueup_object::{Text, Value, value};

/// The finalizer in `spec` that stands for the contents.
const CONTENTS: &str = "kubernetes";

/// The namespace that is to be looked at because of what was seen.
pub fn concerned(seen: &Seen) -> Option<Text> {
    let object = seen.object()?;
    if seen.is_of("", "namespaces") {
        return matches!(seen.what, What::Present(_)).then(|| object.key.name.clone());
    }
    let gone = matches!(seen.what, What::Gone(_));
    let default = seen.is_of("", "serviceaccounts") && object.key.name == super::defaults::ACCOUNT
        || seen.is_of("", "configmaps") && object.key.name == super::defaults::AUTHORITY;
    (gone || default)
        .then(|| object.key.namespace.clone())
        .filter(|namespace| !namespace.is_empty())
}

/// Goes on with the end of a namespace, if it is ending.
pub fn finish(actor: &Actor<'_>, name: &str) {
    let Some(namespace) = actor.get("", "namespaces", "", name) else {
        return;
    };
    if !is_deleting(&namespace) {
        return;
    }
    if spec_finalizers(&namespace).iter().any(|it| it == CONTENTS) {
        let rest = delete_contents(actor, name);
        if !rest.is_empty() {
            report(actor, &namespace, &rest);
            return;
        }
        if !drop_finalizer(actor, &namespace) {
            return;
        }
    }
    let left = actor.get("", "namespaces", "", name);
    let ended =
        left.is_some_and(|it| spec_finalizers(&it).is_empty() && finalizers(&it).is_empty());
    if ended {
        let target = format!("/api/v1/namespaces/{name}");
        actor.done("delete", &target, actor.send("DELETE", &target, None));
    }
}

fn spec_finalizers(namespace: &Stored) -> Vec<Text> {
    let list = namespace
        .value()
        .at(&["spec", "finalizers"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    list.iter()
        .filter_map(|it| it.as_str().map(Text::from))
        .collect()
}

/// What is left of one resource.
struct Rest {
    row: Arc<Resource>,
    objects: Vec<Arc<Stored>>,
}

/// Deletes everything that is not being deleted yet; returns what is left.
fn delete_contents(actor: &Actor<'_>, namespace: &str) -> Vec<Rest> {
    let mut rest = Vec::new();
    for row in actor.namespaced() {
        let resource = row.group_resource();
        for object in actor.core.store().list(&resource, namespace).objects {
            if !is_deleting(&object) {
                actor.delete(&resource, &object, "Background");
            }
        }
        let objects = actor.core.store().list(&resource, namespace).objects;
        if !objects.is_empty() {
            rest.push(Rest { row, objects });
        }
    }
    rest
}

fn drop_finalizer(actor: &Actor<'_>, namespace: &Stored) -> bool {
    let kept: Value = spec_finalizers(namespace)
        .into_iter()
        .filter(|it| it != CONTENTS)
        .map(Value::from)
        .collect();
    let mut body = namespace.value().clone();
    body.set_at(&["spec", "finalizers"], kept);
    body.remove_at(&["metadata", "resourceVersion"]);
    let target = format!("/api/v1/namespaces/{}/finalize", namespace.key.name);
    actor.done(
        "finalize",
        &target,
        actor.send("PUT", &target, Some(("application/json", &body))),
    )
}

/// Writes into the namespace's status what its end waits for.
fn report(actor: &Actor<'_>, namespace: &Stored, rest: &[Rest]) {
    let remaining: Vec<String> = rest
        .iter()
        .map(|it| {
            format!(
                "{}.{} has {} resource instances",
                it.row.plural,
                it.row.group,
                it.objects.len()
            )
        })
        .collect();
    let mut counts: BTreeMap<Text, usize> = BTreeMap::new();
    for name in rest
        .iter()
        .flat_map(|it| &it.objects)
        .flat_map(|object| finalizers(object))
    {
        *counts.entry(name).or_default() += 1;
    }
    let held: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} in {count} resource instances"))
        .collect();
    let wanted = conditions(&remaining, &held);
    let Some(patch) = condition_patch(actor, namespace, &wanted) else {
        return;
    };
    let Some(row) = actor
        .core
        .registry()
        .tables()
        .find("", "v1", "namespaces")
        .cloned()
    else {
        return;
    };
    let target = format!("{}/status", path(&row, "", &namespace.key.name));
    actor.done(
        "patch",
        &target,
        actor.send(
            "PATCH",
            &target,
            Some(("application/merge-patch+json", &patch)),
        ),
    );
}

struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

fn conditions(remaining: &[String], held: &[String]) -> [Condition; 5] {
    let fixed = |kind, reason, message: &str| Condition {
        kind,
        status: "False",
        reason,
        message: message.to_owned(),
    };
    let listed =
        |kind, yes: (&'static str, &str), no: (&'static str, &str), list: &[String]| match list {
            [] => Condition {
                kind,
                status: "False",
                reason: no.0,
                message: no.1.to_owned(),
            },
            _ => Condition {
                kind,
                status: "True",
                reason: yes.0,
                message: format!("{}: {}", yes.1, list.join(", ")),
            },
        };
    [
        fixed(
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        fixed(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        fixed(
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        listed(
            "NamespaceContentRemaining",
            ("SomeResourcesRemain", "Some resources are remaining"),
            ("ContentRemoved", "All content successfully removed"),
            remaining,
        ),
        listed(
            "NamespaceFinalizersRemaining",
            (
                "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining",
            ),
            (
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            ),
            held,
        ),
    ]
}

/// The patch that brings the conditions there; `None` if they are there. A
/// condition whose status stays keeps the time of its last change.
fn condition_patch(actor: &Actor<'_>, namespace: &Stored, wanted: &[Condition]) -> Option<Value> {
    let old = namespace
        .value()
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let now = crate::edge::whole_seconds(actor.now);
    let new: Value = wanted
        .iter()
        .map(|condition| {
            let before = old.iter().find(|it| {
                it.str_at(&["type"]) == Some(condition.kind)
                    && it.str_at(&["status"]) == Some(condition.status)
            });
            let since = before
                .and_then(|it| it.str_at(&["lastTransitionTime"]))
                .unwrap_or(&now);
            value!({
                "type": (condition.kind),
                "status": (condition.status),
                "lastTransitionTime": since,
                "reason": (condition.reason),
                "message": (condition.message.as_str())
            })
        })
        .collect();
    (new.as_list() != Some(old)).then(|| value!({"status": {"conditions": new}}))
}
