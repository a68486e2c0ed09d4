//! Who looks again when an object has changed.

use crate::cache::{Cache, Key, Kind, controller_uid};
use trueup_cluster::LiveObject;
use trueup_object::Selector;

/// The objects, besides the changed one, whose decision may depend on it.
pub(crate) fn interested(object: &LiveObject, key: &Key, cache: &Cache) -> Vec<Key> {
    let mut keys: Vec<Key> = cache.controller_of(object).cloned().into_iter().collect();
    if controller_uid(object.value()).is_none() {
        keys.extend(adopters(object, key, cache));
    }
    match key.kind {
        Kind::Node => {
            keys.extend(cache.of_kind(Kind::DaemonSet).cloned());
            keys.extend(unplaced_pods(cache));
        }
        Kind::PersistentVolumeClaim => keys.extend(claiming_sets(key, cache)),
        _ => {}
    }
    keys.extend(crate::endpoints::interested(object, key, cache));
    keys
}

/// Controllers that may adopt an object without one: their selector matches.
fn adopters<'a>(
    object: &'a LiveObject,
    key: &'a Key,
    cache: &'a Cache,
) -> impl Iterator<Item = Key> + 'a {
    let kinds: &[Kind] = match key.kind {
        Kind::Pod => &[
            Kind::ReplicaSet,
            Kind::StatefulSet,
            Kind::DaemonSet,
            Kind::Job,
        ],
        Kind::ReplicaSet => &[Kind::Deployment],
        Kind::ControllerRevision => &[Kind::StatefulSet, Kind::DaemonSet],
        _ => &[],
    };
    kinds
        .iter()
        .flat_map(|kind| cache.in_namespace(*kind, &key.namespace))
        .filter(|(_, controller)| selector_of(controller).matches(object.labels()))
        .map(|(key, _)| key.clone())
}

/// `spec.selector` of a controller; one that can't be read selects nothing.
pub(crate) fn selector_of(controller: &LiveObject) -> Selector {
    Selector::from_label_selector(controller.value().at(&["spec", "selector"]))
        .unwrap_or_else(|_| Selector::nothing())
}

fn unplaced_pods(cache: &Cache) -> impl Iterator<Item = Key> {
    cache
        .of_kind(Kind::Pod)
        .filter(|key| {
            let pod = cache.get(key);
            pod.is_some_and(|pod| pod.value().str_at(&["spec", "nodeName"]).is_none())
        })
        .cloned()
}

/// StatefulSets whose claims have names like this one: `TEMPLATE-SET-NUMBER`.
fn claiming_sets<'a>(key: &'a Key, cache: &'a Cache) -> impl Iterator<Item = Key> + 'a {
    let stem = key.name.rsplit_once('-').map(|(stem, _)| stem);
    cache
        .in_namespace(Kind::StatefulSet, &key.namespace)
        .filter(move |(set, _)| {
            stem.is_some_and(|stem| {
                stem.strip_suffix(set.name.as_str())
                    .is_some_and(|prefix| prefix.ends_with('-'))
            })
        })
        .map(|(key, _)| key.clone())
}
