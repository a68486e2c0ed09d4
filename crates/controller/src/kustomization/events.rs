//! Events about objects: which were written, what was corrected, who else
//! wants them.

use super::apply::Done;
use super::build::Build;
use super::memory::{Mark, lock};
use super::report::publish;
use crate::context::Context;
use crate::machine::ObjectKey;
use std::sync::Arc;
use trueup_kinds::{Severity, message, reason};
use trueup_object::{GroupVersionKind, MASK, ObjectRef, Text};
use trueup_plan::{ChangeLine, Drift, EXPIRED_MANAGER, WHOLE_OBJECT};

/// How many objects one event names.
const MAX_OBJECTS_NAMED: usize = 20;
/// How many fields of one object a change event names.
const MAX_FIELDS_NAMED: usize = 4;

/// Tells which objects were written, and what of it undid somebody else's
/// change.
pub(super) fn changes(context: &Context, key: &ObjectKey, mark: Option<&Mark>, done: &Done) {
    let shown = Shown::of(context, key);
    if !done.drift.is_empty() {
        let drifts = done.drift.iter().map(|drift| shown.drift(drift));
        let lines: Vec<String> = drifts.map(|drift| corrected(&drift)).collect();
        publish(
            context,
            key,
            mark,
            Severity::Info,
            reason::DRIFT_CORRECTED,
            &lines.join("\n"),
        );
    }
    rivals(context, key, mark, done);
    let corrected: Vec<_> = done.drift.iter().map(|drift| &drift.object).collect();
    let lines: Vec<String> = done
        .changes
        .iter()
        .filter(|line| !corrected.contains(&&line.object))
        .map(|line| described(&shown.change(line)))
        .collect();
    if !lines.is_empty() {
        publish(
            context,
            key,
            mark,
            Severity::Info,
            reason::PROGRESSING,
            &lines.join("\n"),
        );
    }
}

/// What may be shown of the objects of a build.
struct Shown {
    build: Option<Arc<Build>>,
}

impl Shown {
    fn of(context: &Context, key: &ObjectKey) -> Self {
        let memory = context.memories.of(key);
        let build = lock(&memory).build.clone();
        Self { build }
    }

    fn is_masked(&self, object: &ObjectRef) -> bool {
        self.build.as_ref().is_some_and(|it| it.is_tainted(object))
    }

    /// An object that holds values of Secrets is shown without any.
    fn drift(&self, drift: &Drift) -> Drift {
        let mut drift = drift.clone();
        if self.is_masked(&drift.object) {
            mask(&mut drift.from);
            mask(&mut drift.to);
        }
        drift
    }

    fn change(&self, line: &ChangeLine) -> ChangeLine {
        let mut line = line.clone();
        if self.is_masked(&line.object) {
            for change in &mut line.fields {
                mask(&mut change.from);
                mask(&mut change.to);
            }
        }
        line
    }
}

pub(super) fn mask(value: &mut Option<Text>) {
    if let Some(value) = value {
        *value = MASK.into();
    }
}

/// Tells of objects that can't be deleted at present.
pub(super) fn unknown_kinds(
    context: &Context,
    key: &ObjectKey,
    mark: &Mark,
    objects: &[&ObjectRef],
) {
    let lines = objects.iter().map(|object| {
        let GroupVersionKind { group, version, kind } = &object.kind;
        format!("{object} stays in the inventory: the cluster has no kind {kind} of {group}/{version} at present")
    });
    let lines = message::capped(lines, MAX_OBJECTS_NAMED);
    publish(
        context,
        key,
        Some(mark),
        Severity::Error,
        reason::PRUNE_FAILED,
        &lines.join("\n"),
    );
}

/// Tells of objects that carried the labels of another Kustomization. Where
/// that one has let go of them this is a move; else the two will undo each
/// other.
fn rivals(context: &Context, key: &ObjectKey, mark: Option<&Mark>, done: &Done) {
    if done.rivals.is_empty() {
        return;
    }
    let lines = done.rivals.iter().map(|(object, rival)| {
        format!("{object} was applied by {rival} before and is ours now; if both want it, remove it from one of them")
    });
    let lines = message::capped(lines, MAX_OBJECTS_NAMED);
    publish(
        context,
        key,
        mark,
        Severity::Error,
        reason::OWNED_BY_ANOTHER,
        &lines.join("\n"),
    );
}

fn corrected(drift: &Drift) -> String {
    if drift.field == WHOLE_OBJECT {
        let end = how_it_went(drift);
        return format!("{} corrected: it {end}; created again", drift.object);
    }
    let text = |value: &Option<Text>| value.clone().unwrap_or_else(|| "(none)".into());
    format!(
        "{} corrected: {} from {} back to {}, changed by {}",
        drift.object,
        drift.field,
        text(&drift.to),
        text(&drift.from),
        drift.manager
    )
}

/// How an object that is not there any more went. Nobody knows by whom.
fn how_it_went(drift: &Drift) -> &'static str {
    if drift.manager == EXPIRED_MANAGER {
        "expired"
    } else {
        "was deleted"
    }
}

/// `Deployment/prod/web configured (.spec.replicas 2 → 3)`.
fn described(line: &ChangeLine) -> String {
    if line.fields.is_empty() {
        return line.to_string();
    }
    let fields = message::capped(line.fields.iter(), MAX_FIELDS_NAMED);
    format!("{line} ({})", fields.join(", "))
}

/// From now on these fields are corrected only at the interval.
pub(super) fn braked(context: &Context, key: &ObjectKey, drifts: &[&Drift]) {
    let lines: Vec<String> = drifts
        .iter()
        .map(|drift| {
            if drift.field == WHOLE_OBJECT {
                return format!(
                    "{}: it {} again and again; from now on it is created again only at the interval",
                    drift.object,
                    how_it_went(drift)
                );
            }
            format!(
                "{}: {} is changed again and again by {}; from now on it is corrected only at the interval",
                drift.object, drift.field, drift.manager
            )
        })
        .collect();
    publish(
        context,
        key,
        None,
        Severity::Error,
        reason::DRIFT_CORRECTION_SLOWED,
        &lines.join("\n"),
    );
}
