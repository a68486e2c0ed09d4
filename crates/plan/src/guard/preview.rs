//! What would be done, for people.

use crate::{FieldChange, Removal, RemovalVerb};
use trueup_kinds::message::capped;
use trueup_object::ObjectRef;

/// How many objects a plan in a status names.
pub const MAX_PLANNED_NAMED: usize = 50;
/// How many fields of one object it names.
pub const MAX_PLANNED_FIELDS: usize = 8;
/// How long it may get; a condition holds 32,768.
pub const MAX_PLAN_BYTES: usize = 30_000;

/// What would become of one object, most alarming first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planning {
    /// The API refuses it, in these words; values of Secrets are masked.
    Refuse(String),
    /// It would be deleted.
    Delete,
    /// It would be deleted and made anew.
    Recreate,
    /// These fields would change; values of Secrets are masked.
    Change(Vec<FieldChange>),
    /// It would be made.
    Create,
}

/// The words of a summary, in their order.
const WORDS: [&str; 5] = [
    "to create",
    "to change",
    "to recreate",
    "to delete",
    "refused",
];

impl Planning {
    fn word(&self) -> &'static str {
        match self {
            Self::Refuse(_) => "refused",
            Self::Delete => "to delete",
            Self::Recreate => "to recreate",
            Self::Change(_) => "to change",
            Self::Create => "to create",
        }
    }
}

/// What would be done to a cluster, capped, masked, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    entries: Vec<(Planning, ObjectRef)>,
}

impl Preview {
    /// Adds what would become of an object.
    pub fn add(&mut self, object: &ObjectRef, planning: Planning) {
        self.entries.push((planning, object.clone()));
    }

    /// Adds what would be deleted.
    pub fn add_removals(&mut self, removals: &[Removal]) {
        let deleted = removals.iter().filter(|it| it.verb == RemovalVerb::Delete);
        deleted.for_each(|removal| self.add(&removal.object, Planning::Delete));
    }

    /// Whether nothing would be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `2 to create, 1 to change`, or `nothing to do`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |word| {
            let words = self.entries.iter().map(|(planning, _)| planning.word());
            words.filter(|it| *it == word).count()
        };
        let parts: Vec<String> = WORDS
            .iter()
            .map(|word| (count(*word), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() {
            "nothing to do".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// A line an object, up to [`MAX_PLANNED_NAMED`] lines and
    /// [`MAX_PLAN_BYTES`]; what is left out is counted.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut sorted: Vec<_> = self.entries.iter().collect();
        sorted.sort();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for (planning, object) in sorted.iter().take(MAX_PLANNED_NAMED) {
            let line = line(object, planning);
            bytes += line.len() + 1;
            if bytes > MAX_PLAN_BYTES {
                break;
            }
            lines.push(line);
        }
        if lines.len() < sorted.len() {
            lines.push(format!("… and {} more", sorted.len() - lines.len()));
        }
        lines
    }
}

fn line(object: &ObjectRef, planning: &Planning) -> String {
    match planning {
        // The API's words begin with the object.
        Planning::Refuse(text) => format!("refused: {text}"),
        Planning::Change(fields) => format!("{object} {} ({})", planning.word(), named(fields)),
        _ => format!("{object} {}", planning.word()),
    }
}

fn named(fields: &[FieldChange]) -> String {
    if fields.is_empty() {
        return "the ownership of fields".to_owned();
    }
    capped(fields.iter(), MAX_PLANNED_FIELDS).join(", ")
}
