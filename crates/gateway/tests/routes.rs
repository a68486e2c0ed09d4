//! Requests through the gateway to real servers.

use super::world::{Backend, World};
use http::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use trueup_cluster::Form;
use trueup_object::{Value, value};

fn backend(name: &str, weight: i64) -> Value {
    value!({"name": (trueup_object::Text::from(name)), "port": 80, "weight": weight})
}

/// The lines of the metrics that count what clients got instead of an answer.
fn failures(metrics: &str) -> Vec<String> {
    let requests = metrics
        .lines()
        .filter(|line| line.starts_with("trueup_gateway_requests_total{"));
    let failures = requests.filter(|line| !line.contains(r#"status="200""#));
    failures.map(str::to_owned).collect()
}

/// Whether a share is within four standard deviations of the one asked for.
fn is_share(count: usize, of: usize, share: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let (count, of) = (count as f64, of as f64);
    let deviation = (of * share * (1.0 - share)).sqrt();
    (count - of * share).abs() <= 4.0 * deviation
}

#[tokio::test]
async fn traffic_is_shared_by_the_weights_as_they_change() {
    let world = World::start().await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    world.service("a", &[&a]).await;
    world.service("b", &[&b]).await;
    for (weight, share) in [(0, 0.0), (20, 0.2), (50, 0.5), (100, 1.0)] {
        world
            .route(
                value!([{"backendRefs": [(backend("a", 100 - weight)), (backend("b", weight))]}]),
            )
            .await;
        let before = b.count();
        for _ in 0..500 {
            assert_eq!(world.get("/").await.status, 200);
        }
        let count = b.count() - before;
        assert!(
            is_share(count, 500, share),
            "weight {weight}: {count} of 500"
        );
    }
    let text = world.metrics_text().await;
    let label = r#"http_request_duration_seconds_count{kubernetes_namespace="apps",kubernetes_pod_name="b-0",status="200"}"#;
    let told = text
        .lines()
        .find_map(|line| line.strip_prefix(label))
        .map(str::trim);
    assert_eq!(told, Some(b.count().to_string().as_str()), "{text}");
}

#[tokio::test]
async fn headers_and_cookies_choose_the_backend_and_cookies_are_handed_out() {
    let world = World::start().await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    world.service("a", &[&a]).await;
    world.service("b", &[&b]).await;
    let cookie = value!([{"type": "ResponseHeaderModifier", "responseHeaderModifier": {
        "add": [{"name": "Set-Cookie", "value": "sticky=abc; Max-Age=60"}],
    }}]);
    let mut canary = backend("b", 1);
    canary.set_at(&["filters"], cookie);
    world
        .route(value!([
            {
                "matches": [
                    {"headers": [{"name": "Cookie", "type": "RegularExpression", "value": ".*sticky.*abc.*"}]},
                    {"headers": [{"name": "X-User", "value": "insider"}]},
                ],
                "backendRefs": [(backend("a", 0)), canary],
            },
            {"backendRefs": [(backend("a", 100)), (backend("b", 0))]},
        ]))
        .await;
    for _ in 0..20 {
        assert_eq!(world.get("/").await.body, "a");
        let insider = world
            .send(Request::get("/").header("X-User", "insider"))
            .await;
        assert_eq!(insider.body, "b");
        assert_eq!(insider.headers["set-cookie"], "sticky=abc; Max-Age=60");
        let again = Request::get("/").header("Cookie", "x=1; sticky=abc");
        assert_eq!(world.send(again).await.body, "b");
    }
}

#[tokio::test]
async fn copies_go_to_the_mirror_and_nobody_waits_for_it() {
    let world = World::start().await;
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    world.service("a", &[&a]).await;
    world.service("b", &[&b]).await;
    world
        .route(value!([{
            "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b", "port": 80}}}],
            "backendRefs": [(backend("a", 1))],
        }]))
        .await;
    let sent = world
        .send_body(Request::post("/order?id=7"), "a book")
        .await;
    assert_eq!(sent.body, "a");
    world
        .until("the copy arrives", || async { b.count() == 1 })
        .await;
    assert_eq!(
        (b.last().target.as_str(), b.last().body.as_str()),
        ("/order?id=7", "a book")
    );
    assert_eq!(
        (a.last().target.as_str(), a.last().body.as_str()),
        ("/order?id=7", "a book")
    );
    b.kill();
    for _ in 0..5 {
        assert_eq!(world.get("/").await.status, 200);
    }
    let large = "x".repeat(100_000);
    assert_eq!(
        world.send_body(Request::post("/"), &large).await.status,
        200
    );
    assert_eq!(a.last().body.len(), large.len());
}

#[tokio::test]
async fn requests_are_changed_as_the_filters_say_and_tell_where_they_come_from() {
    let world = World::start().await;
    let a = Backend::start("a").await;
    world.service("a", &[&a]).await;
    world
        .route(value!([{
            "matches": [{"path": {"type": "PathPrefix", "value": "/shop"}}],
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {
                    "set": [{"name": "X-Stage", "value": "test"}], "remove": ["X-Secret"],
                }},
                {"type": "URLRewrite", "urlRewrite": {
                    "hostname": "inner.example",
                    "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"},
                }},
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["X-Backend"]}},
            ],
            "backendRefs": [(backend("a", 1))],
        }]))
        .await;
    let request = Request::get("/shop/cart?x=1")
        .header("X-Secret", "1")
        .header("Connection", "X-Own")
        .header("X-Own", "1");
    let answer = world.send(request).await;
    assert!(!answer.headers.contains_key("x-backend"));
    assert_eq!(answer.headers["via"], "1.1 trueup");
    let seen = a.last();
    assert_eq!(seen.target, "/cart?x=1");
    let header = |name: &str| seen.headers.get(name).map(String::as_str);
    assert_eq!(header("host"), Some("inner.example"));
    assert_eq!(header("x-forwarded-host"), Some("shop.example"));
    assert_eq!(header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header("x-stage"), Some("test"));
    assert_eq!((header("x-secret"), header("x-own")), (None, None));
    assert_eq!(world.get("/elsewhere").await.status, 404);
}

#[tokio::test]
async fn no_request_is_lost_when_an_endpoint_dies_or_others_come() {
    let world = Arc::new(World::start().await);
    let backends = [
        Backend::start("a").await,
        Backend::start("b").await,
        Backend::start("c").await,
    ];
    world
        .service("a", &[&backends[0], &backends[1], &backends[2]])
        .await;
    world.endpoints("a", &[0, 1]).await;
    world
        .route(value!([{"backendRefs": [(backend("a", 1))]}]))
        .await;
    world
        .until("there are endpoints", || async {
            world.get("/").await.status == 200
        })
        .await;
    let before = failures(&world.metrics_text().await);
    let (stop, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (world, stop, answered) =
                (Arc::clone(&world), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let answer = world.get("/").await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let more = |count: usize| {
        let (world, answered) = (&world, &answered);
        async move {
            let target = answered.load(Ordering::SeqCst) + count;
            world
                .until("more answers", || async {
                    answered.load(Ordering::SeqCst) >= target
                })
                .await;
        }
    };
    more(100).await;
    // It dies before anybody is told.
    backends[0].kill();
    more(100).await;
    world.endpoints("a", &[1, 2]).await;
    more(100).await;
    world.endpoints("a", &[2]).await;
    world
        .until("the other gets everything", || async {
            let before = backends[1].count();
            more(20).await;
            backends[1].count() == before
        })
        .await;
    stop.store(true, Ordering::SeqCst);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    assert!(backends[2].count() > 0);
    // By Pod there may be a 502: that of the attempt which the dying one broke
    // off, and which another one followed.
    assert_eq!(failures(&world.metrics_text().await), before);
}

#[tokio::test]
async fn what_nobody_answers_gets_the_status_that_says_why() {
    let world = World::start().await;
    let (a, empty) = (Backend::start("a").await, Backend::start("b").await);
    world.service("a", &[&a]).await;
    world.service("empty", &[&empty]).await;
    world.endpoints("empty", &[]).await;
    let of = |path: &str, backends: Value, timeouts: Value| {
        let path = trueup_object::Text::from(path);
        value!({"matches": [{"path": {"value": path}}], "backendRefs": backends, "timeouts": timeouts})
    };
    let none = || Value::map();
    world
        .route(value!([
            (of("/none", value!([(backend("a", 0))]), none())),
            (of("/empty", value!([(backend("empty", 1))]), none())),
            (of("/missing", value!([(backend("missing", 1))]), none())),
            (of(
                "/slow",
                value!([(backend("a", 1))]),
                value!({"request": "50ms"})
            )),
            (of(
                "/slow/one",
                value!([(backend("a", 1))]),
                value!({"backendRequest": "50ms"})
            )),
        ]))
        .await;
    for (path, status) in [
        ("/none", 500),
        ("/empty", 503),
        ("/missing", 500),
        ("/slow", 504),
        ("/slow/one", 504),
        ("/elsewhere", 404),
    ] {
        assert_eq!(world.get(path).await.status, status, "{path}");
    }
    a.kill();
    world
        .route(value!([{"backendRefs": [(backend("a", 1))]}]))
        .await;
    assert_eq!(world.get("/").await.status, 502);
}

#[tokio::test]
async fn at_rest_nothing_is_written() {
    let world = World::start().await;
    let a = Backend::start("a").await;
    world.service("a", &[&a]).await;
    world
        .route(value!([{"backendRefs": [(backend("a", 1))]}]))
        .await;
    let before = world
        .session
        .get(&world.reference(), Form::Full)
        .await
        .unwrap();
    // Changes of endpoints say nothing new about routes.
    world.endpoints("a", &[]).await;
    world
        .until("the change arrives", || async {
            world.get("/").await.status == 503
        })
        .await;
    world.endpoints("a", &[0]).await;
    world
        .until("the change arrives", || async {
            world.get("/").await.status == 200
        })
        .await;
    let after = world
        .session
        .get(&world.reference(), Form::Full)
        .await
        .unwrap();
    assert_eq!(before.resource_version(), after.resource_version());
}
