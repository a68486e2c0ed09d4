//! One object as a row of the table.

use super::columns::{Column, columns};
use super::{Naming, View};
use crate::arguments::GetArguments;
use crate::canary_facts::CanaryFacts;
use crate::words::{CANARY, condition, is_suspended};
use crate::{age, digests};
use jiff::Timestamp;
use trueup_cluster::LiveObject;
use trueup_kinds::Suspension;
use trueup_object::{Value, decode};

/// The cells of a row, as many as the header has.
pub fn of(view: &View<'_>, object: &LiveObject, arguments: &GetArguments) -> Vec<String> {
    let is_canary = view.words == &CANARY;
    let facts = is_canary.then(|| CanaryFacts::of(object.value(), Timestamp::now()));
    let columns = columns(view, arguments).into_iter();
    columns
        .map(
            |column| match facts.as_ref().and_then(|it| fact(it, column)) {
                Some(fact) => fact.to_owned(),
                None => cell(view, object, column),
            },
        )
        .collect()
}

/// What only a Canary has to tell.
fn fact(facts: &CanaryFacts, column: Column) -> Option<&str> {
    Some(match column {
        Column::Phase => &facts.phase,
        Column::Weight => &facts.weight,
        Column::Step => &facts.step,
        Column::FailedChecks => &facts.failed_checks,
        Column::Revision => &facts.revision,
        Column::Target => &facts.target,
        Column::Provider => &facts.provider,
        Column::LastTransition => &facts.last_transition,
        _ => return None,
    })
}

fn cell(view: &View<'_>, object: &LiveObject, column: Column) -> String {
    let value = object.value();
    let of_ready = |key: &str| condition(value, "Ready").and_then(|it| it.str_at(&[key]));
    match column {
        Column::Namespace => object.namespace().to_string(),
        Column::Name => name(view, object),
        Column::Source => source(value),
        Column::Revision => digests::shorten(view.words.revision(value)),
        Column::Suspended if is_suspended(value) => "True".to_owned(),
        Column::Suspended => "False".to_owned(),
        Column::Ready => of_ready("status").unwrap_or("False").to_owned(),
        Column::Age => age::since(object.creation_timestamp(), Timestamp::now()),
        Column::Phase
        | Column::Weight
        | Column::Step
        | Column::FailedChecks
        | Column::Target
        | Column::Provider
        | Column::LastTransition => String::new(),
        Column::Message => of_ready("message").map_or_else(
            || "waiting to be reconciled".to_owned(),
            |text| suspension(value) + &digests::shorten(text),
        ),
    }
}

/// What a suspended object says of its suspension, before what it said last:
/// `suspended by me until 2026-01-02T15:04:05Z (a drill): `.
fn suspension(object: &Value) -> String {
    let metadata = object.get("metadata").and_then(|it| decode(it).ok());
    let suspension = metadata.map(|it| Suspension::of(&it)).unwrap_or_default();
    if !is_suspended(object) || suspension.is_empty() {
        return String::new();
    }
    let mut text = format!("suspended{}", suspension.who_and_when());
    if let Some(why) = &suspension.reason {
        text.push_str(&format!(" ({why})"));
    }
    text + ": "
}

/// The object without what the API keeps of its managers, as kubectl shows it.
pub fn without_managers(object: &LiveObject) -> Value {
    let mut value = object.value().clone();
    value.remove_at(&["metadata", "managedFields"]);
    value
}

fn name(view: &View<'_>, object: &LiveObject) -> String {
    match view.naming {
        Naming::WithKind => format!("{}/{}", view.words.kind.to_lowercase(), object.name()),
        Naming::Short => object.name().to_string(),
    }
}

/// `GitRepository/flux-system/fleet`, or where a source itself comes from.
fn source(object: &Value) -> String {
    let of_source = |key: &str| object.str_at(&["spec", "sourceRef", key]);
    match (of_source("kind"), of_source("name")) {
        (Some(kind), Some(name)) => {
            let own = object.str_at(&["metadata", "namespace"]);
            let namespace = of_source("namespace").or(own).unwrap_or_default();
            format!("{kind}/{namespace}/{name}")
        }
        _ => object
            .str_at(&["spec", "url"])
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn a_suspension_tells_by_whom_until_when_and_why() {
        let mut object = value!({
            "metadata": {"name": "apps", "annotations": {
                "trueup.dev/suspend-reason": "a drill\u{1b}[31m", "trueup.dev/suspend-by": "me",
                "trueup.dev/suspend-until": "2026-01-02T15:04:05Z"}},
            "spec": {"suspend": true},
        });
        let told = suspension(&object);
        assert!(
            told.starts_with("suspended by me until 2026-01-02T15:04:05Z (a drill"),
            "{told}"
        );
        assert!(!told.contains('\u{1b}'), "{told:?}");
        object.set_at(&["spec", "suspend"], false.into());
        assert_eq!(suspension(&object), "");
    }

    #[test]
    fn a_source_is_named_in_full() {
        let object = value!({
            "metadata": {"namespace": "apps"},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        });
        assert_eq!(source(&object), "GitRepository/apps/fleet");
        let object = value!({"spec": {"url": "https://example.com/fleet"}});
        assert_eq!(source(&object), "https://example.com/fleet");
    }
}
