//! Whether what was applied is healthy yet, and what to say if not.

use crate::{Action, EXPIRED_MANAGER, Owner, Plan, Reason, Verb};
use std::collections::BTreeSet;
use std::time::Duration;
use trueup_health::{Health, HealthStatus};
use trueup_kinds::{Kustomization, KustomizationSpec, Resource, message};
use trueup_object::{GroupVersionKind, ObjectRef};

/// The version of a health check that names none.
const DEFAULT_API_VERSION: &str = "apps/v1";

/// The objects whose health decides about a Kustomization: with `spec.wait`
/// everything applied and not skipped, else `spec.healthChecks`; never the
/// Kustomization itself, nor a Job of ours that has finished and was cleaned
/// away.
#[must_use]
pub fn health_targets(spec: &KustomizationSpec, owner: &Owner, plan: &Plan) -> Vec<ObjectRef> {
    let targets: Vec<ObjectRef> = if spec.wait {
        applied(plan)
    } else {
        listed(spec)
    };
    let expired = expired(plan);
    targets
        .into_iter()
        .filter(|target| !is_itself(target, owner) && !expired.contains(target))
        .collect()
}

/// What is only left alone because it is being deleted counts: it comes back.
fn applied(plan: &Plan) -> Vec<ObjectRef> {
    plan.actions()
        .filter(|action| action.verb != Verb::Skip || action.reason == Reason::BeingDeleted)
        .map(|action| action.object.clone())
        .collect()
}

/// Objects that were applied and have gone by their own time to live. One that
/// is merely missing has not.
fn expired(plan: &Plan) -> BTreeSet<&ObjectRef> {
    let has_expired = |action: &&Action| {
        let mut drift = action.drift.iter();
        drift.any(|drift| drift.manager == EXPIRED_MANAGER)
    };
    let actions = plan.actions().filter(has_expired);
    actions.map(|action| &action.object).collect()
}

fn listed(spec: &KustomizationSpec) -> Vec<ObjectRef> {
    spec.health_checks
        .iter()
        .map(|check| ObjectRef {
            kind: GroupVersionKind::new(
                check
                    .api_version
                    .as_deref()
                    .filter(|it| !it.is_empty())
                    .unwrap_or(DEFAULT_API_VERSION),
                &check.kind,
            ),
            namespace: check.namespace.clone().unwrap_or_default(),
            name: check.name.clone(),
        })
        .collect()
}

fn is_itself(target: &ObjectRef, owner: &Owner) -> bool {
    target.kind.group_kind() == Kustomization::group_version_kind().group_kind()
        && target.name == owner.name
        && target.namespace == owner.namespace
}

/// `Deployment/prod/web status: 'InProgress'`; where it can't be told, why.
fn described(object: &ObjectRef, health: &Health) -> String {
    let text = message::unhealthy_object(object, health.status);
    if health.status == HealthStatus::Unknown && !health.message.is_empty() {
        return format!("{text}: {}", health.message);
    }
    text
}

/// What is known about the health of all targets at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum HealthVerdict {
    /// All are as they should be.
    Passed,
    /// Some are not yet; these, as messages name them.
    Waiting(Vec<String>),
    /// Waiting has no use, or no more: what to write into the condition.
    Failed(String),
}

/// Waiting for health: since when, and for how long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthGate {
    /// How long the objects have been waited for.
    pub waited: Duration,
    /// How long they may be.
    pub timeout: Duration,
}

impl HealthGate {
    /// Judges the health of all targets. It fails early when everything that
    /// is not healthy has failed for good.
    #[must_use]
    pub fn judge(&self, targets: &[(ObjectRef, Health)]) -> HealthVerdict {
        let pending: Vec<&(ObjectRef, Health)> = targets
            .iter()
            .filter(|(_, health)| !health.is_current())
            .collect();
        if pending.is_empty() {
            return HealthVerdict::Passed;
        }
        let list: Vec<String> = pending
            .iter()
            .map(|(object, health)| described(object, health))
            .collect();
        if pending
            .iter()
            .all(|(_, health)| health.status == HealthStatus::Failed)
        {
            return HealthVerdict::Failed(message::health_check_failed_early(self.waited, &list));
        }
        if self.waited >= self.timeout {
            return HealthVerdict::Failed(message::health_check_timed_out(self.timeout, &list));
        }
        HealthVerdict::Waiting(list)
    }
}
