//! Taking fields over from those that wrote before us.
//!
//! Whoever applied an object by other means before (`kubectl apply`, an
//! `edit`, an old controller) owns fields that a server-side apply would
//! leave alone for ever. As in Flux their ownership is moved to our manager,
//! so that what the manifest lacks goes with the next apply.

use trueup_kinds::names;
use trueup_object::{Text, Value, value};
use trueup_schema::{ManagedEntry, Operation, decode_managed, encode_managed};

/// Managers that we take over from: a prefix of the name, and the operation.
/// Writes through a subresource are left alone.
pub const TAKE_OVER_MANAGERS: [(&str, Operation); 4] = [
    ("kubectl", Operation::Apply),
    ("kubectl", Operation::Update),
    ("before-first-apply", Operation::Update),
    (names::APPLY_MANAGER, Operation::Update),
];

const ANNOTATIONS: [&str; 3] = [
    names::LAST_APPLIED,
    names::LEGACY_CHECKSUM,
    names::SYNC_CHECKSUM,
];
const LABELS: [&str; 1] = [names::SYNC_GC_MARK];

/// The JSON patch that takes a live object over: fields of the managers above
/// joined to our own entry, annotations and labels of old tools removed. It
/// holds only for the resource version that it was made from. `None` if there
/// is nothing to take over, or `managedFields` can't be read. `overridden` are
/// more managers, by prefix, whatever they do.
#[must_use]
pub fn take_over_patch(live: &Value, overridden: &[Text]) -> Option<Value> {
    let mut patch = removals(live);
    if let Some(managed) = joined_managers(live, overridden) {
        patch.push(value!({"op": "replace", "path": "/metadata/managedFields", "value": managed}));
    }
    if patch.is_empty() {
        return None;
    }
    if let Some(version) = live.str_at(&["metadata", "resourceVersion"]) {
        patch
            .push(value!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}));
    }
    Some(Value::from(patch))
}

fn removals(live: &Value) -> Vec<Value> {
    let keys = [
        ("annotations", ANNOTATIONS.as_slice()),
        ("labels", LABELS.as_slice()),
    ];
    keys.iter()
        .flat_map(|(place, keys)| keys.iter().map(move |key| (place, key)))
        .filter(|(place, key)| live.at(&["metadata", place, key]).is_some())
        .map(|(place, key)| value!({"op": "remove", "path": (format!("/metadata/{place}/{}", key.replace('/', "~1")))}))
        .collect()
}

/// The whole new `managedFields`, if some manager is taken over from.
fn joined_managers(live: &Value, overridden: &[Text]) -> Option<Value> {
    let entries = live.at(&["metadata", "managedFields"])?.as_list()?;
    // Most objects have none: find out before reading all field sets.
    if !entries
        .iter()
        .any(|entry| is_taken_over_raw(entry, overridden))
    {
        return None;
    }
    let entries = decode_managed(live).ok()?;
    let (taken, mut kept): (Vec<ManagedEntry>, Vec<ManagedEntry>) = entries
        .into_iter()
        .partition(|entry| is_taken_over(entry, overridden));
    let first = taken.first()?;
    let ours = ManagedEntry {
        manager: names::APPLY_MANAGER.into(),
        operation: Operation::Apply,
        ..first.clone()
    };
    let index = kept
        .iter()
        .position(|entry| entry.same_owner(&ours))
        .unwrap_or_else(|| {
            kept.push(ours);
            kept.len() - 1
        });
    for entry in &taken {
        kept[index].fields = kept[index].fields.union(&entry.fields);
    }
    let mut holder = Value::map();
    encode_managed(&mut holder, kept);
    holder.remove_at(&["metadata", "managedFields"])
}

fn is_taken_over(entry: &ManagedEntry, overridden: &[Text]) -> bool {
    is_listed(
        &entry.manager,
        entry.operation.name(),
        &entry.subresource,
        overridden,
    )
}

fn is_taken_over_raw(entry: &Value, overridden: &[Text]) -> bool {
    let text = |key: &str| entry.str_at(&[key]).unwrap_or("");
    is_listed(
        text("manager"),
        text("operation"),
        text("subresource"),
        overridden,
    )
}

/// Whether an entry is one of those that are taken over from. Our own entry
/// never is, however the managers are named.
pub(crate) fn is_listed(
    manager: &str,
    operation: &str,
    subresource: &str,
    overridden: &[Text],
) -> bool {
    if !subresource.is_empty()
        || (manager == names::APPLY_MANAGER && operation == Operation::Apply.name())
    {
        return false;
    }
    TAKE_OVER_MANAGERS
        .iter()
        .any(|(prefix, wanted)| manager.starts_with(prefix) && operation == wanted.name())
        || overridden
            .iter()
            .any(|prefix| manager.starts_with(prefix.as_str()))
}
