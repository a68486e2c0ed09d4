//! Waiting as a state: whether what was applied is healthy yet.

use super::apply::look;
use super::failure::Failure;
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use super::target::Target;
use crate::context::Context;
use crate::live::Sight;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use trueup_health::{Health, assess};
use trueup_object::ObjectRef;
use trueup_plan::{HealthGate, HealthVerdict, Observation};

/// How soon objects that no watch shows are asked for again.
const POLL_MS: u64 = 5_000;

/// The health of some objects at one moment.
#[derive(Debug, Default)]
pub(super) struct Picture {
    judged: Vec<(ObjectRef, Health)>,
    /// Whether some had to be asked for: they will not tell of a change.
    asked: bool,
}

/// The health of objects now: by the watches, or asked where none shows them.
/// From here on a change of it wakes the Kustomization.
pub(super) async fn of(
    context: &Context,
    target: &Target,
    memory: &Mutex<Memory>,
    objects: &[ObjectRef],
) -> Result<Picture, Failure> {
    let mut picture = Picture::default();
    for object in objects {
        let health = match context.live.find(&target.viewer, object) {
            Sight::Seen(seen) => assess(seen.value()),
            Sight::NotSeen | Sight::Unknown => {
                picture.asked = true;
                ask(target, object).await?
            }
        };
        picture.judged.push((object.clone(), health));
    }
    let statuses = picture
        .judged
        .iter()
        .map(|(object, health)| (object.clone(), health.status));
    lock(memory).targets = statuses.collect::<BTreeMap<_, _>>();
    Ok(picture)
}

async fn ask(target: &Target, object: &ObjectRef) -> Result<Health, Failure> {
    match look(&target.session, object)
        .await
        .map_err(|error| Failure::api(&error))?
    {
        Observation::Live(object) => Ok(assess(&object)),
        Observation::Absent | Observation::KindUnknown | Observation::Unread => {
            Ok(Health::not_found())
        }
    }
}

/// Judges, and remembers since when is waited.
pub(super) fn judge(
    context: &Context,
    memory: &Mutex<Memory>,
    mark: &Mark,
    (purpose, spent_ms): (Purpose, u64),
    timeout: Duration,
    picture: &Picture,
) -> Judged {
    let now_ms = context.clock.now_ms();
    let mut memory = lock(memory);
    let begun = memory
        .waiting
        .as_ref()
        .filter(|it| it.is_for(mark, purpose));
    let (since_ms, spent_ms) = begun.map_or((now_ms, spent_ms), |it| (it.since_ms, it.spent_ms));
    let waited = Duration::from_millis(now_ms.saturating_sub(since_ms));
    let verdict = HealthGate { waited, timeout }.judge(&picture.judged);
    memory.waiting = match verdict {
        HealthVerdict::Waiting(_) => Some(Waiting {
            mark: mark.clone(),
            purpose,
            since_ms,
            spent_ms,
        }),
        HealthVerdict::Passed | HealthVerdict::Failed(_) => None,
    };
    let left_ms = u64::try_from(timeout.saturating_sub(waited).as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let look_again_ms = if picture.asked {
        left_ms.min(POLL_MS)
    } else {
        left_ms
    };
    Judged {
        verdict,
        waited,
        look_again_ms,
    }
}

/// What was found, and how long it took.
#[derive(Debug)]
pub(super) struct Judged {
    pub verdict: HealthVerdict,
    pub waited: Duration,
    pub look_again_ms: u64,
}
