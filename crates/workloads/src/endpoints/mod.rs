//! Where a Service leads: EndpointSlices, the older Endpoints, and the slices
//! that mirror Endpoints which somebody else writes.
//!
//! The rules are those of the endpointslice, endpoint and
//! endpointslicemirroring controllers.

mod fit;
mod interest;
mod mirror;
mod order;
mod service;
mod slices;
mod subsets;

use crate::action::Decision;
use crate::cache::{Cache, Key, Kind};
use crate::decide::Setting;
use jiff::Timestamp;
use std::collections::BTreeMap;
use trueup_cluster::LiveObject;
use trueup_object::Text;

pub(crate) use interest::interested;
pub(crate) use mirror::decide as decide_mirror;

/// By Pod, since when it is ready or not ready: what an endpoint's change is
/// counted from.
pub type TriggerTimes = BTreeMap<Text, Timestamp>;

/// Decides about the endpoints of one Service.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    if !service::is_managed(live.value()) {
        return Decision::nothing();
    }
    let pods = service::pods(live, cache);
    let trigger = service::trigger(live, &pods, setting.triggers.as_ref());
    let mut actions = slices::decide(live, &pods, cache, trigger);
    actions.extend(subsets::decide(live, &pods, cache, trigger));
    Decision {
        actions,
        wake_at: None,
    }
}

/// The trigger times of a Service's Pods as they are now: the next decision's
/// [`Setting::triggers`].
pub(crate) fn trigger_times(live: &LiveObject, cache: &Cache) -> TriggerTimes {
    service::trigger_times(&service::pods(live, cache))
}

/// The Endpoints of a Service that is gone go too.
pub(crate) fn decide_gone(key: &Key, cache: &Cache) -> Decision {
    let endpoints = cache.get(&key.renamed(Kind::Endpoints, &key.name));
    Decision {
        actions: endpoints.map(subsets::removal).into_iter().collect(),
        wake_at: None,
    }
}
