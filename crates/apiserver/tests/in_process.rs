//! A genuine client, in the same process, without a socket.

use crate::support::{TOKEN, run, server};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
    WatchEvent, WatchParams,
};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::Limits;

fn client(server: &trueup_apiserver::edge::ApiServer) -> Client {
    Client::new(server.service(Identity::admin()), "default")
}

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

#[test]
fn a_watch_sees_what_is_written_after_the_list_in_order() {
    run(async {
        let server = server();
        let maps: Api<ConfigMap> = Api::default_namespaced(client(&server));
        let list = maps.list(&ListParams::default()).await.unwrap();
        let version = list.metadata.resource_version.unwrap();
        let mut events = maps
            .watch(&WatchParams::default(), &version)
            .await
            .unwrap()
            .boxed();
        maps.create(&PostParams::default(), &config_map("a"))
            .await
            .unwrap();
        let patch = Patch::Merge(json!({"data": {"k": "v"}}));
        maps.patch("a", &PatchParams::default(), &patch)
            .await
            .unwrap();
        maps.delete("a", &DeleteParams::default()).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.push(match events.try_next().await.unwrap().unwrap() {
                WatchEvent::Added(it) => format!("added {}", it.name_any()),
                WatchEvent::Modified(it) => {
                    format!("modified {} {:?}", it.name_any(), it.data.unwrap()["k"])
                }
                WatchEvent::Deleted(it) => format!("deleted {}", it.name_any()),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(seen, ["added a", "modified a \"v\"", "deleted a"]);
    });
}

#[test]
fn two_appliers_conflict_and_force_takes_over() {
    run(async {
        let server = server();
        let deployments: Api<Deployment> = Api::default_namespaced(client(&server));
        let deployment = |replicas: i32| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                "spec": {
                    "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
                }
            })
        };
        let apply = |manager: &str, replicas| {
            let (deployments, body) = (deployments.clone(), deployment(replicas));
            let parameters = PatchParams::apply(manager);
            async move {
                deployments
                    .patch("web", &parameters, &Patch::Apply(body))
                    .await
            }
        };
        apply("one", 1).await.unwrap();
        let error = apply("two", 2).await.unwrap_err();
        let kube::Error::Api(status) = error else {
            panic!("{error}")
        };
        assert_eq!(status.code, 409);
        let forced = PatchParams::apply("two").force();
        let taken = deployments
            .patch("web", &forced, &Patch::Apply(deployment(2)))
            .await
            .unwrap();
        assert_eq!(taken.spec.unwrap().replicas, Some(2));
    });
}

#[test]
fn a_new_definition_is_discovered_and_served_at_once() {
    run(async {
        let server = server();
        let client = client(&server);
        let resource = ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        ));
        let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let definition: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
                }]
            }
        }))
        .unwrap();
        definitions
            .create(&PostParams::default(), &definition)
            .await
            .unwrap();
        let discovery = kube::Discovery::new(client.clone())
            .run_aggregated()
            .await
            .unwrap();
        let gvk = kube::api::GroupVersionKind::gvk("example.com", "v1", "Widget");
        let (widget, _) = discovery.resolve_gvk(&gvk).expect("discovered");
        let widgets: Api<DynamicObject> = Api::default_namespaced_with(client, &widget);
        let mut object = DynamicObject::new("w", &widget);
        object.data = json!({"spec": {"size": 3}});
        widgets
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        assert_eq!(widgets.get("w").await.unwrap().data["spec"]["size"], 3);
    });
}

#[test]
fn house_is_kept_without_being_asked() {
    run(async {
        let server = server();
        let keeping = server.clone();
        tokio::spawn(async move { keeping.keep_house().await });
        let namespaces: Api<Namespace> = Api::all(client(&server));
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some("apps".to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        let maps: Api<ConfigMap> = Api::namespaced(client(&server), "apps");
        let parameters = WatchParams::default().fields("metadata.name=kube-root-ca.crt");
        let mut events = maps.watch(&parameters, "0").await.unwrap().boxed();
        let first = events.try_next().await.unwrap().unwrap();
        assert!(matches!(first, WatchEvent::Added(map) if map.name_any() == "kube-root-ca.crt"));
    });
}

#[test]
fn impersonation_is_judged_for_the_one_who_asks() {
    run(async {
        let server = server();
        let bob = Identity {
            user: "bob".into(),
            groups: vec!["system:authenticated".into()],
            ..Identity::default()
        };
        let client = Client::new(server.service(bob), "default");
        let request = http::Request::get("/api/v1/pods")
            .header("Impersonate-User", "alice")
            .body(Vec::new())
            .unwrap();
        let error = client.request_text(request).await.unwrap_err();
        let kube::Error::Api(status) = error else {
            panic!("{error}")
        };
        assert_eq!(
            status.message,
            "pods is forbidden: User \"bob\" cannot impersonate-on:user-info:list resource \"pods\" in API group \"\" at the cluster scope"
        );
    });
}

#[test]
fn a_watch_over_a_socket_ends_cleanly_with_the_server() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = server();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let ended = async { drop(ended.await) };
            server
                .serve_plain(listener, Limits::default(), ended)
                .await
                .unwrap();
        });
        let mut config = kube::Config::new(url.parse().unwrap());
        config.auth_info.token = Some(TOKEN.to_owned().into());
        let maps: Api<ConfigMap> = Api::default_namespaced(Client::try_from(config).unwrap());
        let mut events = maps
            .watch(&WatchParams::default(), "0")
            .await
            .unwrap()
            .boxed();
        assert!(matches!(
            events.next().await,
            Some(Ok(WatchEvent::Added(_)))
        ));
        drop(end);
        while let Some(event) = events.next().await {
            event.expect("an end, and no broken stream");
        }
        serving.await.unwrap();
    });
}
