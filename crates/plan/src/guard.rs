//! What a Kustomization may ask for beyond Flux, by annotations of its own:
//! fewer deletions than there would be, a person's consent, a plan instead of
//! an apply, the good objects although one is refused.

mod deletions;
mod limit;
mod preview;
#[cfg(test)]
mod tests;

pub use deletions::{Approved, DeletionInput, Deletions, Held, MAX_DELETIONS_NAMED, deletions};
pub use limit::{DeletionLimit, Excess};
pub use preview::{MAX_PLAN_BYTES, MAX_PLANNED_FIELDS, MAX_PLANNED_NAMED, Planning, Preview};

use crate::drift::shown;
use std::collections::BTreeMap;
use trueup_kinds::names;
use trueup_object::{Text, Value};

/// Whether anything is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The cluster is made to match.
    #[default]
    Apply,
    /// Nothing is written; the status says what would be.
    Plan,
}

/// Whether a deletion needs a person's consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Consent {
    /// It goes without saying.
    #[default]
    Implied,
    /// It must be given.
    Asked,
}

/// What becomes of a stage of which the API refuses an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Nothing of it is applied.
    #[default]
    Whole,
    /// The others are applied.
    Partial,
}

/// The annotations of a Kustomization, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// `trueup.dev/mode`.
    pub mode: Mode,
    /// `trueup.dev/max-deletions`.
    pub limit: DeletionLimit,
    /// `trueup.dev/prune`.
    pub consent: Consent,
    /// `trueup.dev/apply`.
    pub extent: Extent,
}

/// An annotation that is not understood. Nothing is done by guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the annotation {annotation} says {value}: expected {expected}; nothing is done until it is put right"
)]
pub struct BadAnnotation {
    /// Its key.
    pub annotation: &'static str,
    /// What it says, quoted, and cut where it is long.
    pub value: Text,
    /// What would be understood.
    pub expected: &'static str,
}

impl Guard {
    /// Reads the annotations of a Kustomization; those that are missing ask
    /// for nothing.
    pub fn read(annotations: &BTreeMap<Text, Text>) -> Result<Self, BadAnnotation> {
        let guard = Self::default();
        Ok(Self {
            mode: read(annotations, names::MODE, guard.mode, "plan or apply", mode)?,
            limit: read(
                annotations,
                names::MAX_DELETIONS,
                guard.limit,
                "a number such as 10, a share such as 20%, or both such as 10,20%",
                DeletionLimit::parse,
            )?,
            consent: read(
                annotations,
                names::ASK_BEFORE_PRUNE,
                guard.consent,
                "confirm",
                |text| (text == "confirm").then_some(Consent::Asked),
            )?,
            extent: read(
                annotations,
                names::APPLY_EXTENT,
                guard.extent,
                "partial or whole",
                extent,
            )?,
        })
    }

    /// Whether the deletion of the Kustomization leaves its objects alone:
    /// in plan mode nothing is written, and who says of the mode what is not
    /// understood gets the careful one.
    #[must_use]
    pub fn keeps_objects(annotations: &BTreeMap<Text, Text>) -> bool {
        annotations
            .get(names::MODE)
            .is_some_and(|text| mode(text) != Some(Mode::Apply))
    }
}

fn mode(text: &str) -> Option<Mode> {
    match text {
        "plan" => Some(Mode::Plan),
        "apply" => Some(Mode::Apply),
        _ => None,
    }
}

fn extent(text: &str) -> Option<Extent> {
    match text {
        "partial" => Some(Extent::Partial),
        "whole" => Some(Extent::Whole),
        _ => None,
    }
}

fn read<T>(
    annotations: &BTreeMap<Text, Text>,
    annotation: &'static str,
    missing: T,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, BadAnnotation> {
    let Some(text) = annotations.get(annotation) else {
        return Ok(missing);
    };
    parse(text).ok_or_else(|| BadAnnotation {
        annotation,
        value: shown(&Value::from(text.as_str())),
        expected,
    })
}
