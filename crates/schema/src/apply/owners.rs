//! Who owns what after a write.

use super::{ApplyError, ApplyInput, Conflict, Force, UNKNOWN_MANAGER, UpdateInput, Versions};
use crate::field_set::FieldSet;
use crate::managed::{ManagedEntry, Operation};

use crate::typed::{
    Comparison, TypedError, compare, field_set, merge, reconcile, remove, with_named_fields,
};
use crate::types::Type;
use std::sync::LazyLock;
use trueup_object::{FieldPath, Text, Value};

/// How many Update managers an object may have before the oldest are joined.
const MAX_UPDATE_MANAGERS: usize = 10;
/// The name under which the oldest are joined.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// Fields of every object that nobody owns.
static NEVER_OWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let top = ["apiVersion", "kind", "metadata"].map(|name| FieldPath::of_keys(&[name]));
    top.into_iter()
        .chain(metadata.map(|name| FieldPath::of_keys(&["metadata", name])))
        .collect()
});

/// An owner and what a write took from it.
type Lost = (ManagedEntry, FieldSet);

/// One write: who, where, how.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub typ: &'a Type,
    pub manager: &'a str,
    pub operation: Operation,
    pub api_version: &'a str,
    pub subresource: &'a str,
    pub reset: &'a FieldSet,
    pub now: &'a str,
    pub versions: &'a dyn Versions,
}

/// A merged object and its owners.
pub(super) struct Merged {
    pub object: Value,
    pub managed: Vec<ManagedEntry>,
    pub changed: bool,
}

impl<'a> Context<'a> {
    pub(super) fn of_apply(input: &ApplyInput<'a>) -> Self {
        let ApplyInput {
            typ,
            manager,
            api_version,
            subresource,
            reset,
            now,
            versions,
            ..
        } = *input;
        Self {
            typ,
            manager,
            operation: Operation::Apply,
            api_version,
            subresource,
            reset,
            now,
            versions,
        }
    }

    pub(super) fn of_update(input: &UpdateInput<'a>) -> Self {
        let UpdateInput {
            typ,
            manager,
            api_version,
            subresource,
            reset,
            now,
            versions,
            ..
        } = *input;
        Self {
            typ,
            manager,
            operation: Operation::Update,
            api_version,
            subresource,
            reset,
            now,
            versions,
        }
    }

    /// The entry of this writer, owning nothing yet.
    fn own_entry(&self) -> ManagedEntry {
        let manager = if self.manager.is_empty() {
            UNKNOWN_MANAGER
        } else {
            self.manager
        };
        ManagedEntry {
            manager: manager.into(),
            operation: self.operation,
            api_version: self.api_version.into(),
            time: None,
            subresource: self.subresource.into(),
            fields: FieldSet::new(),
        }
    }

    /// The object in a version; `None` where it is not served.
    fn at_version(&self, object: &Value, api_version: &str) -> Option<(Value, Type)> {
        if api_version == self.api_version {
            return Some((object.clone(), self.typ.clone()));
        }
        self.versions.convert(object, api_version)
    }
}

/// Adapts owners to a type that changed since they were written; owners in a
/// version that is gone are forgotten.
fn reconciled(
    context: &Context<'_>,
    live: &Value,
    managed: Vec<ManagedEntry>,
) -> Vec<ManagedEntry> {
    let adapt = |mut entry: ManagedEntry| {
        let (_, typ) = context.at_version(live, &entry.api_version)?;
        if let Some(fields) = reconcile(&entry.fields, &typ) {
            entry.fields = fields;
        }
        Some(entry)
    };
    managed.into_iter().filter_map(adapt).collect()
}

/// Tracks an update from `live` to `new`.
pub(super) fn update(
    context: &Context<'_>,
    live: &Value,
    new: &Value,
    managed: Vec<ManagedEntry>,
) -> Result<Vec<ManagedEntry>, TypedError> {
    let managed = reconciled(context, live, managed);
    let comparison = compare(live, new, context.typ)?.without(context.reset);
    let (mut managed, _) = split(context, (live, new), managed, &comparison, None)?;
    let taken = comparison
        .modified
        .union(&comparison.added)
        .recursive_difference(context.reset);
    let taken = taken.difference(&NEVER_OWNED);
    if !taken.is_empty() {
        let mut entry = context.own_entry();
        entry.time = Some(context.now.into());
        match managed.iter_mut().find(|known| known.same_owner(&entry)) {
            Some(known) => {
                known.fields = known.fields.union(&taken);
                known.time = entry.time;
            }
            None => {
                entry.fields = taken;
                managed.push(entry);
            }
        }
    }
    Ok(capped(managed))
}

/// Takes from every owner but `exempt` the fields that the write changed or
/// removed; returns those left, and what was taken with another value.
fn split(
    context: &Context<'_>,
    (live, new): (&Value, &Value),
    managed: Vec<ManagedEntry>,
    comparison: &Comparison,
    exempt: Option<&ManagedEntry>,
) -> Result<(Vec<ManagedEntry>, Vec<Lost>), TypedError> {
    let mut kept = Vec::with_capacity(managed.len() + 1);
    let mut conflicts = Vec::new();
    for mut entry in managed {
        if exempt.is_some_and(|own| own.same_owner(&entry)) {
            kept.push(entry);
            continue;
        }
        let own_comparison;
        let comparison = if entry.api_version == context.api_version {
            comparison
        } else {
            let Some((live, typ)) = context.at_version(live, &entry.api_version) else {
                continue;
            };
            let Some((new, _)) = context.at_version(new, &entry.api_version) else {
                continue;
            };
            own_comparison = compare(&live, &new, &typ)?.without(context.reset);
            &own_comparison
        };
        let lost = entry
            .fields
            .intersection(&comparison.modified.union(&comparison.added));
        if !lost.is_empty() {
            entry.fields = entry.fields.difference(&lost);
            conflicts.push((entry.clone(), lost));
        }
        entry.fields = entry.fields.difference(&comparison.removed);
        kept.push(entry);
    }
    kept.retain(|entry| !entry.fields.is_empty());
    Ok((kept, conflicts))
}

/// Merges a configuration and settles ownership.
pub(super) fn apply(
    context: &Context<'_>,
    live: &Value,
    applied: &Value,
    managed: Vec<ManagedEntry>,
    force: Force,
) -> Result<Merged, ApplyError> {
    let mut managed = reconciled(context, live, managed);
    let merged = merge(live, applied, context.typ)
        .map_err(|error| ApplyError::Internal(format!("failed to merge config: {error}")))?;
    let mut own = context.own_entry();
    own.fields = field_set(applied, context.typ).recursive_difference(context.reset);
    let last = managed
        .iter()
        .position(|entry| entry.same_owner(&own))
        .map(|index| managed.remove(index));
    own.time = last.as_ref().and_then(|entry| entry.time.clone());
    managed.push(own.clone());
    let object = prune(context, merged, &managed, last.as_ref());
    let mut managed = settle(context, (live, &object), managed, &own, force)?;
    let changed = !live.same_number(&object);
    finish(&mut managed, &own, changed.then_some(context.now));
    Ok(Merged {
        object,
        managed,
        changed,
    })
}

/// Refuses conflicts, or takes the fields from their owners.
fn settle(
    context: &Context<'_>,
    (live, object): (&Value, &Value),
    managed: Vec<ManagedEntry>,
    own: &ManagedEntry,
    force: Force,
) -> Result<Vec<ManagedEntry>, ApplyError> {
    let fail =
        |error: TypedError| ApplyError::Internal(format!("failed to compare objects: {error}"));
    let comparison = compare(live, object, context.typ)
        .map_err(fail)?
        .without(context.reset);
    let (managed, conflicts) =
        split(context, (live, object), managed, &comparison, Some(own)).map_err(fail)?;
    if force == Force::No && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(listed(&conflicts)));
    }
    Ok(managed)
}

/// What nobody owns leaves the applier's entry; its time moves if the object
/// changed.
fn finish(managed: &mut Vec<ManagedEntry>, own: &ManagedEntry, now: Option<&str>) {
    let Some(entry) = managed.iter_mut().find(|entry| entry.same_owner(own)) else {
        return;
    };
    entry.fields = entry.fields.difference(&NEVER_OWNED);
    if let Some(now) = now {
        entry.time = Some(now.into());
    }
    managed.retain(|entry| !entry.fields.is_empty());
}

fn listed(conflicts: &[Lost]) -> Vec<Conflict> {
    let mut list: Vec<Conflict> = conflicts
        .iter()
        .flat_map(|(entry, lost)| conflicts_with(entry, lost))
        .collect();
    list.sort_by(|a, b| a.printed_manager.cmp(&b.printed_manager));
    list
}

fn conflicts_with(entry: &ManagedEntry, lost: &FieldSet) -> Vec<Conflict> {
    let printed_manager = entry.printed();
    let conflict = |path| Conflict {
        manager: entry.manager.clone(),
        operation: entry.operation,
        api_version: entry.api_version.clone(),
        subresource: entry.subresource.clone(),
        path,
        printed_manager: printed_manager.clone(),
    };
    lost.paths_by_level().into_iter().map(conflict).collect()
}

/// Removes what the applier applied last time and not now, unless somebody
/// owns it.
fn prune(
    context: &Context<'_>,
    merged: Value,
    managed: &[ManagedEntry],
    last: Option<&ManagedEntry>,
) -> Value {
    let Some(last) = last.filter(|last| !last.fields.is_empty()) else {
        return merged;
    };
    let own = managed.last().map(|own| &own.fields);
    if last.api_version == context.api_version
        && own.is_some_and(|own| last.fields.difference(own).is_empty())
    {
        return merged;
    }
    let Some((converted, typ)) = context.at_version(&merged, &last.api_version) else {
        return merged;
    };
    let pruned = remove(&converted, &with_named_fields(&last.fields, &typ), &typ);
    let pruned = restore_owned(context, &converted, pruned, &last.api_version, managed);
    let (before, after) = (members(&converted, &typ), members(&pruned, &typ));
    let gone = before
        .difference(&after)
        .intersection(&with_named_fields(&last.fields, &typ));
    let pruned = remove(&converted, &gone, &typ);
    if last.api_version == context.api_version {
        return pruned;
    }
    context
        .versions
        .convert(&pruned, context.api_version)
        .map_or(merged, |(object, _)| object)
}

fn members(object: &Value, typ: &Type) -> FieldSet {
    with_named_fields(&field_set(object, typ), typ)
}

/// Puts back what was pruned and is owned; the result is in `version`.
fn restore_owned(
    context: &Context<'_>,
    merged: &Value,
    mut pruned: Value,
    version: &Text,
    managed: &[ManagedEntry],
) -> Value {
    for (at, owned) in owned_by_version(managed, version) {
        let same = at == *version;
        let convert = |object: &Value| {
            if same && at == context.api_version {
                return Some((object.clone(), context.typ.clone()));
            }
            context.versions.convert(object, &at)
        };
        let (Some((merged, typ)), Some((there, _))) = (convert(merged), convert(&pruned)) else {
            continue;
        };
        let kept = members(&there, &typ).union(&with_named_fields(&owned, &typ));
        let restored = remove(&merged, &members(&merged, &typ).difference(&kept), &typ);
        pruned = if same {
            restored
        } else {
            context
                .versions
                .convert(&restored, version)
                .map_or(pruned, |(object, _)| object)
        };
    }
    pruned
}

/// What is owned in each version, the given version first.
fn owned_by_version(managed: &[ManagedEntry], first: &Text) -> Vec<(Text, FieldSet)> {
    let mut owned = vec![(first.clone(), FieldSet::new())];
    for entry in managed {
        match owned
            .iter_mut()
            .find(|(version, _)| *version == entry.api_version)
        {
            Some((_, fields)) => *fields = fields.union(&entry.fields),
            None => owned.push((entry.api_version.clone(), entry.fields.clone())),
        }
    }
    owned
}

/// Joins the oldest Update entries of one version until few enough are left.
fn capped(mut managed: Vec<ManagedEntry>) -> Vec<ManagedEntry> {
    let updates = |managed: &[ManagedEntry]| {
        managed
            .iter()
            .filter(|entry| entry.operation == Operation::Update)
            .count()
    };
    if updates(&managed) <= MAX_UPDATE_MANAGERS {
        return managed;
    }
    managed.sort_by(|a, b| age_key(a).cmp(&age_key(b)));
    let mut index = 0;
    while index < managed.len() && updates(&managed) > MAX_UPDATE_MANAGERS {
        if managed[index].operation == Operation::Apply || !join_with_older(&mut managed, index) {
            index += 1;
        }
    }
    managed
}

/// Joins the entry at `index` into an older Update entry of its version.
fn join_with_older(managed: &mut Vec<ManagedEntry>, index: usize) -> bool {
    let version = managed[index].api_version.clone();
    let older = managed[..index]
        .iter()
        .position(|entry| entry.operation == Operation::Update && entry.api_version == version);
    let Some(older) = older else { return false };
    let newer = managed.remove(index);
    let bucket = &mut managed[older];
    bucket.manager = ANCIENT_CHANGES.into();
    bucket.subresource = Text::new();
    bucket.fields = bucket.fields.union(&newer.fields);
    bucket.time = newer.time;
    true
}

fn age_key(entry: &ManagedEntry) -> (Option<&str>, &str, &str, &str) {
    (
        entry.time.as_deref(),
        &entry.manager,
        &entry.api_version,
        &entry.subresource,
    )
}
