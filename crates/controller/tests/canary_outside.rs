//! What goes out, over real sockets and in real time: alerts, and questions to
//! Pods.

use super::canary_world::{begun, canary, deployment, image, ingress, push, reaches, serve};
use super::world::World;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trueup_cluster::{Patch, WriteOptions};
use trueup_kinds::progressive_delivery_definitions;
use trueup_object::{Value, value};
use trueup_source::HttpSender;

/// Answers a request, given whole.
type Respond = dyn Fn(&str) -> String + Send + Sync;

/// A server on the loopback interface.
async fn listen(respond: Arc<Respond>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&respond)));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, respond: Arc<Respond>) {
    let request = read_request(&mut stream).await;
    let body = respond(&request);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Head and body, by the length that the head names.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|it| it.strip_prefix("content-length:"));
            body.len() >= length.map_or(0, |it| it.trim().parse().unwrap())
        });
        if count == 0 || is_whole {
            return text;
        }
    }
}

/// A world in real time, whose controllers send over the network.
async fn real_world(seed: u64) -> World {
    let world = World::with(seed, |options| {
        options.canaries.sender = Arc::new(HttpSender::default());
        options.canaries.router.default_provider = "nginx".into();
        options.canaries.least_interval = Duration::from_millis(200);
    })
    .await;
    super::canary_world::play(&world);
    serve(&world, &progressive_delivery_definitions()).await;
    world.apply(&deployment("v1")).await;
    world.apply(&ingress()).await;
    world
}

#[tokio::test]
async fn an_alert_reaches_slack_as_slack_wants_it() {
    let world = real_world(71).await;
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&calls);
    let address = listen(Arc::new(move |request: &str| {
        heard.lock().unwrap().push(request.to_owned());
        "ok".to_owned()
    }))
    .await;
    world
        .apply(&value!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "slack", "namespace": "apps"},
            "stringData": {"address": (format!("http://{address}/services/hook")), "token": "secret-token"}}))
        .await;
    world
        .apply(
            &value!({"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider",
            "metadata": {"name": "people", "namespace": "apps"},
            "spec": {"type": "slack", "channel": "deploys", "username": "trueup",
                "secretRef": {"name": "slack"}}}),
        )
        .await;
    let more = value!({"metrics": [], "alerts": [
        {"name": "people", "severity": "info", "providerRef": {"name": "people"}},
    ]});
    begun(&world, &canary("podinfo", more)).await;
    world
        .until("the alert is heard", async || {
            !calls.lock().unwrap().is_empty()
        })
        .await;
    let call = calls.lock().unwrap()[0].clone();
    let (head, body) = call.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /services/hook HTTP/1.1"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("authorization: bearer secret-token"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"), "{head}");
    let payload = trueup_object::from_json(body.as_bytes()).unwrap();
    assert_eq!(payload.str_at(&["channel"]), Some("deploys"));
    assert_eq!(payload.str_at(&["username"]), Some("trueup"));
    let attachment = &payload.get("attachments").unwrap().as_list().unwrap()[0];
    assert_eq!(attachment.str_at(&["author_name"]), Some("podinfo.apps"));
    assert_eq!(attachment.str_at(&["color"]), Some("good"));
    let text = "New Deployment detected, initialization completed.";
    assert_eq!(attachment.str_at(&["text"]), Some(text));
    assert!(!world.told("secret-token"));
}

/// What a Pod tells of itself: ten more requests at each look, of which some
/// fail.
async fn pod(world: &World, name: &str, app: &str, failing: Arc<AtomicU64>) {
    let (good, bad) = (AtomicU64::new(0), AtomicU64::new(0));
    let address = listen(Arc::new(move |_: &str| {
        let failed = failing.load(Ordering::SeqCst);
        let good = good.fetch_add(10 - failed, Ordering::SeqCst) + 10 - failed;
        let bad = bad.fetch_add(failed, Ordering::SeqCst) + failed;
        format!(
            "http_requests_total{{status=\"200\"}} {good}\nhttp_requests_total{{status=\"500\"}} {bad}\n"
        )
    }))
    .await;
    let object = world
        .apply(&value!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "apps", "labels": {"app": app},
                "annotations": {"trueup.dev/dial": (address.to_string())}},
            "spec": {"containers": [{"name": "podinfo", "image": "podinfo"}]}}))
        .await;
    let status = value!({"status": {"phase": "Running", "podIP": "192.0.2.1",
        "startTime": "2026-01-01T00:00:00Z"}});
    world
        .admin
        .patch(
            object.reference(),
            &Patch::Merge(status),
            &WriteOptions::new("kubelet").on("status"),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn pods_are_asked_where_they_say_that_they_can_be_dialled() {
    let world = real_world(72).await;
    let failing = Arc::new(AtomicU64::new(0));
    pod(&world, "podinfo-1", "podinfo", Arc::clone(&failing)).await;
    pod(
        &world,
        "podinfo-primary-1",
        "podinfo-primary",
        Arc::default(),
    )
    .await;
    let more = value!({"interval": "1s", "stepWeight": 50, "threshold": 1});
    let mut object = canary("podinfo", more);
    let annotations = value!({"trueup.dev/metrics-provider": "pods"});
    object.set_at(&["metadata", "annotations"], annotations);
    begun(&world, &object).await;
    push(&world, "v2").await;
    reaches(&world, "Succeeded").await;
    assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");

    failing.store(5, Ordering::SeqCst);
    push(&world, "v3").await;
    reaches(&world, "Failed").await;
    let text = "Halt podinfo.apps advancement success rate 50.00% < 99%";
    assert!(world.told(text), "{:#?}", world.lines());
    let status = super::canary_world::status(&world, "podinfo").await;
    let Some(Value::List(checks)) = status.get("checks") else {
        panic!("no checks in {status:?}");
    };
    assert_eq!(checks.last().unwrap().str_at(&["verdict"]), Some("Failed"));
}
