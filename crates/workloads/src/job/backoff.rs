//! How long a Job waits after a failure: ten seconds, twice as long after
//! each further one, ten minutes at most.

use super::facts::{Facts, INDEX_FAILURES, INDEX_IGNORED, number};
use crate::conditions::{get, time_at};
use crate::pods::phase;
use jiff::{SignedDuration, Timestamp};
use trueup_cluster::LiveObject;
use trueup_object::Value;

const FIRST_S: i64 = 10;
const LONGEST_S: i64 = 600;

/// When Pods may be made again; `None` when at once.
pub(super) fn waits_until(facts: &Facts<'_>) -> Option<Timestamp> {
    let ended = |failed: bool| {
        facts
            .pods
            .iter()
            .filter(move |pod| match failed {
                true => facts.is_failed(pod),
                false => phase(pod.value()) == "Succeeded",
            })
            .map(|pod| finished_at(pod))
    };
    let last_success = ended(false).max();
    let failures: Vec<Timestamp> = ended(true)
        .filter(|time| last_success.is_none_or(|success| *time > success))
        .collect();
    let last = failures.iter().max()?;
    later(facts, *last, failures.len())
}

/// When the Pod of an index may be made again.
pub(super) fn index_waits_until(facts: &Facts<'_>, failed: &LiveObject) -> Option<Timestamp> {
    let before = number(failed, INDEX_FAILURES) + number(failed, INDEX_IGNORED);
    let failures = usize::try_from(before + 1).unwrap_or(usize::MAX);
    later(facts, finished_at(failed), failures)
}

fn later(facts: &Facts<'_>, last: Timestamp, failures: usize) -> Option<Timestamp> {
    let doublings = u32::try_from(failures.saturating_sub(1).min(16)).unwrap_or(16);
    let pause_s = (FIRST_S << doublings).min(LONGEST_S);
    let until = last.checked_add(SignedDuration::from_secs(pause_s)).ok()?;
    (until > facts.now).then_some(until)
}

/// When a Pod has ended: by its containers, by its readiness, by its deletion,
/// else by its creation.
pub(super) fn finished_at(pod: &LiveObject) -> Timestamp {
    let value = pod.value();
    by_containers(value)
        .or_else(|| by_readiness(value))
        .or_else(|| by_deletion(value))
        .or_else(|| pod.creation_timestamp().parse().ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The last end of a container, if all have ended.
fn by_containers(pod: &Value) -> Option<Timestamp> {
    let statuses = pod.at(&["status", "containerStatuses"])?.as_list()?;
    let ends: Option<Vec<Timestamp>> = statuses
        .iter()
        .map(|status| time_at(status, &["state", "terminated", "finishedAt"]))
        .collect();
    ends?.into_iter().max()
}

fn by_readiness(pod: &Value) -> Option<Timestamp> {
    let ready = get(pod.at(&["status", "conditions"])?.as_list()?, "Ready")?;
    time_at(ready, &["lastTransitionTime"]).filter(|_| ready.str_at(&["status"]) == Some("False"))
}

fn by_deletion(pod: &Value) -> Option<Timestamp> {
    let due = time_at(pod, &["metadata", "deletionTimestamp"])?;
    let grace_s = pod
        .i64_at(&["metadata", "deletionGracePeriodSeconds"])
        .unwrap_or(0);
    due.checked_sub(SignedDuration::from_secs(grace_s)).ok()
}
