//! How all Canaries stand, as anybody sees it in the cluster.

use super::objects::{self, STEP_WEIGHT};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::timeout;
use trueup_cluster::{Form, LiveObject, Scope, Session, WatchEvent, WatchSpec, WatchStream};
use trueup_kinds::{Canary, Resource};
use trueup_object::Text;

/// The state of one Canary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// `status.phase`.
    pub phase: Text,
    /// `status.canaryWeight`.
    pub weight: i64,
}

impl Standing {
    fn of(canary: &LiveObject) -> Self {
        let phase = canary.value().str_at(&["status", "phase"]);
        let weight = canary.value().i64_at(&["status", "canaryWeight"]);
        Self {
            phase: phase.unwrap_or_default().into(),
            weight: weight.unwrap_or(0),
        }
    }

    /// Whether it is analysed, and has some traffic already.
    pub fn is_analysed(&self) -> bool {
        self.phase == "Progressing" && self.weight > 0
    }
}

/// A watch of all Canaries.
pub struct Standings {
    events: WatchStream,
    known: BTreeMap<Text, Standing>,
    deadline: Duration,
}

impl Standings {
    /// Watches them; each wait ends after a deadline.
    pub fn of(person: &Session, deadline: Duration) -> Self {
        let events = person.watch(WatchSpec {
            kind: Canary::group_version_kind(),
            scope: Scope::all(),
            form: Form::Full,
        });
        Self {
            events,
            known: BTreeMap::new(),
            deadline,
        }
    }

    /// Waits until something holds for the Canaries of all numbers; an error if
    /// one fails, or after the deadline.
    pub async fn reach(
        &mut self,
        numbers: std::ops::Range<u64>,
        what: &str,
        holds: impl Fn(&Standing) -> bool,
    ) -> Result<(), String> {
        let names = numbers.map(objects::name).map(Text::from);
        let is_left = |name: &Text| !self.known.get(name).is_some_and(&holds);
        let mut left: BTreeSet<Text> = names.filter(is_left).collect();
        let deadline = self.deadline;
        let waiting = async {
            while !left.is_empty() {
                let (name, standing) = self.next().await?;
                if standing.phase == "Failed" {
                    return Err(format!("{name} has failed"));
                }
                if holds(&standing) {
                    left.remove(&name);
                }
            }
            Ok(())
        };
        let outcome = timeout(deadline, waiting).await;
        outcome.unwrap_or_else(|_| {
            let first = left.first().cloned().unwrap_or_default();
            let stands = self.known.get(&first);
            let missing = left.len();
            Err(format!(
                "{what}: {missing} missing after {deadline:?}, as {first}: {stands:?}"
            ))
        })
    }

    /// The next change.
    async fn next(&mut self) -> Result<(Text, Standing), String> {
        loop {
            match self.events.next().await {
                Some(WatchEvent::Applied(canary)) => {
                    let (name, standing) = (canary.name().clone(), Standing::of(&canary));
                    self.known.insert(name.clone(), standing.clone());
                    return Ok((name, standing));
                }
                Some(_) => {}
                None => return Err("the watch of Canaries has ended".to_owned()),
            }
        }
    }
}

/// How many steps of a run all Canaries have taken together, as their weights
/// say.
pub async fn steps_taken(person: &Session) -> Result<u64, String> {
    let kind = Canary::group_version_kind();
    let list = person.list(&kind, &Scope::all(), Form::Full).await;
    let list = list.map_err(|error| error.to_string())?;
    let weights = list
        .objects
        .iter()
        .map(|canary| Standing::of(canary).weight);
    u64::try_from(weights.sum::<i64>() / STEP_WEIGHT).map_err(|error| error.to_string())
}
