//! Conditions: the state of an object in a form that every tool reads.

use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trueup_object::Text;

/// Names of conditions.
pub mod condition_type {
    /// The object is as wanted.
    pub const READY: &str = "Ready";
    /// Work is under way; present only while it is.
    pub const RECONCILING: &str = "Reconciling";
    /// Nothing will get better without a person; present only then.
    pub const STALLED: &str = "Stalled";
    /// The applied objects are healthy.
    pub const HEALTHY: &str = "Healthy";
    /// Changes of the applied objects are seen as they happen; present only
    /// where they are not. Our own type.
    pub const WATCHING: &str = "Watching";
    /// Deletions wait for a person's consent; present only while they do. Our
    /// own type.
    pub const DELETIONS_HELD: &str = "DeletionsHeld";
    /// What would be done; present only in plan mode. Our own type.
    pub const PLANNED: &str = "Planned";
    /// A source's artifact is stored.
    pub const ARTIFACT_IN_STORAGE: &str = "ArtifactInStorage";
    /// A source's artifact is older than its newest revision.
    pub const ARTIFACT_OUTDATED: &str = "ArtifactOutdated";
    /// A source could not be fetched.
    pub const FETCH_FAILED: &str = "FetchFailed";
    /// Something could not be built.
    pub const BUILD_FAILED: &str = "BuildFailed";
    /// A source's artifact could not be stored.
    pub const STORAGE_OPERATION_FAILED: &str = "StorageOperationFailed";
    /// An included artifact is missing.
    pub const INCLUDE_UNAVAILABLE: &str = "IncludeUnavailable";
    /// A source's signature was checked.
    pub const SOURCE_VERIFIED: &str = "SourceVerified";

    /// Those that mean trouble or work when true and are removed rather than
    /// set to false.
    pub const ABNORMAL_WHEN_TRUE: [&str; 7] = [
        RECONCILING,
        STALLED,
        ARTIFACT_OUTDATED,
        FETCH_FAILED,
        BUILD_FAILED,
        STORAGE_OPERATION_FAILED,
        INCLUDE_UNAVAILABLE,
    ];
}

/// The longest message that the API accepts.
const MAX_MESSAGE_BYTES: usize = 32_768;
/// Ends a message that was cut.
const CUT: &str = "…";

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// It can't be told.
    #[default]
    Unknown,
}

impl std::fmt::Display for ConditionStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        })
    }
}

/// One condition, as in `metav1.Condition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Name of the condition.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// The generation that it is about.
    #[serde(default, skip_serializing_if = "crate::git_repository::is_zero")]
    pub observed_generation: i64,
    /// When it was set last; only Flagger's condition has it.
    #[serde(
        default,
        with = "time::api_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_update_time: Option<Timestamp>,
    /// Since when status, reason and message are what they are.
    #[serde(with = "time::api")]
    pub last_transition_time: Timestamp,
    /// Why, in one word.
    #[serde(default)]
    pub reason: Text,
    /// Why, in a sentence.
    #[serde(default)]
    pub message: Text,
}

/// The conditions of one object, each name once, in Flux's order: Stalled,
/// Reconciling, Ready, then by name. Conditions of others are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions {
    list: Vec<Condition>,
}

impl Conditions {
    /// The conditions in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.list.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The condition of a name.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Condition> {
        self.list.iter().find(|condition| condition.kind == kind)
    }

    /// Whether a condition is there and true.
    #[must_use]
    pub fn is_true(&self, kind: &str) -> bool {
        self.get(kind)
            .is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// Whether a condition is there and false.
    #[must_use]
    pub fn is_false(&self, kind: &str) -> bool {
        self.get(kind)
            .is_some_and(|condition| condition.status == ConditionStatus::False)
    }

    /// Starts changing: all changes are about one generation at one time.
    pub fn change(&mut self, generation: i64, now: Timestamp) -> ConditionChange<'_> {
        ConditionChange {
            conditions: self,
            generation,
            now: time::whole_seconds(now),
        }
    }

    pub(crate) fn put(&mut self, new: Condition) {
        match self
            .list
            .iter()
            .position(|condition| condition.kind == new.kind)
        {
            Some(index) => self.list[index] = new,
            None => self.list.push(new),
        }
        self.list.sort_by(|a, b| {
            weight(&a.kind)
                .cmp(&weight(&b.kind))
                .then_with(|| a.kind.cmp(&b.kind))
        });
    }
}

fn weight(kind: &str) -> u8 {
    match kind {
        condition_type::STALLED => 0,
        condition_type::RECONCILING => 1,
        condition_type::READY => 2,
        _ => 3,
    }
}

/// Changes conditions for one generation at one time; see [`Conditions::change`].
#[derive(Debug)]
pub struct ConditionChange<'a> {
    conditions: &'a mut Conditions,
    generation: i64,
    now: Timestamp,
}

impl ConditionChange<'_> {
    /// Sets a condition. Its transition time moves only when status, reason
    /// or message differ from before, as in Flux; the generation always moves.
    pub fn set(
        &mut self,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) -> &mut Self {
        let message = cut(message);
        let since = self
            .conditions
            .get(kind)
            .filter(|old| old.status == status && old.reason == reason && old.message == message)
            .map_or(self.now, |old| old.last_transition_time);
        self.conditions.put(Condition {
            kind: kind.into(),
            status,
            observed_generation: self.generation,
            last_update_time: None,
            last_transition_time: since,
            reason: reason.into(),
            message: message.into(),
        });
        self
    }

    /// Sets a condition to true.
    pub fn set_true(&mut self, kind: &str, reason: &str, message: &str) -> &mut Self {
        self.set(kind, ConditionStatus::True, reason, message)
    }

    /// Sets a condition to false.
    pub fn set_false(&mut self, kind: &str, reason: &str, message: &str) -> &mut Self {
        self.set(kind, ConditionStatus::False, reason, message)
    }

    /// Sets a condition to unknown.
    pub fn set_unknown(&mut self, kind: &str, reason: &str, message: &str) -> &mut Self {
        self.set(kind, ConditionStatus::Unknown, reason, message)
    }

    /// Removes a condition.
    pub fn remove(&mut self, kind: &str) -> &mut Self {
        self.conditions
            .list
            .retain(|condition| condition.kind != kind);
        self
    }

    /// Work is under way: `Reconciling` is true, `Stalled` goes, `Ready` is
    /// left as it is.
    pub fn reconciling(&mut self, reason: &str, message: &str) -> &mut Self {
        self.remove(condition_type::STALLED)
            .set_true(condition_type::RECONCILING, reason, message)
    }

    /// Done and well: `Ready` is true, `Reconciling` and `Stalled` go.
    pub fn ready(&mut self, reason: &str, message: &str) -> &mut Self {
        self.remove(condition_type::STALLED)
            .remove(condition_type::RECONCILING)
            .set_true(condition_type::READY, reason, message)
    }

    /// Failed and tried again: `Ready` is false, and `Reconciling` true with
    /// `ProgressingWithRetry`, as Flux leaves an object between two tries.
    pub fn failed(&mut self, reason: &str, message: &str) -> &mut Self {
        self.remove(condition_type::STALLED)
            .set_true(
                condition_type::RECONCILING,
                crate::reason::PROGRESSING_WITH_RETRY,
                message,
            )
            .set_false(condition_type::READY, reason, message)
    }

    /// Failed for good: `Stalled` is true, `Ready` false, `Reconciling` goes.
    /// Nothing is tried again before the specification changes.
    pub fn stalled(&mut self, reason: &str, message: &str) -> &mut Self {
        self.remove(condition_type::RECONCILING)
            .set_true(condition_type::STALLED, reason, message)
            .set_false(condition_type::READY, reason, message)
    }
}

/// Cuts a message that the API would refuse, at a character's end.
fn cut(message: &str) -> String {
    if message.len() <= MAX_MESSAGE_BYTES {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_MESSAGE_BYTES - CUT.len());
    format!("{}{CUT}", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::{decode, encode, value};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_when_something_is_said_anew() {
        let mut conditions = Conditions::default();
        conditions.change(1, at(0)).ready("Succeeded", "fine");
        conditions.change(2, at(10)).ready("Succeeded", "fine");
        let ready = conditions.get("Ready").unwrap();
        assert_eq!(
            (ready.last_transition_time, ready.observed_generation),
            (at(0), 2)
        );
        conditions.change(2, at(20)).ready("Succeeded", "finer");
        assert_eq!(
            conditions.get("Ready").unwrap().last_transition_time,
            at(20)
        );
    }

    #[test]
    fn stalled_and_reconciling_exclude_each_other_and_go_when_ready() {
        let mut conditions = Conditions::default();
        conditions
            .change(1, at(0))
            .reconciling("Progressing", "working");
        conditions.change(1, at(1)).stalled("AccessDenied", "no");
        assert!(conditions.is_true("Stalled") && conditions.is_false("Ready"));
        assert_eq!(conditions.get("Reconciling"), None);
        conditions.change(1, at(2)).failed("BuildFailed", "broken");
        assert!(conditions.is_true("Reconciling") && conditions.is_false("Ready"));
        assert_eq!(conditions.get("Stalled"), None);
        conditions.change(1, at(3)).ready("Succeeded", "fine");
        assert_eq!(
            conditions
                .iter()
                .map(|c| c.kind.as_str())
                .collect::<Vec<_>>(),
            ["Ready"]
        );
    }

    #[test]
    fn conditions_of_others_survive_and_the_order_is_flux_s() {
        let stored = value!([
            {"type": "Audited", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "ByHand", "message": ""},
        ]);
        let mut conditions: Conditions = decode(&stored).unwrap();
        conditions
            .change(3, at(0))
            .ready("Succeeded", "fine")
            .set_true("Healthy", "Succeeded", "ok")
            .reconciling("Progressing", "x");
        assert_eq!(
            conditions
                .iter()
                .map(|c| c.kind.as_str())
                .collect::<Vec<_>>(),
            ["Reconciling", "Ready", "Audited", "Healthy"]
        );
        let written = encode(&conditions).unwrap();
        let list = written.as_list().unwrap();
        assert_eq!(list[2], stored.as_list().unwrap()[0]);
        assert_eq!(
            list[1].str_at(&["lastTransitionTime"]),
            Some("2026-01-01T00:00:00Z")
        );
        assert_eq!(list[1].i64_at(&["observedGeneration"]), Some(3));
    }

    #[test]
    fn a_message_is_cut_to_what_the_api_accepts() {
        let mut conditions = Conditions::default();
        conditions
            .change(1, at(0))
            .ready("Succeeded", &"ä".repeat(40_000));
        let message = &conditions.get("Ready").unwrap().message;
        assert!(message.len() <= 32_768 && message.len() > 32_760 && message.ends_with('…'));
    }
}
