//! The custom resources as last seen by a watch or answered to a write.

use crate::machine::{Facts, Kind, ObjectKey};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use trueup_cluster::{ClusterKey, LiveObject};
use trueup_kinds::{
    Canary, ExternalArtifact, GitRepository, Kustomization, Metadata, Resource, names,
};
use trueup_object::{ObjectRef, Text, Value};

/// The interval of an object that can't be read as its kind; it is looked at
/// again as soon as it changes.
const UNREADABLE_INTERVAL_MS: u64 = 10 * 60 * 1000;

impl Kind {
    /// Group, version and kind.
    #[must_use]
    pub fn group_version_kind(self) -> trueup_object::GroupVersionKind {
        match self {
            Self::GitRepository => GitRepository::group_version_kind(),
            Self::ExternalArtifact => ExternalArtifact::group_version_kind(),
            Self::Kustomization => Kustomization::group_version_kind(),
            Self::Canary => Canary::group_version_kind(),
        }
    }
}

impl ObjectKey {
    /// The object's full name in its cluster.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            kind: self.kind.group_version_kind(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// What the process knows of each custom resource; never older than what it
/// wrote itself.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    by_key: RwLock<BTreeMap<ObjectKey, LiveObject>>,
}

impl Objects {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<LiveObject> {
        self.by_key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Takes in what a watch saw, and gives it as it is kept. None if something
    /// newer is known.
    pub(crate) fn seen(&self, key: &ObjectKey, object: &LiveObject) -> Option<LiveObject> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        let known = by_key.get(key);
        if known.is_some_and(|known| known.uid() == object.uid() && !is_newer(object, known)) {
            return None;
        }
        Some(keep(&mut by_key, key, object))
    }

    /// Takes in the answer to a write or read of our own, and gives it as it is
    /// kept. None if the object has gone, or something newer is known.
    pub(crate) fn answered(&self, key: &ObjectKey, object: &LiveObject) -> Option<LiveObject> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        let known = by_key.get(key)?;
        if known.uid() != object.uid() || !is_newer(object, known) {
            return None;
        }
        Some(keep(&mut by_key, key, object))
    }

    /// All objects of a kind.
    pub(crate) fn keys(&self, kind: Kind) -> Vec<ObjectKey> {
        let by_key = self.by_key.read().unwrap_or_else(PoisonError::into_inner);
        let keys = by_key.keys().filter(|key| key.kind == kind);
        keys.cloned().collect()
    }

    pub(crate) fn remove(&self, key: &ObjectKey) -> Option<LiveObject> {
        self.by_key
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key)
    }
}

/// Keeps the tree alone: custom resources of a kind resemble each other, and
/// their trees are looked into all the time.
fn keep(
    by_key: &mut BTreeMap<ObjectKey, LiveObject>,
    key: &ObjectKey,
    object: &LiveObject,
) -> LiveObject {
    let neighbour = by_key.range(..key).next_back().map(|(_, object)| object);
    let object = object.as_tree([by_key.get(key), neighbour]);
    by_key.insert(key.clone(), object.clone());
    object
}

/// Names and values of a Secret's data; `None` where one is not base64.
pub(crate) fn decoded_data(secret: &Value) -> Option<Vec<(Text, Vec<u8>)>> {
    let Some(data) = secret.get("data").and_then(Value::as_map) else {
        return Some(Vec::new());
    };
    data.iter()
        .map(|(key, text)| Some((key.clone(), decode_base64(text.as_str()?)?)))
        .collect()
}

/// Standard base64, as the API writes the data of Secrets.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Resource versions of one kind count up; where they don't read as numbers,
/// whatever comes later is taken.
pub(crate) fn is_newer(object: &LiveObject, known: &LiveObject) -> bool {
    let number = |object: &LiveObject| object.resource_version().parse::<u64>().ok();
    match (number(object), number(known)) {
        (Some(new), Some(old)) => new > old,
        _ => object.resource_version() != known.resource_version(),
    }
}

/// Whether a watch that has come as far as `version` has shown all that became
/// of an object up to this state of it.
pub(crate) fn is_shown_by(version: &str, object: &LiveObject) -> bool {
    let number = |version: &str| version.parse::<u64>().ok();
    match (number(version), number(object.resource_version())) {
        (Some(reached), Some(known)) => known <= reached,
        _ => false,
    }
}

/// What the machine needs to know of a custom resource.
pub(crate) fn facts_of(cluster: &ClusterKey, kind: Kind, object: &Value) -> Facts {
    let facts = match kind {
        Kind::GitRepository => {
            GitRepository::read(object).map(|repository| source_facts(&repository))
        }
        Kind::ExternalArtifact => {
            ExternalArtifact::read(object).map(|artifact| external_facts(&artifact))
        }
        Kind::Kustomization => {
            Kustomization::read(object).map(|it| kustomization_facts(cluster, &it))
        }
        // It says itself when it is to be looked at again. A suspended one has
        // to be told to stand still.
        Kind::Canary => Canary::read(object).map(|it| Facts {
            suspended: false,
            ..common_facts(&it, std::time::Duration::ZERO)
        }),
    };
    facts.unwrap_or_else(|_| Facts {
        generation: object.i64_at(&["metadata", "generation"]).unwrap_or(0),
        deleting: object.at(&["metadata", "deletionTimestamp"]).is_some(),
        interval_ms: UNREADABLE_INTERVAL_MS,
        ..Facts::default()
    })
}

fn common_facts<R: Resource>(resource: &R, interval: std::time::Duration) -> Facts {
    let metadata = resource.metadata();
    let request = metadata
        .requested_at()
        .filter(|_| resource.has_unhandled_request());
    Facts {
        generation: metadata.generation,
        settings: settings(metadata),
        suspended: resource.is_suspended(),
        deleting: metadata.is_deleting(),
        request: request.map(Text::from),
        interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        ..Facts::default()
    }
}

/// The annotations that say how the object is to be worked on.
fn settings(metadata: &Metadata) -> BTreeMap<Text, Text> {
    let annotations = metadata.annotations.iter();
    annotations
        .filter(|(key, _)| key.starts_with(names::OWN_PREFIX))
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect()
}

fn source_facts(repository: &GitRepository) -> Facts {
    let artifact = repository.status.artifact.as_ref();
    Facts {
        url: Some(normalised_url(&repository.spec.url)),
        artifact: artifact.map(|it| format!("{} {}", it.revision, it.digest).into()),
        ..common_facts(repository, repository.spec.interval_or_least())
    }
}

/// Another address is news as well: there may be at last what was missed.
fn external_facts(external: &ExternalArtifact) -> Facts {
    let artifact = external.status.artifact.as_ref();
    Facts {
        generation: external.metadata.generation,
        deleting: external.metadata.is_deleting(),
        artifact: artifact.map(|it| format!("{} {} {}", it.revision, it.digest, it.url).into()),
        ..Facts::default()
    }
}

fn kustomization_facts(cluster: &ClusterKey, kustomization: &Kustomization) -> Facts {
    let home = &kustomization.metadata.namespace;
    let key = |kind, namespace: &Option<Text>, name: &Text| ObjectKey {
        cluster: cluster.clone(),
        kind,
        namespace: namespace
            .as_ref()
            .filter(|it| !it.is_empty())
            .unwrap_or(home)
            .clone(),
        name: name.clone(),
    };
    let source = &kustomization.spec.source_ref;
    let depends_on = kustomization.spec.depends_on.iter();
    Facts {
        depends_on: depends_on
            .clone()
            .map(|it| key(Kind::Kustomization, &it.namespace, &it.name))
            .collect(),
        asks_about: depends_on
            .clone()
            .filter(|it| it.ready_expr.as_ref().is_some_and(|text| !text.is_empty()))
            .map(|it| key(Kind::Kustomization, &it.namespace, &it.name))
            .collect(),
        source: Kind::of_source(&source.kind)
            .map(|kind| key(kind, &source.namespace, &source.name)),
        elsewhere: elsewhere(kustomization),
        ready_at: is_ready(kustomization).then(|| {
            kustomization
                .status
                .last_applied_revision
                .clone()
                .unwrap_or_default()
        }),
        ..common_facts(kustomization, kustomization.spec.interval_or_least())
    }
}

/// What leads to another cluster.
fn elsewhere(kustomization: &Kustomization) -> Option<Text> {
    let asked = kustomization.spec.kube_config.as_ref()?;
    let home = &kustomization.metadata.namespace;
    let (kind, name) = match (&asked.secret_ref, &asked.config_map_ref) {
        (Some(secret), _) => ("Secret", &secret.name),
        (None, Some(map)) => ("ConfigMap", &map.name),
        (None, None) => return None,
    };
    Some(format!("{kind}/{home}/{name}").into())
}

/// What a dependent asks of what it depends on: the status is about the
/// present specification, and says that it is ready.
pub(crate) fn is_ready<R: Resource>(resource: &R) -> bool {
    resource.observed_generation() == resource.metadata().generation
        && resource
            .conditions()
            .is_true(trueup_kinds::condition_type::READY)
}

/// The address of a repository in the form in which pushes and objects are
/// compared: without credentials, a trailing slash or `.git`.
#[must_use]
pub fn normalised_url(url: &str) -> Text {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{}://{}{path}", scheme.to_lowercase(), host.to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn addresses_of_one_repository_are_alike() {
        for url in [
            "http://Git:80/fleet.git",
            "http://git:80/fleet",
            "HTTP://me:secret@git:80/fleet/",
        ] {
            assert_eq!(normalised_url(url), "http://git:80/fleet", "{url}");
        }
        assert_ne!(
            normalised_url("http://git/a"),
            normalised_url("http://git/A")
        );
    }

    #[test]
    fn a_request_is_a_fact_until_it_is_handled() {
        let mut object = value!({
            "metadata": {"name": "apps", "namespace": "fleet", "generation": 1,
                "annotations": {"reconcile.fluxcd.io/requestedAt": "now"}},
            "spec": {"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                "dependsOn": [{"name": "base"}]},
        });
        let facts = facts_of(&ClusterKey::local(), Kind::Kustomization, &object);
        assert_eq!(
            (facts.request.as_deref(), facts.interval_ms),
            (Some("now"), 60_000)
        );
        assert_eq!(
            facts.source.unwrap().to_string(),
            "GitRepository/fleet/fleet"
        );
        assert_eq!(facts.depends_on[0].to_string(), "Kustomization/fleet/base");
        object.set_at(&["status", "lastHandledReconcileAt"], "now".into());
        assert_eq!(
            facts_of(&ClusterKey::local(), Kind::Kustomization, &object).request,
            None
        );
    }

    #[test]
    fn an_interval_below_a_second_is_no_hot_loop() {
        for interval in ["0s", "1ms", "999ms", "1s"] {
            let repository = value!({"metadata": {"name": "fleet", "namespace": "fleet"},
                "spec": {"interval": interval, "url": "http://git/fleet"}});
            let kustomization = value!({"metadata": {"name": "apps", "namespace": "fleet"},
                "spec": {"interval": interval, "prune": true,
                    "sourceRef": {"kind": "GitRepository", "name": "fleet"}}});
            for (kind, object) in [
                (Kind::GitRepository, repository),
                (Kind::Kustomization, kustomization),
            ] {
                let facts = facts_of(&ClusterKey::local(), kind, &object);
                assert_eq!(facts.interval_ms, 1000, "{kind:?} {interval}");
            }
        }
    }
}
