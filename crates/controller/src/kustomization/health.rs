//! Waiting as a state: whether what was applied is healthy yet.

use super::apply::look;
use super::execute::waiting_text;
use super::failure::Failure;
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use super::target::Target;
use crate::context::Context;
use crate::live::Sight;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trueup_health::{CustomChecks, Health};
use trueup_kinds::condition_type::RECONCILING;
use trueup_kinds::{ConditionStatus, Kustomization, reason};
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
    let checks = Arc::clone(&lock(memory).checks);
    for object in objects {
        let health = match context.live.find(&target.viewer, object) {
            Sight::Seen(seen) => checks.assess(seen.value()),
            Sight::NotSeen | Sight::Unknown => {
                picture.asked = true;
                ask(target, &checks, object).await?
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

async fn ask(
    target: &Target,
    checks: &CustomChecks,
    object: &ObjectRef,
) -> Result<Health, Failure> {
    match look(&target.session, object)
        .await
        .map_err(|error| Failure::api(&error))?
    {
        Observation::Live(object) => Ok(checks.assess(&object)),
        Observation::Absent | Observation::KindUnknown | Observation::Unread => {
            Ok(Health::not_found())
        }
    }
}

/// Goes on with a waiting that an earlier process began: the status says
/// since when, so a restart gives nobody more time.
pub(super) fn resume(
    context: &Context,
    memory: &Mutex<Memory>,
    kustomization: &Kustomization,
    mark: &Mark,
) {
    let mut memory = lock(memory);
    if memory.waiting.is_some() {
        return;
    }
    let begun = [Purpose::Stage, Purpose::Health]
        .into_iter()
        .find_map(|purpose| Some((purpose, waiting_since(kustomization, mark, purpose)?)));
    memory.waiting = begun.map(|(purpose, since)| Waiting {
        mark: mark.clone(),
        purpose,
        since_ms: context.clock.ms_at(since),
        spent_ms: 0,
    });
}

/// Since when the status says that this is waited for.
fn waiting_since(
    kustomization: &Kustomization,
    mark: &Mark,
    purpose: Purpose,
) -> Option<jiff::Timestamp> {
    let timeout = kustomization.spec.timeout_or_default();
    let text = waiting_text(purpose, &mark.revision, timeout);
    let condition = kustomization.status.conditions.get(RECONCILING)?;
    let is_this = condition.status == ConditionStatus::True
        && condition.reason == reason::PROGRESSING
        && condition.message == text
        && condition.observed_generation == mark.generation;
    is_this.then_some(condition.last_transition_time)
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
    // A stage that is ready says nothing of since when health is waited for.
    let begun = memory
        .waiting
        .take_if(|it| it.mark != *mark || it.purpose == purpose)
        .filter(|it| it.is_for(mark, purpose));
    let just_now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let (since_ms, spent_ms) = begun.map_or((just_now, spent_ms), |it| (it.since_ms, it.spent_ms));
    let waited = waited(now_ms, since_ms);
    let verdict = HealthGate { waited, timeout }.judge(&picture.judged);
    if matches!(verdict, HealthVerdict::Waiting(_)) {
        memory.waiting = Some(Waiting {
            mark: mark.clone(),
            purpose,
            since_ms,
            spent_ms,
        });
    }
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

/// How long is waited already.
pub(super) fn waited(now_ms: u64, since_ms: i64) -> Duration {
    let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let waited_ms = now_ms.saturating_sub(since_ms);
    Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0))
}

/// What was found, and how long it took.
#[derive(Debug)]
pub(super) struct Judged {
    pub verdict: HealthVerdict,
    pub waited: Duration,
    pub look_again_ms: u64,
}
