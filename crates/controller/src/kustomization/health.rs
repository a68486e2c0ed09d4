//! Waiting as a state: whether what was applied is healthy yet.

use super::apply::look;
use super::failure::Failure;
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use crate::context::Context;
use crate::live::Sight;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use trueup_health::{Health, assess};
use trueup_object::ObjectRef;
use trueup_plan::{HealthGate, HealthVerdict, Observation};

/// The health of objects now: by the watches, or asked where none shows them.
/// From here on a change of it wakes the Kustomization.
pub(super) async fn of(
    context: &Context,
    memory: &Mutex<Memory>,
    targets: &[ObjectRef],
) -> Result<Vec<(ObjectRef, Health)>, Failure> {
    let mut judged = Vec::with_capacity(targets.len());
    for target in targets {
        judged.push((target.clone(), health_of(context, target).await?));
    }
    let statuses: BTreeMap<_, _> = judged
        .iter()
        .map(|(target, health)| (target.clone(), health.status))
        .collect();
    lock(memory).targets = statuses;
    Ok(judged)
}

async fn health_of(context: &Context, target: &ObjectRef) -> Result<Health, Failure> {
    if let Sight::Seen(object) = context.live.find(target) {
        return Ok(assess(object.value()));
    }
    match look(context, target)
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
    purpose: Purpose,
    timeout: Duration,
    health: &[(ObjectRef, Health)],
) -> Judged {
    let now_ms = context.clock.now_ms();
    let mut memory = lock(memory);
    let begun = memory
        .waiting
        .as_ref()
        .filter(|it| it.mark == *mark && it.purpose == purpose);
    let since_ms = begun.map_or(now_ms, |waiting| waiting.since_ms);
    let waited = Duration::from_millis(now_ms.saturating_sub(since_ms));
    let verdict = HealthGate { waited, timeout }.judge(health);
    memory.waiting = match verdict {
        HealthVerdict::Waiting(_) => Some(Waiting {
            mark: mark.clone(),
            purpose,
            since_ms,
        }),
        HealthVerdict::Passed | HealthVerdict::Failed(_) => None,
    };
    let left = timeout.saturating_sub(waited);
    Judged {
        verdict,
        waited,
        left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1),
    }
}

/// What was found, and how long it took.
#[derive(Debug)]
pub(super) struct Judged {
    pub verdict: HealthVerdict,
    pub waited: Duration,
    pub left_ms: u64,
}
