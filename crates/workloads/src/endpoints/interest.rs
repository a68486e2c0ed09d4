//! Whose traffic a change concerns.

use super::service::{is_managed, selects, service_name};
use crate::cache::{Cache, Key, Kind};
use crate::interest::selector_of;
use trueup_cluster::LiveObject;

/// The Services, Endpoints, budgets and autoscalers whose decision may depend
/// on an object.
pub(crate) fn interested(object: &LiveObject, key: &Key, cache: &Cache) -> Vec<Key> {
    match key.kind {
        Kind::Pod => of_pod(object, key, cache),
        Kind::Service => vec![key.renamed(Kind::Endpoints, &key.name)],
        Kind::EndpointSlice => match service_name(object) {
            Some(name) => known(cache, key.renamed(Kind::Service, name)),
            None => Vec::new(),
        },
        // Endpoints without a Service are nobody's but their writer's.
        Kind::Endpoints => known(cache, key.renamed(Kind::Service, &key.name)),
        Kind::Node => cache
            .of_kind(Kind::Service)
            .filter(|key| {
                cache
                    .get(key)
                    .is_some_and(|service| is_managed(service.value()))
            })
            .cloned()
            .collect(),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet => scaled(key, cache),
        _ => Vec::new(),
    }
}

fn known(cache: &Cache, key: Key) -> Vec<Key> {
    cache.get(&key).map(|_| key).into_iter().collect()
}

fn of_pod(pod: &LiveObject, key: &Key, cache: &Cache) -> Vec<Key> {
    let services = cache
        .in_namespace(Kind::Service, &key.namespace)
        .filter(|(_, service)| selects(service.value(), pod.labels()));
    let budgets = cache
        .in_namespace(Kind::PodDisruptionBudget, &key.namespace)
        .filter(|(_, budget)| selector_of(budget).matches(pod.labels()));
    services
        .chain(budgets)
        .map(|(key, _)| key.clone())
        .collect()
}

/// Budgets count what controllers want; autoscalers look at their target.
fn scaled(key: &Key, cache: &Cache) -> Vec<Key> {
    let budgets = cache.in_namespace(Kind::PodDisruptionBudget, &key.namespace);
    let autoscalers = cache
        .in_namespace(Kind::HorizontalPodAutoscaler, &key.namespace)
        .filter(|(_, autoscaler)| {
            let target = |part| autoscaler.value().str_at(&["spec", "scaleTargetRef", part]);
            target("kind") == Some(key.kind.name()) && target("name") == Some(&key.name)
        });
    budgets
        .chain(autoscalers)
        .map(|(key, _)| key.clone())
        .collect()
}
