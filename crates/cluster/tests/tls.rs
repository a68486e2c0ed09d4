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
    BearerToken, Cluster, ClusterKey, ClusterOptions, ConnectError, ErrorClass, Form,
    KubeconfigPolicy, RemoteConfig, Scope, WatchEvent, WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, Value, value};

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

/// The way to a server whose kubeconfig lies in a file.
fn remote(path: &Path, from: &str, to: &str) -> RemoteConfig {
    let text = std::fs::read_to_string(path).unwrap().replace(from, to);
    RemoteConfig::from_kubeconfig(text.as_bytes(), KubeconfigPolicy::default()).unwrap()
}

async fn reach(config: RemoteConfig) -> Cluster {
    let options = ClusterOptions {
        attempts: 1,
        ..ClusterOptions::default()
    };
    let key = ClusterKey::named("remote");
    Cluster::from_remote(key, config, options).await.unwrap()
}

#[tokio::test]
async fn a_kubeconfig_from_elsewhere_leads_to_the_server_whose_certificate_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    serve(&path).await;
    let cluster = reach(remote(&path, "", "")).await;
    cluster.session().knock().await.unwrap();
    cluster.catalogue().await.unwrap();
    assert_eq!(cluster.key().as_str(), "remote");

    let wrong = reach(remote(&path, TOKEN, "battery-staple")).await;
    let error = wrong.session().knock().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);

    // The same, by somebody who does not know the authority.
    let token = BearerToken::default();
    token.set(TOKEN);
    let server = remote(&path, "", "").server().to_owned();
    let config = RemoteConfig::with_token(&server, None, token).unwrap();
    let error = reach(config).await.session().knock().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unreachable, "{error}");
    assert!(error.message().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_token_of_an_account_is_asked_for_used_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    serve(&path).await;
    let admin = reach(remote(&path, "", "")).await.session();
    let error = admin.request_token("default", "robot", &[]).await;
    assert!(error.unwrap_err().is_not_found());
    for (namespace, name) in [("default", ".."), ("", "robot"), ("default", "a/b")] {
        let error = admin.request_token(namespace, name, &[]).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unbuildable);
    }
    let account = value!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "robot", "namespace": "default"},
    });
    admin
        .create(&account, &WriteOptions::new("me"))
        .await
        .unwrap();
    let fresh = admin.request_token("default", "robot", &[]).await.unwrap();
    assert!(!format!("{fresh:?}").contains(fresh.token.as_str()));

    let kubeconfig = std::fs::read_to_string(&path).unwrap();
    let authority = authority(&kubeconfig);
    let token = BearerToken::default();
    let server = remote(&path, "", "").server().to_owned();
    let config = RemoteConfig::with_token(&server, Some(&authority), token.clone()).unwrap();
    let cluster = reach(config).await;
    token.set("expired");
    let error = cluster.session().knock().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    token.set(&fresh.token);
    cluster.session().knock().await.unwrap();
    let secret = trueup_object::ObjectRef {
        kind: GroupVersionKind::new("v1", "Secret"),
        namespace: "default".into(),
        name: "x".into(),
    };
    let error = cluster.session().get(&secret, Form::Full).await;
    let error = error.unwrap_err();
    assert!(
        error
            .message()
            .contains("system:serviceaccount:default:robot"),
        "{error}"
    );
}

/// The certificates that a kubeconfig trusts, as PEM.
fn authority(kubeconfig: &str) -> String {
    use base64::Engine;
    let file = trueup_object::from_yaml(kubeconfig).unwrap();
    let clusters = file.get("clusters").and_then(Value::as_list).unwrap();
    let data = clusters[0].str_at(&["cluster", "certificate-authority-data"]);
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.unwrap());
    String::from_utf8(bytes.unwrap()).unwrap()
}
