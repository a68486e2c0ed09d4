//! The client over TLS, with a kubeconfig: real sockets, real time.

use futures::StreamExt;
use std::path::Path;
use tokio::net::TcpListener;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{
    Cluster, ClusterKey, ClusterOptions, ConnectError, ErrorClass, Form, Scope, WatchEvent,
    WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, value};

const TOKEN: &str = "correct-horse";

/// Serves until the runtime ends.
async fn serve(kubeconfig: &Path) {
    let identity = Identity::admin();
    let options = ServerOptions {
        tokens: vec![StaticToken {
            token: TOKEN.into(),
            identity,
        }],
        ..ServerOptions::default()
    };
    let server = ApiServer::open(MemoryStorage, options).unwrap();
    let certificates = Certificates::make(&[]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    write_kubeconfig(kubeconfig, &url, certificates.authority_pem(), TOKEN).unwrap();
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    tokio::spawn(async move {
        server
            .serve_tls(listener, options, std::future::pending())
            .await
    });
}

async fn connect(path: &Path) -> Result<Cluster, ConnectError> {
    let options = ClusterOptions {
        attempts: 1,
        ..ClusterOptions::default()
    };
    Cluster::from_kubeconfig(ClusterKey::local(), path, None, options).await
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_server_and_a_watch_comes_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    serve(&path).await;
    let session = connect(&path).await.unwrap().session();
    let mut watch = session.watch(WatchSpec {
        kind: GroupVersionKind::new("v1", "ConfigMap"),
        scope: Scope::namespace("default").labelled("a=b"),
        form: Form::Full,
    });
    assert!(matches!(
        watch.next().await.unwrap(),
        WatchEvent::Synced { .. }
    ));
    let object = value!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "default", "labels": {"a": "b"}},
    });
    let (event, created) = tokio::join!(watch.next(), async {
        tokio::task::yield_now().await;
        session.create(&object, &WriteOptions::new("me")).await
    });
    let WatchEvent::Applied(seen) = event.unwrap() else {
        panic!("no object")
    };
    assert_eq!(seen, created.unwrap());
}

#[tokio::test]
async fn a_wrong_token_a_closed_port_and_a_missing_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    serve(&path).await;
    let text = std::fs::read_to_string(&path).unwrap();

    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, text.replace(TOKEN, "battery-staple")).unwrap();
    let error = connect(&wrong)
        .await
        .unwrap()
        .catalogue()
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert!(!format!("{error:?}").contains("battery-staple"));

    let closed = folder.path().join("closed");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    write_kubeconfig(&closed, &format!("https://127.0.0.1:{port}"), "", TOKEN).unwrap();
    let error = connect(&closed)
        .await
        .unwrap()
        .catalogue()
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unreachable, "{error}");

    let error = connect(&folder.path().join("none")).await.unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}
