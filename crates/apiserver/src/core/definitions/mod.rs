//! Custom resource definitions: which names they get, the rows that they add,
//! and their end.

mod check;
mod rows;

pub(super) use check::validate;

use super::Core;
use super::registry::GroupResource;
use super::store::{Store, Stored, Write};
use super::write::time_text;
use jiff::Timestamp;
use std::sync::Arc;
use trueup_object::{GroupVersionKind, Text, Value, value};
use trueup_schema::{FieldSet, SameShape, Schemas, UpdateInput, update};

/// The finalizer that holds a definition until its objects are gone.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
const MANAGER: &str = "kube-apiserver";
const API_VERSION: &str = "apiextensions.k8s.io/v1";

/// Where definitions are kept.
#[must_use]
pub fn key() -> GroupResource {
    GroupResource {
        group: "apiextensions.k8s.io".into(),
        plural: "customresourcedefinitions".into(),
    }
}

/// Fills in singular name, list kind and conversion.
pub(super) fn default_names(object: &mut Value) {
    let kind = object
        .str_at(&["spec", "names", "kind"])
        .unwrap_or("")
        .to_owned();
    if !kind.is_empty() {
        super::defaults::default(object, &["spec", "names", "singular"], kind.to_lowercase());
        super::defaults::default(
            object,
            &["spec", "names", "listKind"],
            format!("{kind}List"),
        );
    }
    super::defaults::default(object, &["spec", "conversion", "strategy"], "None");
}

/// The first status: the storage version is noted.
pub(super) fn created(object: &mut Value) {
    object.set_at(&["status"], value!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null}));
    updated(object);
}

/// Notes a storage version that is new.
pub(super) fn updated(object: &mut Value) {
    let versions = object
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let storage = versions
        .iter()
        .find(|version| version.at(&["storage"]).and_then(Value::as_bool) == Some(true));
    let Some(name) = storage
        .and_then(|version| version.str_at(&["name"]))
        .map(Text::from)
    else {
        return;
    };
    let mut stored = object
        .at(&["status", "storedVersions"])
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    if !stored.iter().any(|version| version.as_str() == Some(&name)) {
        stored.push(name.into());
        object.set_at(&["status", "storedVersions"], stored.into());
    }
}

/// Ends the watches of the objects that a definition defines if it says
/// something else now, or is gone.
pub(super) fn end_watches(
    store: &Store,
    before: Option<&Arc<Stored>>,
    after: Option<&Arc<Stored>>,
) {
    let Some(before) = before else { return };
    let spec = |stored: &Arc<Stored>| stored.value().get("spec").cloned();
    if after.is_some_and(|after| spec(after) == spec(before)) {
        return;
    }
    store.end_watches(&defined(before.value()));
}

/// The resource that a definition defines.
fn defined(definition: &Value) -> GroupResource {
    let text = |path: &[&str]| Text::from(definition.str_at(path).unwrap_or(""));
    GroupResource {
        group: text(&["spec", "group"]),
        plural: text(&["spec", "names", "plural"]),
    }
}

impl Core {
    /// Reads the definitions and serves what they define.
    pub(super) fn serve_definitions(&self) {
        let mut rows = super::builtin::builtin_rows();
        for definition in self.store().list(&key(), "").objects {
            rows.extend(rows::rows_of(definition.value()));
        }
        self.registry().replace(rows);
    }

    /// What follows when a definition was written: names are judged, rows
    /// served, an ending one is emptied.
    pub(super) fn definition_written(&self, stored: Option<&Arc<Stored>>, now: Timestamp) {
        if let Some(stored) = stored {
            if stored
                .value()
                .at(&["metadata", "deletionTimestamp"])
                .is_some()
            {
                self.end_definition(&stored.key.name, now);
            } else {
                self.establish(stored, now);
            }
        } else {
            self.establish_all(now);
        }
        self.serve_definitions();
    }

    fn establish_all(&self, now: Timestamp) {
        for definition in self.store().list(&key(), "").objects {
            if definition
                .value()
                .at(&["metadata", "deletionTimestamp"])
                .is_none()
            {
                self.establish(&definition, now);
            }
        }
    }

    /// Judges the names of a definition and writes the verdict into its
    /// status.
    fn establish(&self, stored: &Arc<Stored>, now: Timestamp) {
        let mut object = stored.value().clone();
        let others: Vec<_> = self
            .store()
            .list(&key(), "")
            .objects
            .into_iter()
            .filter(|other| other.key.name != stored.key.name)
            .collect();
        let accepted = accept_names(&mut object, &others);
        let time = time_text(now);
        let (status, reason, message) = match &accepted {
            Ok(()) => ("True", "NoConflicts", "no conflicts found".to_owned()),
            Err((reason, message)) => ("False", *reason, message.clone()),
        };
        set_condition(
            &mut object,
            &time,
            "NamesAccepted",
            status,
            reason,
            &message,
        );
        let established = condition(&object, "Established") == Some("True");
        if accepted.is_ok() && !established {
            set_condition(
                &mut object,
                &time,
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted",
            );
        } else if !established {
            set_condition(
                &mut object,
                &time,
                "Established",
                "False",
                "NotAccepted",
                "not all names are accepted",
            );
        }
        self.write_definition(stored, object, now);
    }

    /// Writes a status as the server itself, if it differs.
    fn write_definition(&self, live: &Arc<Stored>, object: Value, now: Timestamp) {
        if object == *live.value() {
            return;
        }
        let kind = GroupVersionKind::new(API_VERSION, "CustomResourceDefinition");
        let tracked = match Schemas::builtin().type_for(&kind) {
            Some(typ) => update(&UpdateInput {
                live: Some(live.value()),
                new: &object,
                typ: &typ,
                manager: MANAGER,
                api_version: API_VERSION,
                subresource: "status",
                reset: &FieldSet::new(),
                now: &time_text(now),
                versions: &SameShape(&typ),
            }),
            None => object,
        };
        let _ = self
            .store()
            .write(&key(), &live.key, Some(live.revision), Write::Put(tracked));
    }

    /// Deletes the objects of an ending definition; when none is left, the
    /// definition goes.
    pub(super) fn end_definition(&self, name: &str, now: Timestamp) {
        let Some(stored) = self.store().get(&key(), "", name) else {
            return;
        };
        let object = stored.value();
        let held = object
            .at(&["metadata", "finalizers"])
            .and_then(Value::as_list)
            .unwrap_or_default();
        if object.at(&["metadata", "deletionTimestamp"]).is_none()
            || !held.iter().any(|item| item.as_str() == Some(CLEANUP))
        {
            return;
        }
        let resource = defined(object);
        for instance in self.store().list(&resource, "").objects {
            self.end_instance(&resource, &instance, now);
        }
        if self.store().list(&resource, "").objects.is_empty() {
            self.finish_definition(&stored, held);
            return;
        }
        let mut marked = object.clone();
        let reason = "InstanceDeletionInProgress";
        set_condition(
            &mut marked,
            &time_text(now),
            "Terminating",
            "True",
            reason,
            "CustomResource deletion is in progress",
        );
        self.write_definition(&stored, marked, now);
    }

    fn end_instance(&self, resource: &GroupResource, instance: &Arc<Stored>, now: Timestamp) {
        let mut object = instance.value().clone();
        let held = object
            .at(&["metadata", "finalizers"])
            .and_then(Value::as_list)
            .is_some_and(|list| !list.is_empty());
        let marked = object.at(&["metadata", "deletionTimestamp"]).is_some();
        if !held {
            let _ = self.store().write(
                resource,
                &instance.key,
                Some(instance.revision),
                Write::Remove(object),
            );
        } else if !marked {
            object.set_at(&["metadata", "deletionTimestamp"], time_text(now).into());
            object.set_at(&["metadata", "deletionGracePeriodSeconds"], 0.into());
            let generation = object.i64_at(&["metadata", "generation"]).unwrap_or(0);
            object.set_at(&["metadata", "generation"], (generation + 1).into());
            let _ = self.store().write(
                resource,
                &instance.key,
                Some(instance.revision),
                Write::Put(object),
            );
        }
    }

    fn finish_definition(&self, stored: &Arc<Stored>, held: &[Value]) {
        let mut object = stored.value().clone();
        let left: Vec<Value> = held
            .iter()
            .filter(|item| item.as_str() != Some(CLEANUP))
            .cloned()
            .collect();
        let write = if left.is_empty() {
            object.remove_at(&["metadata", "finalizers"]);
            Write::Remove(object)
        } else {
            object.set_at(&["metadata", "finalizers"], left.into());
            Write::Put(object)
        };
        let _ = self
            .store()
            .write(&key(), &stored.key, Some(stored.revision), write);
        self.store().end_watches(&defined(stored.value()));
    }
}

/// Marks a definition for its end.
pub(super) fn mark_for_deletion(object: &mut Value, time: &str) {
    let mut finalizers = object
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    if !finalizers.iter().any(|item| item.as_str() == Some(CLEANUP)) {
        finalizers.push(CLEANUP.into());
        object.set_at(&["metadata", "finalizers"], finalizers.into());
    }
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set_condition(
        object,
        time,
        "Terminating",
        "True",
        "InstanceDeletionPending",
        message,
    );
}

/// Takes over every name that no other definition of the group has; tells
/// what is taken.
fn accept_names(object: &mut Value, others: &[Arc<Stored>]) -> Result<(), (&'static str, String)> {
    let group = object.str_at(&["spec", "group"]).unwrap_or("").to_owned();
    let same_group = others
        .iter()
        .filter(|other| other.value().str_at(&["spec", "group"]) == Some(&group));
    let taken: Vec<&Value> = same_group
        .filter_map(|other| other.value().at(&["status", "acceptedNames"]))
        .collect();
    let resource_taken = |name: &str| {
        taken.iter().any(|names| {
            let short = names
                .get("shortNames")
                .and_then(Value::as_list)
                .unwrap_or_default();
            names.str_at(&["plural"]) == Some(name)
                || names.str_at(&["singular"]) == Some(name)
                || short.iter().any(|item| item.as_str() == Some(name))
        })
    };
    let kind_taken = |name: &str| {
        taken.iter().any(|names| {
            names.str_at(&["kind"]) == Some(name) || names.str_at(&["listKind"]) == Some(name)
        })
    };
    let mut verdict = Ok(());
    let names = object.at(&["spec", "names"]).cloned().unwrap_or_default();
    let mut accepted = object
        .at(&["status", "acceptedNames"])
        .cloned()
        .unwrap_or_else(Value::map);
    for (key, reason) in [
        ("plural", "PluralConflict"),
        ("singular", "SingularConflict"),
    ] {
        let name = names.str_at(&[key]).unwrap_or("");
        take(
            &mut accepted,
            &names,
            key,
            resource_taken(name).then(|| (reason, format!("{name:?} is already in use"))),
            &mut verdict,
        );
    }
    let short = names
        .get("shortNames")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let clash: Vec<String> = short
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| resource_taken(name))
        .map(|name| format!("{name:?} is already in use"))
        .collect();
    let conflict = (!clash.is_empty()).then(|| ("ShortNamesConflict", clash.join(", ")));
    take(&mut accepted, &names, "shortNames", conflict, &mut verdict);
    for (key, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        let name = names.str_at(&[key]).unwrap_or("");
        take(
            &mut accepted,
            &names,
            key,
            kind_taken(name).then(|| (reason, format!("{name:?} is already in use"))),
            &mut verdict,
        );
    }
    take(&mut accepted, &names, "categories", None, &mut verdict);
    object.set_at(&["status", "acceptedNames"], accepted);
    verdict
}

fn take(
    accepted: &mut Value,
    names: &Value,
    key: &str,
    conflict: Option<(&'static str, String)>,
    verdict: &mut Result<(), (&'static str, String)>,
) {
    match (conflict, names.get(key)) {
        (Some(conflict), _) => *verdict = Err(conflict),
        (None, Some(name)) => accepted.set_at(&[key], name.clone()),
        (None, None) => {
            accepted.remove_at(&[key]);
        }
    }
}

/// The status of a condition.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object
        .at(&["status", "conditions"])
        .and_then(Value::as_list)?;
    conditions
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))?
        .str_at(&["status"])
}

fn set_condition(
    object: &mut Value,
    time: &str,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let mut conditions = object
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    let place = conditions
        .iter()
        .position(|condition| condition.str_at(&["type"]) == Some(kind));
    let since = place.and_then(|place| {
        let old = &conditions[place];
        (old.str_at(&["status"]) == Some(status))
            .then(|| old.str_at(&["lastTransitionTime"]).map(Text::from))
            .flatten()
    });
    let condition = value!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": (since.unwrap_or_else(|| time.into())),
    });
    match place {
        Some(place) => conditions[place] = condition,
        None => conditions.push(condition),
    }
    object.set_at(&["status", "conditions"], conditions.into());
}
