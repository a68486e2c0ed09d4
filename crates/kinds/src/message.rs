//! The sentences in conditions and events that people and tools know from
//! Flux; wherever a tool may compare texts, the text is Flux's.

use crate::{ApiDuration, UnservedField};
use std::fmt::Display;
use std::time::Duration;
use trueup_object::ObjectRef;

/// A Kustomization was applied.
#[must_use]
pub fn applied_revision(revision: &str) -> String {
    format!("Applied revision: {revision}")
}

/// A source's artifact is stored (condition).
#[must_use]
pub fn stored_artifact(revision: &str) -> String {
    format!("stored artifact for revision '{revision}'")
}

/// A source's artifact is stored (event): names the commit by its subject.
#[must_use]
pub fn stored_artifact_for_commit(subject: &str) -> String {
    format!("stored artifact for commit '{subject}'")
}

/// A source's artifact is still the newest (event).
#[must_use]
pub fn artifact_up_to_date(revision: &str) -> String {
    format!("artifact up-to-date with remote revision: '{revision}'")
}

/// A source's artifact is not the newest (condition `ArtifactOutdated`).
#[must_use]
pub fn new_upstream_revision(revision: &str) -> String {
    format!("new upstream revision '{revision}'")
}

/// A source is about to be fetched for the first time or anew.
#[must_use]
pub fn building_artifact(revision: &str) -> String {
    format!("building artifact: new upstream revision '{revision}'")
}

/// A Kustomization's source does not exist.
#[must_use]
pub fn source_not_found(kind: &str, namespace: &str, name: &str) -> String {
    format!("Source '{kind}/{namespace}/{name}' not found")
}

/// A Kustomization's source has no artifact yet.
#[must_use]
pub fn artifact_not_found(retry: Duration) -> String {
    format!(
        "Source artifact not found, retrying in {}",
        ApiDuration(retry)
    )
}

/// A dependency is not ready (event).
#[must_use]
pub fn dependencies_not_ready(retry: Duration) -> String {
    format!(
        "Dependencies do not meet ready condition, retrying in {}",
        ApiDuration(retry)
    )
}

/// A dependency does not exist.
#[must_use]
pub fn dependency_not_found(namespace: &str, name: &str) -> String {
    format!("dependency '{namespace}/{name}' not found")
}

/// A dependency is not ready (condition).
#[must_use]
pub fn dependency_not_ready(namespace: &str, name: &str) -> String {
    format!("dependency '{namespace}/{name}' is not ready")
}

/// A dependency is not ready by its `readyExpr`.
#[must_use]
pub fn dependency_not_ready_by_expression(namespace: &str, name: &str) -> String {
    format!("dependency '{namespace}/{name}' is not ready according to readyExpr eval")
}

/// The specification holds something that can never work.
#[must_use]
pub fn terminal(error: impl Display) -> String {
    format!("Reconciliation failed terminally due to configuration error: {error}")
}

/// A dependency of the same source has not applied this revision.
#[must_use]
pub fn dependency_revision_not_up_to_date(namespace: &str, name: &str) -> String {
    format!("dependency '{namespace}/{name}' revision is not up to date")
}

/// `dependsOn` leads back: the objects of the cycle in order, the first one
/// again at the end.
#[must_use]
pub fn dependency_cycle(cycle: &[impl Display]) -> String {
    let names: Vec<String> = cycle.iter().map(ToString::to_string).collect();
    format!("dependency cycle: {}", names.join(" → "))
}

/// `Reconciling` while work is under way and nothing better is known.
pub const RECONCILIATION_IN_PROGRESS: &str = "Reconciliation in progress";

/// `Reconciling` while manifests are fetched.
#[must_use]
pub fn fetching_manifests(revision: &str, timeout: Duration) -> String {
    format!(
        "Fetching manifests for revision {revision} with a timeout of {}",
        ApiDuration(timeout)
    )
}

/// `Reconciling` while manifests are built.
#[must_use]
pub fn building_manifests(revision: &str, timeout: Duration) -> String {
    format!(
        "Building manifests for revision {revision} with a timeout of {}",
        ApiDuration(timeout)
    )
}

/// `Reconciling` while the plan is made and carried out.
#[must_use]
pub fn detecting_drift(revision: &str, timeout: Duration) -> String {
    format!(
        "Detecting drift for revision {revision} with a timeout of {}",
        ApiDuration(timeout)
    )
}

/// `Reconciling` while health is waited for.
#[must_use]
pub fn running_health_checks(revision: &str, timeout: Duration) -> String {
    format!(
        "Running health checks for revision {revision} with a timeout of {}",
        ApiDuration(timeout)
    )
}

/// `Healthy` when it is.
#[must_use]
pub fn health_check_passed(took: Duration) -> String {
    format!("Health check passed in {}", ApiDuration(took))
}

/// An object that is not healthy and what it is instead, such as
/// `Deployment/prod/web status: 'InProgress'`.
#[must_use]
pub fn unhealthy_object(object: &ObjectRef, status: impl Display) -> String {
    format!("{object} status: '{status}'")
}

/// Health was waited for in vain; the list is made by [`unhealthy_object`].
#[must_use]
pub fn health_check_timed_out(after: Duration, unhealthy: &[String]) -> String {
    format!(
        "health check failed after {}: timeout waiting for: [{}]",
        ApiDuration(after),
        unhealthy.join(", ")
    )
}

/// Waiting was given up because nothing that is left can get healthy.
#[must_use]
pub fn health_check_failed_early(after: Duration, unhealthy: &[String]) -> String {
    let list = unhealthy.join(", ");
    format!(
        "health check failed after {}: failed early due to stalled resources: [{list}]",
        ApiDuration(after)
    )
}

/// `spec.path` leads nowhere.
#[must_use]
pub fn path_not_found(path: &str) -> String {
    format!("kustomization path not found: {path}")
}

/// A reference to another namespace is not allowed.
#[must_use]
pub fn cross_namespace_denied(reference: impl Display) -> String {
    format!("can't access '{reference}', cross-namespace references have been blocked")
}

/// Sources of a kind are not allowed: the gate of that name is closed.
#[must_use]
pub fn gate_closed(reference: impl Display, gate: &str) -> String {
    format!("can't access '{reference}', {gate} feature gate is disabled")
}

/// The archive of a source's artifact is not where the status says.
#[must_use]
pub fn archive_not_found(retry: Duration) -> String {
    format!(
        "Source is not ready, artifact not found, retrying in {}",
        ApiDuration(retry)
    )
}

/// A dry-run was refused by the API, with or without a reason.
#[must_use]
pub fn apply_failed(object: &ObjectRef, reason: &str, message: &str) -> String {
    if reason.is_empty() {
        return format!("{object} dry-run failed: {message}");
    }
    format!("{object} dry-run failed ({reason}): {message}")
}

/// Each of many things, up to a limit; what is left out is counted.
#[must_use]
pub fn capped<T: Display>(all: impl ExactSizeIterator<Item = T>, limit: usize) -> Vec<String> {
    let more = all.len().saturating_sub(limit);
    let mut texts: Vec<String> = all.take(limit).map(|it| it.to_string()).collect();
    if more > 0 {
        texts.push(format!("… and {more} more"));
    }
    texts
}

/// Fields are asked for that this version does not serve.
#[must_use]
pub fn fields_not_served(fields: &[UnservedField]) -> String {
    let list: Vec<String> = fields.iter().map(ToString::to_string).collect();
    format!(
        "not served by this version of Trueup: {}; remove it or use a version that serves it",
        list.join(", ")
    )
}
