//! What is served, and what is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt;
use trueup_artifact::{ArchiveLimits, MemoryTree, Revision};
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions, RequestBody};
use trueup_controller::{Controller, ControllerOptions};
use trueup_source::memory::MemoryRemote;
use trueup_source::{
    ArtifactOwner, ArtifactRecord, ArtifactStorage, ArtifactStore, ArtifactStoreOptions,
    Publication,
};
use trueup_web::{Hosts, router};

struct Served {
    router: Router,
    without_artifacts: Router,
    record: ArtifactRecord,
    _folder: tempfile::TempDir,
}

/// A store with one artifact, behind controllers whose cluster never answers.
async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let options = ArtifactStoreOptions {
        root: folder.path().join("artifacts"),
        advertised_host: "localhost".to_owned(),
        trees: None,
        limits: ArchiveLimits::default(),
    };
    let store = ArtifactStore::open(options).unwrap();
    let record = store.publish(publication()).await.unwrap();
    let silent = tower::service_fn(|_: Request<RequestBody>| {
        std::future::pending::<Result<Response<http_body_util::Empty<bytes::Bytes>>, Infallible>>()
    });
    let cluster = Cluster::from_service(ClusterKey::local(), silent, ClusterOptions::in_process());
    let remote = Arc::new(MemoryRemote::new());
    let handle = Controller::start(ControllerOptions::new(
        cluster.session(),
        remote,
        Arc::new(store.clone()),
    ));
    Served {
        without_artifacts: router(handle.clone(), None, Hosts::ThisMachine),
        router: router(handle, Some(store), Hosts::ThisMachine),
        record,
        _folder: folder,
    }
}

fn publication() -> Publication {
    Publication {
        owner: ArtifactOwner::git_repository("fleet", "apps"),
        revision: Revision::git(Some("main"), &"1".repeat(40)),
        tree: Arc::new(MemoryTree::from_files([("a.yaml", "a: 1\n")]).unwrap()),
        ignore: None,
        origin: None,
        metadata: Default::default(),
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}

impl Served {
    async fn ask(
        &self,
        method: &str,
        path: &str,
        range: Option<&str>,
    ) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:9090");
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        (
            parts.status,
            parts.headers,
            body.collect().await.unwrap().to_bytes().to_vec(),
        )
    }
}

#[tokio::test]
async fn where_everybody_may_look_there_are_no_artifacts() {
    let served = served().await;
    let path = format!("/{}", served.record.path);
    let open = Served {
        router: served.without_artifacts.clone(),
        ..served
    };
    assert_eq!(open.ask("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(open.ask("GET", "/healthz", None).await.0, StatusCode::OK);
    assert_eq!(open.ask("GET", "/metrics", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_artifact_is_served_whole_and_in_parts() {
    let served = served().await;
    let path = format!("/{}", served.record.path);
    let (status, headers, whole) = served.ask("GET", &path, None).await;
    assert_eq!(
        (status, whole.len() as u64),
        (StatusCode::OK, served.record.size_bytes.unwrap())
    );
    assert_eq!(headers[header::ACCEPT_RANGES], "bytes");
    let (status, headers, part) = served.ask("GET", &path, Some("bytes=2-5")).await;
    assert_eq!(
        (status, part.as_slice()),
        (StatusCode::PARTIAL_CONTENT, &whole[2..6])
    );
    assert_eq!(
        headers[header::CONTENT_RANGE],
        format!("bytes 2-5/{}", whole.len()).as_str()
    );
    let (status, headers, body) = served.ask("HEAD", &path, None).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(
        headers[header::CONTENT_LENGTH],
        whole.len().to_string().as_str()
    );
    let (status, ..) = served.ask("GET", &path, Some("bytes=999999-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn what_is_no_artifact_is_not_served() {
    let served = served().await;
    for path in [
        "/",
        "/gitrepository/",
        "/../secret",
        "/gitrepository/../../etc/passwd",
        "/gitrepository/%2e%2e/x",
    ] {
        assert_eq!(
            served.ask("GET", path, None).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let path = format!("/{}", served.record.path);
    assert_eq!(
        served.ask("POST", &path, None).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn health_is_told_before_readiness() {
    let served = served().await;
    assert_eq!(served.ask("GET", "/healthz", None).await.0, StatusCode::OK);
    assert_eq!(
        served.ask("GET", "/readyz", None).await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let (status, headers, body) = served.ask("GET", "/metrics", None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(
        String::from_utf8(body)
            .unwrap()
            .contains("controller_runtime_active_workers")
    );
}

#[tokio::test]
async fn a_request_by_another_name_is_refused() {
    let served = served().await;
    let request = Request::builder()
        .uri("/metrics")
        .header(header::HOST, "evil.example")
        .body(Body::empty())
        .unwrap();
    let response = served.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
}
