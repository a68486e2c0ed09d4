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
use trueup_controller::{ControllerOptions, DefaultAlerts};
use trueup_kinds::canary::AlertProviderSpec;
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
    real_world_with(seed, |_| {}).await
}

/// The same, with controllers that are started otherwise.
async fn real_world_with(
    seed: u64,
    adjust: impl Fn(&mut ControllerOptions) + Send + Sync + 'static,
) -> World {
    let world = World::with(seed, move |options| {
        options.canaries.sender = Arc::new(HttpSender::default());
        options.canaries.router.default_provider = "nginx".into();
        options.canaries.least_interval = Duration::from_millis(200);
        adjust(options);
    })
    .await;
    super::canary_world::play(&world);
    serve(&world, &progressive_delivery_definitions()).await;
    world.apply(&deployment("v1")).await;
    world.apply(&ingress()).await;
    world
}

/// A server that keeps the requests that it answers.
async fn receiver() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&calls);
    let address = listen(Arc::new(move |request: &str| {
        heard.lock().unwrap().push(request.to_owned());
        "ok".to_owned()
    }))
    .await;
    (address, calls)
}

#[tokio::test]
async fn an_alert_reaches_slack_as_slack_wants_it() {
    let world = real_world(71).await;
    let (address, calls) = receiver().await;
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

/// Who is told of Canaries that name nobody.
fn provider(kind: &str, address: &str) -> AlertProviderSpec {
    AlertProviderSpec {
        kind: kind.into(),
        address: address.into(),
        channel: "deploys".into(),
        username: "flagger".into(),
        ..AlertProviderSpec::default()
    }
}

/// What a run of one step, promoted, tells the receiver of the installation:
/// heads and bodies.
async fn told_of_a_run(seed: u64, kind: &'static str) -> Vec<(String, String)> {
    let (address, calls) = receiver().await;
    let world = real_world_with(seed, move |options| {
        let address = format!("http://{address}/services/hook");
        let alerts = DefaultAlerts::new(provider(kind, &address), Some("secret-token"));
        options.canaries.alerts = Some(alerts);
        options.canaries.cluster_name = Some("blue".to_owned());
    })
    .await;
    let more = value!({"metrics": [], "interval": "1s", "stepWeight": 50});
    begun(&world, &canary("podinfo", more)).await;
    push(&world, "v2").await;
    reaches(&world, "Succeeded").await;
    world
        .until("all alerts are heard", async || {
            calls.lock().unwrap().len() >= 3
        })
        .await;
    assert!(!world.told("secret-token"));
    let calls = calls.lock().unwrap();
    let calls = calls.iter().map(|call| {
        let (head, body) = call.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    });
    calls.collect()
}

/// The names and values that go with an alert, by the keys that a provider has
/// for them; `end` closes each.
fn fields(name_key: &str, value_key: &str, end: &str, with_settings: bool) -> String {
    let all = [
        ("Cluster", "blue"),
        ("Target", "Deployment/podinfo.apps"),
        ("Failed checks threshold", "2"),
        ("Progress deadline", "600s"),
        ("Traffic routing", "Weight step: 50 max: 50"),
    ];
    let count = if with_settings { all.len() } else { 1 };
    let fields = all[..count]
        .iter()
        .map(|(name, value)| format!(r#"{{"{name_key}":"{name}","{value_key}":"{value}"{end}}}"#));
    fields.collect::<Vec<_>>().join(",")
}

/// What Flagger tells of a run that succeeds, and whether its settings go with
/// it.
const MESSAGES: [(&str, bool); 3] = [
    ("New Deployment detected, initialization completed.", true),
    ("New revision detected, progressing canary analysis.", true),
    (
        "Canary analysis completed successfully, promotion finished.",
        false,
    ),
];

#[tokio::test]
async fn a_canary_that_names_nobody_tells_the_slack_of_the_installation_as_flagger_does() {
    let calls = told_of_a_run(73, "slack").await;
    let bodies: Vec<&str> = calls.iter().map(|it| it.1.as_str()).collect();
    let wanted = MESSAGES.map(|(message, with_settings)| {
        let fields = fields("title", "value", r#","short":false"#, with_settings);
        format!(
            r#"{{"channel":"deploys","username":"flagger","icon_url":"","icon_emoji":":rocket:","attachments":[{{"color":"good","author_name":"podinfo.apps","text":"{message}","mrkdwn_in":["text"],"fields":[{fields}]}}]}}"#
        )
    });
    assert_eq!(bodies, wanted);
    for (head, _) in &calls {
        assert!(head.starts_with("post /services/hook http/1.1"), "{head}");
        assert!(
            head.contains("authorization: bearer secret-token"),
            "{head}"
        );
        assert!(head.contains("content-type: application/json"), "{head}");
    }
}

#[tokio::test]
async fn it_tells_the_teams_of_the_installation_as_flagger_does() {
    let calls = told_of_a_run(74, "msteams").await;
    let bodies: Vec<&str> = calls.iter().map(|it| it.1.as_str()).collect();
    let wanted = MESSAGES.map(|(message, with_settings)| {
        let facts = fields("name", "value", "", with_settings);
        format!(
            r#"{{"@type":"MessageCard","@context":"http://schema.org/extensions","themeColor":"0076D7","summary":"podinfo.apps","sections":[{{"activityTitle":"{message}","activitySubtitle":"podinfo.apps","facts":[{facts}]}}]}}"#
        )
    });
    assert_eq!(bodies, wanted);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_told_of_without_its_address_and_stops_no_run() {
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let world = real_world_with(75, move |options| {
        let address = format!("http://{address}/services/secret-hook");
        let alerts = DefaultAlerts::new(provider("slack", &address), None);
        options.canaries.alerts = Some(alerts);
    })
    .await;
    let more = value!({"metrics": [], "interval": "1s", "stepWeight": 50});
    begun(&world, &canary("podinfo", more)).await;
    push(&world, "v2").await;
    reaches(&world, "Succeeded").await;
    assert!(world.told("alert could not be sent: "));
    assert!(!world.told("secret-hook"), "{:#?}", world.lines());
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
