//! The `kube` runtime over TLS: what controllers in Rust are built with.

use crate::place::{Place, Wants};
use crate::support::run;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use k8s_openapi::api::events::v1::Event as RecordedEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::finalizer::{Event as Finalized, finalizer};
use kube::runtime::reflector as reflect;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::wait::delete::delete_and_finalize;
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde_json::json;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const FINALIZER: &str = "example.com/clean-up";
/// An answer that does not come in this time will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test with a client whose default namespace is the test's own.
fn with_client<F: Future<Output = ()>>(
    name: &str,
    test: impl FnOnce(Client) -> F + Send + 'static,
) {
    Place::with(name, Wants::Api, move |place| {
        let kubeconfig = Kubeconfig::read_from(place.folder().join("kubeconfig")).unwrap();
        run(async move {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .unwrap();
            let client = Client::try_from(config).unwrap();
            tokio::time::timeout(PATIENCE, test(client))
                .await
                .expect("it came to an end");
        });
    });
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([("set".to_owned(), "one".to_owned())])),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("k".to_owned(), value.to_owned())])),
        ..ConfigMap::default()
    }
}

fn told(event: &watcher::Event<ConfigMap>) -> String {
    match event {
        watcher::Event::Init => "init".to_owned(),
        watcher::Event::InitApply(object) => format!("had {}", object.name_any()),
        watcher::Event::InitDone => "done".to_owned(),
        watcher::Event::Apply(object) => format!("applied {}", object.name_any()),
        watcher::Event::Delete(object) => format!("deleted {}", object.name_any()),
    }
}

/// The same, whether the watcher lists and watches or streams its list.
async fn watch_three(client: Client, config: watcher::Config) {
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    for name in ["a", "b", "c"] {
        let made = maps
            .create(&PostParams::default(), &config_map(name, "1"))
            .await;
        made.unwrap();
    }
    let mut events = watcher(maps.clone(), config.labels("set=one")).boxed();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "done") {
        seen.push(told(&events.try_next().await.unwrap().unwrap()));
    }
    assert_eq!(seen, ["init", "had a", "had b", "had c", "done"]);
    let patch = Patch::Merge(json!({"data": {"k": "2"}}));
    let parameters = PatchParams::default();
    maps.patch("b", &parameters, &patch).await.unwrap();
    maps.delete("c", &DeleteParams::default()).await.unwrap();
    let unlabelled = Patch::Merge(json!({"metadata": {"labels": null}}));
    maps.patch("a", &parameters, &unlabelled).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(told(&events.try_next().await.unwrap().unwrap()));
    }
    assert_eq!(seen, ["applied b", "deleted c", "deleted a"]);
}

#[test]
fn a_watcher_lists_then_watches() {
    with_client("kube watcher", |client| {
        watch_three(client, watcher::Config::default())
    });
}

#[test]
fn a_watcher_pages_its_list() {
    with_client("kube watcher paged", |client| {
        watch_three(client, watcher::Config::default().page_size(1))
    });
}

#[test]
fn a_watcher_streams_its_list() {
    with_client("kube watcher streaming", |client| {
        watch_three(client, watcher::Config::default().streaming_lists())
    });
}

#[test]
fn a_reflector_holds_what_the_server_holds() {
    with_client("kube reflector", |client| async move {
        let maps: Api<PartialObjectMeta<ConfigMap>> = Api::default_namespaced(client.clone());
        let writes: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let (store, writer) = reflector::store();
        let config = watcher::Config::default().labels("set=one");
        let mut stream = reflect(writer, watcher(maps, config)).boxed();
        for name in ["a", "b"] {
            let map = config_map(name, "1");
            writes.create(&PostParams::default(), &map).await.unwrap();
        }
        writes.delete("a", &DeleteParams::default()).await.unwrap();
        let b = ObjectRef::new("b").within(client.default_namespace());
        while !(store.len() == 1 && store.get(&b).is_some()) {
            stream.try_next().await.unwrap();
        }
        let held = store.get(&b).unwrap();
        assert_eq!(held.labels()["set"], "one");
        assert!(held.resource_version().is_some());
    });
}

#[test]
fn a_condition_is_awaited() {
    with_client("kube wait", |client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let waiting = maps.clone();
        let waiter = tokio::spawn(async move {
            let wanted = |map: Option<&ConfigMap>| {
                map.and_then(|map| map.data.as_ref())
                    .is_some_and(|data| data["k"] == "2")
            };
            await_condition(waiting, "late", wanted).await
        });
        let made = maps
            .create(&PostParams::default(), &config_map("late", "1"))
            .await;
        let uid = made.unwrap().uid().unwrap();
        let patch = Patch::Strategic(json!({"data": {"k": "2"}}));
        maps.patch("late", &PatchParams::default(), &patch)
            .await
            .unwrap();
        assert!(waiter.await.unwrap().unwrap().is_some());
        let parameters = DeleteParams::foreground();
        delete_and_finalize(maps.clone(), "late", &parameters)
            .await
            .unwrap();
        let gone = await_condition(maps, "late", conditions::is_deleted(&uid)).await;
        assert!(gone.unwrap().is_none());
    });
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Finalizer(#[from] Box<kube::runtime::finalizer::Error<kube::Error>>),
}

/// Keeps one Secret for each ConfigMap, and marks what it cleaned up.
async fn reconcile(map: Arc<ConfigMap>, client: Arc<Client>) -> Result<Action, Failure> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client.as_ref().clone());
    let secrets: Api<Secret> = Api::default_namespaced(client.as_ref().clone());
    let outcome = finalizer(&maps, FINALIZER, map, |event| async {
        match event {
            Finalized::Apply(map) => {
                let secret = Secret {
                    metadata: ObjectMeta {
                        name: Some(map.name_any()),
                        owner_references: map.controller_owner_ref(&()).map(|owner| vec![owner]),
                        ..ObjectMeta::default()
                    },
                    string_data: map.data.clone(),
                    ..Secret::default()
                };
                let parameters = PatchParams::apply("mirror").force();
                let name = map.name_any();
                secrets
                    .patch(&name, &parameters, &Patch::Apply(&secret))
                    .await?;
            }
            Finalized::Cleanup(map) => {
                let name = format!("{}-cleaned", map.name_any());
                let marker = config_map(&name, "cleaned");
                let parameters = PatchParams::apply("mirror");
                let mut marker = marker;
                marker.metadata.labels = None;
                maps.patch(&name, &parameters, &Patch::Apply(&marker))
                    .await?;
            }
        }
        Ok(Action::await_change())
    })
    .await;
    outcome.map_err(|error| Failure::Finalizer(Box::new(error)))
}

#[test]
fn a_controller_mirrors_repairs_and_cleans_up() {
    with_client("kube controller", |client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let secrets: Api<Secret> = Api::default_namespaced(client.clone());
        let config = watcher::Config::default().labels("set=one");
        let controller = Controller::new(maps.clone(), config)
            .owns(secrets.clone(), watcher::Config::default())
            .run(
                reconcile,
                |_, _, _| Action::requeue(Duration::from_millis(50)),
                Arc::new(client),
            );
        let running = tokio::spawn(controller.for_each(|_| async {}));
        maps.create(&PostParams::default(), &config_map("app", "1"))
            .await
            .unwrap();
        let holds = |value: &'static str| {
            move |secret: Option<&Secret>| {
                let data = secret.and_then(|secret| secret.data.as_ref());
                data.is_some_and(|data| {
                    data.get("k").is_some_and(|held| held.0 == value.as_bytes())
                })
            }
        };
        await_condition(secrets.clone(), "app", holds("1"))
            .await
            .unwrap();
        let drifted = Patch::Merge(json!({"stringData": {"k": "drifted"}}));
        let parameters = PatchParams::default();
        secrets.patch("app", &parameters, &drifted).await.unwrap();
        await_condition(secrets.clone(), "app", holds("1"))
            .await
            .unwrap();
        let uid = secrets.get("app").await.unwrap().uid().unwrap();
        maps.delete("app", &DeleteParams::default()).await.unwrap();
        await_condition(maps.clone(), "app-cleaned", conditions::is_created())
            .await
            .unwrap();
        await_condition(secrets, "app", conditions::is_deleted(&uid))
            .await
            .unwrap();
        assert!(maps.get_opt("app").await.unwrap().is_none());
        running.abort();
    });
}

#[test]
fn a_recorder_counts_the_same_event_up() {
    with_client("kube events", |client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let made = maps
            .create(&PostParams::default(), &config_map("told", "1"))
            .await;
        let reference: ObjectReference = made.unwrap().object_ref(&());
        let reporter = Reporter {
            controller: "example.com/teller".into(),
            instance: Some("teller-0".into()),
        };
        let recorder = Recorder::new(client.clone(), reporter);
        let event = Event {
            type_: EventType::Warning,
            reason: "Odd".into(),
            note: Some("Something is odd.".into()),
            action: "Looking".into(),
            secondary: None,
        };
        for _ in 0..3 {
            recorder.publish(&event, &reference).await.unwrap();
        }
        let events: Api<RecordedEvent> = Api::default_namespaced(client);
        let parameters = ListParams::default().fields("regarding.name=told,reason=Odd");
        let recorded = events.list(&parameters).await.unwrap().items;
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].series.as_ref().unwrap().count, 3);
    });
}

#[test]
fn typed_objects_are_applied_and_a_conflict_is_told() {
    with_client("kube apply", |client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client);
        let deployment = |image: &str| -> Deployment {
            serde_json::from_value(json!({
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 0, "selector": {"matchLabels": {"app": "web"}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
                }
            }))
            .unwrap()
        };
        let one = PatchParams::apply("one");
        let first = deployments
            .patch("web", &one, &Patch::Apply(deployment("i:1")))
            .await
            .unwrap();
        let again = deployments
            .patch("web", &one, &Patch::Apply(deployment("i:1")))
            .await
            .unwrap();
        assert_eq!(first.spec, again.spec);
        assert_eq!(first.metadata.generation, again.metadata.generation);
        let two = PatchParams::apply("two");
        let error = deployments
            .patch("web", &two, &Patch::Apply(deployment("i:2")))
            .await;
        let Err(kube::Error::Api(status)) = error else {
            panic!("{error:?}")
        };
        assert!(status.is_conflict());
        let causes: Vec<String> = status
            .details
            .unwrap()
            .causes
            .into_iter()
            .map(|it| it.field)
            .collect();
        assert_eq!(causes, [".spec.template.spec.containers[name=\"c\"].image"]);
        let taken = deployments
            .patch("web", &two.force(), &Patch::Apply(deployment("i:2")))
            .await
            .unwrap();
        let managers: Vec<String> = taken
            .managed_fields()
            .iter()
            .filter_map(|it| it.manager.clone())
            .collect();
        assert!(managers.contains(&"two".to_owned()), "{managers:?}");
        let scale = Patch::Merge(json!({"spec": {"replicas": 0}}));
        let scaled = deployments
            .patch_scale("web", &PatchParams::default(), &scale)
            .await
            .unwrap();
        // A zero is left out.
        assert_eq!(scaled.spec.unwrap().replicas.unwrap_or(0), 0);
    });
}

#[test]
fn only_one_of_two_takes_a_lease() {
    with_client("kube lease", |client| async move {
        let leases: Api<Lease> = Api::default_namespaced(client);
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some("leader".into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                lease_duration_seconds: Some(15),
                ..LeaseSpec::default()
            }),
        };
        let free = leases.create(&PostParams::default(), &lease).await.unwrap();
        let take = |holder: &'static str| {
            let (leases, mut lease) = (leases.clone(), free.clone());
            let spec = lease.spec.get_or_insert_default();
            spec.holder_identity = Some(holder.into());
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            async move {
                leases
                    .replace("leader", &PostParams::default(), &lease)
                    .await
            }
        };
        let (one, two) = futures::join!(take("one"), take("two"));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let Some(kube::Error::Api(status)) = one.err().or(two.err()) else {
            panic!("nobody was told of a conflict");
        };
        assert!(status.is_conflict(), "{status:?}");
    });
}

#[test]
fn a_deleted_collection_takes_what_it_owned() {
    with_client("kube collection", |client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let secrets: Api<Secret> = Api::default_namespaced(client);
        let owner = maps
            .create(&PostParams::default(), &config_map("owner", "1"))
            .await
            .unwrap();
        let owner_reference = OwnerReference {
            controller: None,
            ..owner.controller_owner_ref(&()).unwrap()
        };
        let owned = Secret {
            metadata: ObjectMeta {
                generate_name: Some("owned-".into()),
                owner_references: Some(vec![owner_reference]),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        };
        let owned = secrets
            .create(&PostParams::default(), &owned)
            .await
            .unwrap();
        let parameters = ListParams::default().labels("set=one");
        maps.delete_collection(&DeleteParams::background(), &parameters)
            .await
            .unwrap();
        let uid = owned.uid().unwrap();
        await_condition(secrets, &owned.name_any(), conditions::is_deleted(&uid))
            .await
            .unwrap();
    });
}
