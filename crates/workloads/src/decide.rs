//! One decision for one object.

use crate::action::Decision;
use crate::cache::{Cache, Key, Kind};
use crate::endpoints::{self, TriggerTimes};
use crate::options::Parts;
use crate::process::ProcessOptions;
use crate::{
    autoscaler, cronjob, daemonset, deployment, disruption, job, node_taints, pod, replicaset,
    statefulset,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use trueup_cluster::LiveObject;
use trueup_object::Text;

/// What a decision depends on besides the objects.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The simulated node.
    pub node_name: Text,
    /// Which parts run.
    pub parts: Parts,
    /// From a Pod's creation to its readiness.
    pub ready_delay: Duration,
    /// The present time.
    pub now: Timestamp,
    /// When the objects of a second were first seen more exactly than their
    /// creation time tells; `None` to go by that.
    pub first_seen: Option<Timestamp>,
    /// What the server said when the last attempt at this object's work
    /// failed; `None` after a success.
    pub failure: Option<Text>,
    /// By Pod of a Service, when its endpoints were last decided about, since
    /// when it had been ready or not; `None` before the first time.
    pub triggers: Option<TriggerTimes>,
    /// How Pods are run as processes; those are left alone once they are bound.
    pub processes: Option<Arc<ProcessOptions>>,
}

impl Setting {
    /// New Pods go to the node at once where no scheduler could.
    pub(crate) fn node_for_new_pods(&self) -> Option<&str> {
        (self.parts == Parts::All).then_some(self.node_name.as_str())
    }

    /// When a Pod has been starting for long enough.
    pub(crate) fn ready_at(&self, pod: &LiveObject) -> Timestamp {
        let seen = self
            .first_seen
            .or_else(|| pod.creation_timestamp().parse().ok())
            .unwrap_or(self.now);
        let delay = SignedDuration::try_from(self.ready_delay).unwrap_or(SignedDuration::ZERO);
        seen.checked_add(delay).unwrap_or(self.now)
    }
}

/// Decides what to do about one object, given everything seen. Pure.
#[must_use]
pub fn decide(key: &Key, cache: &Cache, setting: &Setting) -> Decision {
    let Some(live) = cache.get(key) else {
        return match key.kind {
            _ if setting.parts == Parts::NodeOnly => Decision::nothing(),
            Kind::Service => endpoints::decide_gone(key, cache),
            Kind::Endpoints => endpoints::decide_mirror(key, cache),
            _ => Decision::nothing(),
        };
    };
    match key.kind {
        Kind::Pod if setting.parts != Parts::NodeOnly && is_orphan(live, cache) => {
            let actions: Vec<_> = job::release(live).into_iter().collect();
            match actions.is_empty() {
                false => Decision {
                    actions,
                    wake_at: None,
                },
                true if setting.parts == Parts::ControllersOnly => Decision::nothing(),
                true => pod::decide(live, cache, setting),
            }
        }
        Kind::Pod if setting.parts == Parts::ControllersOnly => Decision::nothing(),
        Kind::Pod => pod::decide(live, cache, setting),
        _ if setting.parts == Parts::NodeOnly => Decision::nothing(),
        Kind::Deployment => deployment::decide(live, cache, setting),
        Kind::ReplicaSet => replicaset::decide(live, cache, setting),
        Kind::StatefulSet => statefulset::decide(live, cache, setting),
        Kind::DaemonSet => daemonset::decide(live, cache, setting),
        Kind::Job => job::decide(live, cache, setting),
        Kind::Node => node_taints::decide(live, setting.now),
        Kind::CronJob => cronjob::decide(live, cache, setting),
        Kind::Service => endpoints::decide(live, cache, setting),
        Kind::Endpoints => endpoints::decide_mirror(key, cache),
        Kind::PodDisruptionBudget => disruption::decide(live, cache, setting),
        Kind::HorizontalPodAutoscaler => autoscaler::decide(live, cache, setting),
        Kind::PersistentVolumeClaim | Kind::ControllerRevision | Kind::EndpointSlice => {
            Decision::nothing()
        }
    }
}

/// A Pod that is being deleted and whose controller is gone.
fn is_orphan(pod: &LiveObject, cache: &Cache) -> bool {
    pod.deletion_timestamp().is_some() && cache.controller_of(pod).is_none()
}
