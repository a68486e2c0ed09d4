//! A workload whose Pods take a while.

use crate::machine::{Readiness, WorkloadSeen};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long a workload may make no progress.
pub(super) const PROGRESS_DEADLINE: SignedDuration = SignedDuration::from_secs(600);

/// A Deployment. Old Pods go when new ones are ready.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) name: String,
    /// The revision of its template.
    pub(super) template: String,
    pub(super) replicas: u32,
    /// The revision of its ready Pods.
    pub(super) serving: Option<String>,
    /// When Pods of the template are ready.
    settles_at: Timestamp,
    /// When it began to wait for them.
    since: Timestamp,
    /// Its Pods are down until then.
    down_until: Timestamp,
    /// Its Service has no endpoints until then, whatever its Pods are.
    unlisted_until: Timestamp,
    pub(super) generation: u32,
}

impl Workload {
    pub(super) fn new(name: &str, template: &str, now: Timestamp, delay: SignedDuration) -> Self {
        Self {
            name: name.into(),
            template: template.into(),
            replicas: 1,
            serving: None,
            settles_at: now + delay,
            since: now,
            down_until: now,
            unlisted_until: now,
            generation: 1,
        }
    }

    pub(super) fn set_template(&mut self, template: &str, now: Timestamp, delay: SignedDuration) {
        if self.template != template {
            self.template = template.into();
            self.begin(now, delay);
        }
    }

    pub(super) fn scale(&mut self, replicas: u32, now: Timestamp, delay: SignedDuration) {
        if self.replicas != replicas {
            self.replicas = replicas;
            self.begin(now, delay);
        }
        if replicas == 0 {
            self.serving = None;
        }
    }

    fn begin(&mut self, now: Timestamp, delay: SignedDuration) {
        self.generation += 1;
        self.settles_at = now + delay;
        self.since = now;
    }

    /// All Pods are lost, and come back after a while.
    pub(super) fn crash(&mut self, now: Timestamp, outage: SignedDuration) {
        self.serving = None;
        self.down_until = now + outage;
        self.settles_at = self.settles_at.max(self.down_until);
        self.since = now;
    }

    /// Its Service loses its endpoints for a while.
    pub(super) fn unlist(&mut self, now: Timestamp, outage: SignedDuration) {
        self.unlisted_until = now + outage;
    }

    /// Whether traffic that is sent to it arrives.
    pub(super) fn has_endpoints(&self, now: Timestamp) -> bool {
        self.serving.is_some() && now >= self.unlisted_until
    }

    /// What has become of it until `now`.
    pub(super) fn settle(&mut self, now: Timestamp, broken: &BTreeSet<String>) {
        let is_up = self.replicas > 0 && now >= self.settles_at && now >= self.down_until;
        if is_up && !broken.contains(&self.template) {
            self.serving = Some(self.template.clone());
        }
    }

    /// Whether it serves what it is to be.
    pub(super) fn is_ready(&self) -> bool {
        self.serving.as_ref() == Some(&self.template)
    }

    pub(super) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let deadline = self.since + PROGRESS_DEADLINE + SignedDuration::from_secs(1);
        let times = [
            self.settles_at,
            self.down_until,
            self.unlisted_until,
            deadline,
        ];
        times.into_iter().filter(|time| *time > now).min()
    }

    pub(super) fn seen(&self, now: Timestamp) -> WorkloadSeen {
        let is_ready = self.replicas == 0 || self.serving.as_ref() == Some(&self.template);
        let name = &self.name;
        let readiness = if is_ready {
            Readiness::Ready
        } else if now > self.since + PROGRESS_DEADLINE {
            Readiness::Failed(
                format!("{name} not ready: deployment exceeded its progress deadline").into(),
            )
        } else {
            Readiness::Waiting(
                format!("{name} not ready: waiting for rollout to finish: 0 out of 1").into(),
            )
        };
        WorkloadSeen {
            readiness,
            ready_endpoints: Some(u32::from(self.has_endpoints(now))),
        }
    }
}
