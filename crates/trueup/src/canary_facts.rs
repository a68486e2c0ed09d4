//! What is told of a Canary, in the words of tables.

use crate::age;
use jiff::Timestamp;
use trueup_kinds::Canary;
use trueup_kinds::canary::{CanaryStatus, KUBERNETES_PROVIDER, Phase, Strategy};
use trueup_object::Value;
use trueup_rollout::machine::DEFAULT_ITERATIONS;

/// What stands where there is nothing to tell.
const NOTHING: &str = "-";
/// How many digits of a digest are told.
const DIGEST_DIGITS: usize = 8;

/// A Canary in the words of tables. Of one that can't be read only the phase
/// is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryFacts {
    /// The word in the status.
    pub phase: String,
    /// The canary's weight in percent.
    pub weight: String,
    /// Which step of how many, while a run is under way.
    pub step: String,
    /// How many checks have failed, and how many may.
    pub failed_checks: String,
    /// The revision of the source, else the digest of the target.
    pub revision: String,
    /// How long ago the status was written last.
    pub last_transition: String,
    /// `Deployment/web`.
    pub target: String,
    /// What routes the traffic; empty where the installation says it.
    pub provider: String,
}

impl CanaryFacts {
    /// What a live object tells.
    pub fn of(object: &Value, now: Timestamp) -> Self {
        match Canary::decode(object) {
            Ok(canary) => Self::of_canary(&canary, now),
            Err(_) => Self::unreadable(object),
        }
    }

    fn of_canary(canary: &Canary, now: Timestamp) -> Self {
        let (spec, status) = (&canary.spec, &canary.status);
        let step = step(canary).map(|(step, steps)| format!("{step}/{steps}"));
        let since = status.last_transition_time.map(|then| age::of(then, now));
        Self {
            phase: or_nothing(status.phase.as_str()),
            weight: weight(status).to_string(),
            step: step.unwrap_or_else(|| NOTHING.to_owned()),
            failed_checks: format!(
                "{}/{}",
                status.failed_checks,
                spec.analysis.threshold_or_default()
            ),
            revision: or_nothing(&revision(status)),
            last_transition: since.unwrap_or_else(|| NOTHING.to_owned()),
            target: format!("{}/{}", spec.target_ref.kind, spec.target_ref.name),
            provider: or_nothing(&spec.provider),
        }
    }

    fn unreadable(object: &Value) -> Self {
        let nothing = || NOTHING.to_owned();
        let phase = object.str_at(&["status", "phase"]);
        Self {
            phase: or_nothing(phase.unwrap_or_default()),
            weight: nothing(),
            step: nothing(),
            failed_checks: nothing(),
            revision: nothing(),
            last_transition: nothing(),
            target: nothing(),
            provider: nothing(),
        }
    }
}

fn or_nothing(text: &str) -> String {
    let text = if text.is_empty() { NOTHING } else { text };
    text.to_owned()
}

/// The canary's weight: that of the routes, since Flagger's field is 0 while a
/// promotion waits for approval.
pub fn weight(status: &CanaryStatus) -> i64 {
    status.routed_weight.unwrap_or(status.canary_weight)
}

/// The way in which traffic is shifted, as far as the Canary itself tells:
/// Services alone can only switch.
pub fn strategy(canary: &Canary) -> Strategy {
    if canary.spec.provider == KUBERNETES_PROVIDER {
        Strategy::BlueGreen
    } else {
        canary.spec.strategy()
    }
}

/// How many iterations a run has that counts them.
pub fn iterations(canary: &Canary) -> i64 {
    match canary.spec.analysis.iterations {
        0 if canary.spec.provider == KUBERNETES_PROVIDER => DEFAULT_ITERATIONS,
        given => given,
    }
}

/// How many steps of a run are done, and how many there are; `None` between
/// runs.
pub fn step(canary: &Canary) -> Option<(i64, i64)> {
    let (status, analysis) = (&canary.status, &canary.spec.analysis);
    if !status.phase.is_under_way() {
        return None;
    }
    if strategy(canary) == Strategy::Canary {
        let (weights, weight) = (analysis.weights(), weight(status));
        let done = weights.iter().filter(|step| **step <= weight).count();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        return Some((count(done), count(weights.len())));
    }
    let all = iterations(canary);
    let done = match status.phase {
        // Flagger's field is one less while a promotion waits for approval.
        Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising => all,
        _ => status.iterations.clamp(0, all),
    };
    Some((done, all))
}

/// The revision of the source, with a digest cut as flux cuts them; else the
/// beginning of the digest of the target.
pub fn revision(status: &CanaryStatus) -> String {
    if !status.source_revision.is_empty() {
        return crate::digests::shorten(&status.source_revision);
    }
    let digest = status.last_applied_spec.as_str();
    let start = digest.find(':').map_or(0, |colon| colon + 1);
    let end = digest
        .char_indices()
        .nth(start + DIGEST_DIGITS)
        .map_or(digest.len(), |(place, _)| place);
    digest[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn facts(analysis: Value, status: Value) -> CanaryFacts {
        let mut object = value!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "web"}, "provider": "istio"},
        });
        object.set_at(&["spec", "analysis"], analysis);
        object.set_at(&["status"], status);
        CanaryFacts::of(&object, Timestamp::from_second(1_000_000).unwrap())
    }

    #[test]
    fn a_canary_run_tells_its_step_by_its_weight() {
        let analysis = value!({"threshold": 5, "stepWeight": 20, "maxWeight": 50});
        let status = value!({
            "phase": "WaitingPromotion", "canaryWeight": 0, "routedWeight": 40, "failedChecks": 1,
            "lastAppliedSpec": "v2:0123456789abcdef",
            "lastTransitionTime": "1970-01-12T13:46:00Z",
        });
        let found = facts(analysis, status);
        let told = [&found.weight, &found.step, &found.failed_checks];
        assert_eq!(told, ["40", "2/3", "1/5"]);
        assert_eq!(found.revision, "v2:01234567");
        assert_eq!(found.last_transition, "40s");
    }

    #[test]
    fn runs_that_count_tell_their_iteration() {
        let analysis = value!({"threshold": 5, "iterations": 10});
        let status =
            |phase: &str, iterations: i64| value!({"phase": phase, "iterations": iterations});
        let step = |status| facts(analysis.clone(), status).step;
        assert_eq!(step(status("Progressing", 3)), "3/10");
        assert_eq!(step(status("Progressing", 11)), "10/10");
        assert_eq!(step(status("WaitingPromotion", 9)), "10/10");
        assert_eq!(step(status("Succeeded", 0)), "-");
    }

    #[test]
    fn of_a_canary_that_can_not_be_read_the_phase_is_told() {
        let found = facts(value!({"stepWeight": 0.5}), value!({"phase": "Failed"}));
        assert_eq!(
            (found.phase.as_str(), found.weight.as_str()),
            ("Failed", "-")
        );
    }

    #[test]
    fn the_revision_of_a_source_comes_first() {
        let status = value!({
            "sourceRevision": "main@sha1:0123456789abcdef0123456789abcdef01234567",
            "lastAppliedSpec": "v2:0123456789abcdef",
        });
        assert_eq!(facts(value!({}), status).revision, "main@sha1:01234567");
    }
}
