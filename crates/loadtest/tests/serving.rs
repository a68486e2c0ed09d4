//! The server on loopback, asked as Flagger's controller and people ask.

use crate::answering::WebServer;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use trueup_cluster::{Form, Session};
use trueup_gocompat::regexp::Regexp;
use trueup_loadtest::{GateStore, LoadtestOptions, Shell, gates_reference, serve};
use trueup_testkit::TestCluster;

/// A server of the gates in a namespace, until it is dropped.
struct Loadtest {
    address: SocketAddr,
    client: reqwest::Client,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Loadtest {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn options(session: Session, namespace: &str) -> LoadtestOptions {
    LoadtestOptions::new(GateStore::new(session, namespace))
}

impl Loadtest {
    async fn start(options: LoadtestOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            serve(listener, options, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            address,
            client: trueup_source::outgoing_client(Default::default())
                .unwrap()
                .build()
                .unwrap(),
            task,
        }
    }

    async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let answer = self.client.post(url).body(body.to_owned()).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A task of the Canary podinfo.test, with these members as metadata.
    async fn task(&self, metadata: &str) -> (u16, String) {
        self.post("/", &payload(metadata)).await
    }

    /// Waits until the metrics have this line.
    async fn counts(&self, line: &str) {
        let asking = async {
            while !self
                .post("/metrics", "")
                .await
                .1
                .lines()
                .any(|it| it == line)
            {
                tokio::task::yield_now().await;
            }
        };
        let limit = std::time::Duration::from_secs(60);
        if tokio::time::timeout(limit, asking).await.is_err() {
            panic!("no {line} in {}", self.post("/metrics", "").await.1);
        }
    }
}

fn payload(metadata: &str) -> String {
    format!(
        r#"{{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"85d557f47b","metadata":{{{metadata}}}}}"#
    )
}

const PODINFO: &str = r#"{"name":"podinfo","namespace":"test"}"#;

fn answer(status: u16, body: &str) -> (u16, String) {
    (status, body.to_owned())
}

#[tokio::test]
async fn gates_are_kept_through_restarts_and_shared_by_replicas() {
    let cluster = TestCluster::start(1).await;
    let namespace = cluster.namespace("gates").await.unwrap();
    let start = async || Loadtest::start(options(cluster.session(), &namespace)).await;
    let (one, two) = (start().await, start().await);
    assert_eq!(
        one.post("/gate/check", PODINFO).await,
        answer(403, "Forbidden")
    );
    assert_eq!(one.post("/gate/close", PODINFO).await, answer(202, ""));
    assert_eq!(one.post("/gate/open", PODINFO).await, answer(202, ""));
    assert_eq!(
        two.post("/gate/check", PODINFO).await,
        answer(200, "Approved")
    );
    assert_eq!(two.post("/rollback/check", PODINFO).await.0, 403);
    let (both, also) = tokio::join!(
        one.post("/rollback/open", PODINFO),
        two.post("/gate/open", r#"{"name":"other","namespace":"test"}"#)
    );
    assert_eq!((both.0, also.0), (202, 202));
    drop((one, two));
    let restarted = start().await;
    for (path, body, expected) in [
        ("/gate/check", PODINFO, 200),
        ("/rollback/check", PODINFO, 200),
        ("/gate/check", r#"{"name":"other","namespace":"test"}"#, 200),
        (
            "/gate/check",
            r#"{"name":"podinfo","namespace":"prod"}"#,
            403,
        ),
        (
            "/gate/check",
            r#"{"name":"rollback.podinfo","namespace":"test"}"#,
            403,
        ),
        ("/gate/close", PODINFO, 202),
        ("/gate/check", PODINFO, 403),
        ("/rollback/check", PODINFO, 200),
        ("/gate/check", r#"{"name":"other","namespace":"test"}"#, 200),
    ] {
        assert_eq!(
            restarted.post(path, body).await.0,
            expected,
            "{path} {body}"
        );
    }
    let kept = cluster
        .session()
        .get(&gates_reference(&namespace), Form::Full)
        .await
        .unwrap();
    let keys = kept.value().at(&["data"]).unwrap().as_map().unwrap();
    let keys: Vec<&str> = keys.keys().map(|key| key.as_str()).collect();
    assert_eq!(
        BTreeSet::from_iter(keys),
        ["gate_test_other", "rollback_test_podinfo"].into()
    );
}

/// Many open at the same instant, none of them there before: one makes the
/// ConfigMap, and no gate is lost.
#[tokio::test]
async fn gates_that_are_opened_at_once_are_all_open() {
    let cluster = TestCluster::start(2).await;
    let namespace = cluster.namespace("gates").await.unwrap();
    let server = Loadtest::start(options(cluster.session(), &namespace)).await;
    let canary = |number| format!(r#"{{"name":"a{number}","namespace":"test"}}"#);
    let bodies: Vec<String> = (0..16).map(canary).collect();
    let opened = bodies.iter().map(|body| server.post("/gate/open", body));
    for (status, words) in futures::future::join_all(opened).await {
        assert_eq!(status, 202, "{words}");
    }
    for body in &bodies {
        assert_eq!(server.post("/gate/check", body).await.0, 200, "{body}");
    }
}

#[tokio::test]
async fn where_the_cluster_does_not_answer_nothing_is_let_through() {
    let cluster = TestCluster::start(3).await;
    let nowhere = Loadtest::start(options(cluster.session(), "no-such-namespace")).await;
    assert_eq!(nowhere.post("/gate/check", PODINFO).await.0, 403);
    let (status, words) = nowhere.post("/gate/open", PODINFO).await;
    assert_eq!(status, 503);
    assert!(words.contains("podinfo.test"), "{words}");
    assert_eq!(nowhere.post("/gate/check", PODINFO).await.0, 403);
    assert_eq!(nowhere.post("/readyz", "").await, answer(200, "OK"));
}

#[tokio::test]
async fn what_is_asked_is_answered_as_flagger_does_or_refused_by_name() {
    let cluster = TestCluster::start(4).await;
    let namespace = cluster.namespace("gates").await.unwrap();
    let mut options = options(cluster.session(), &namespace);
    options.namespaces = Some(Regexp::compile("^test$").unwrap());
    let server = Loadtest::start(options).await;
    for (path, body, expected) in [
        ("/healthz", "", answer(200, "OK")),
        ("/gate/approve", "", answer(200, "OK")),
        ("/gate/halt", "", answer(403, "Forbidden")),
        ("/gate/open", "", answer(400, "")),
        ("/gate/open", "[]", answer(400, "")),
        ("/", "no json", answer(400, "")),
        ("/", PODINFO, answer(400, "metadata not found in payload")),
        (
            "/any/path",
            PODINFO,
            answer(400, "metadata not found in payload"),
        ),
        (
            "/",
            r#"{"name":"a","namespace":"prod","metadata":{"cmd":"x"}}"#,
            answer(403, "Forbidden"),
        ),
        (
            "/gate/open",
            r#"{"name":"a","namespace":"test.prod"}"#,
            answer(403, "Forbidden"),
        ),
        (
            "/rollback/open",
            r#"{"name":"a","namespace":"prod"}"#,
            answer(403, "Forbidden"),
        ),
    ] {
        assert_eq!(server.post(path, body).await, expected, "{path} {body}");
    }
    let (status, words) = server
        .post("/gate/open", r#"{"name":"../x","namespace":"test"}"#)
        .await;
    assert_eq!(
        (status, words.contains("no Canary has such a name")),
        (400, true)
    );
    for (metadata, status, words) in [
        (r#""type":"cmd""#, 400, "cmd not found in metadata"),
        (r#""type":"concord""#, 400, "unknown task type concord"),
        (r#""type":"ngrinder""#, 400, "unknown task type ngrinder"),
        (r#""cmd":"curl http://a""#, 403, "curl is not allowed here"),
        (r#""type":"bash","cmd":"curl a | sh""#, 403, "needs a shell"),
        (
            r#""type":"helm","cmd":"test podinfo""#,
            403,
            "helm is not allowed here",
        ),
        (
            r#""type":"kubectl","cmd":"get secrets -A""#,
            403,
            "kubectl is not allowed here",
        ),
        (
            r#""cmd":"hey -D /etc/passwd http://a""#,
            400,
            "not supported",
        ),
        (
            r#""cmd":"hey -c 1000000 -z 1m http://a""#,
            400,
            "1000000 workers",
        ),
    ] {
        let found = server.task(metadata).await;
        assert_eq!(found.0, status, "{metadata}: {}", found.1);
        assert!(found.1.contains(words), "{metadata}: {}", found.1);
    }
    let long = "x".repeat(2 << 20);
    assert_eq!(server.post("/", &long).await.0, 413);
    server
        .counts(r#"trueup_loadtest_tasks_total{result="refused"} 6"#)
        .await;
}

#[tokio::test]
async fn a_load_is_taken_once_and_played_to_its_end() {
    let target = WebServer::start().await;
    let cluster = TestCluster::start(5).await;
    let server = Loadtest::start(options(cluster.session(), "test")).await;
    let endless = format!(r#""cmd":"hey -z 1h -q 200 -c 1 {}""#, target.url("/load"));
    assert_eq!(server.task(&endless).await, answer(202, ""));
    assert_eq!(server.task(&endless).await, answer(202, ""));
    server
        .counts(r#"trueup_loadtest_tasks_total{result="under_way"} 1"#)
        .await;
    server.counts("trueup_loadtest_tasks_running 1").await;
    let short = format!(
        r#""type":"cmd","logCmdOutput":"true","cmd":"hey -n 20 -c 2 {}""#,
        target.url("/status/503")
    );
    assert_eq!(server.task(&short).await, answer(202, ""));
    server
        .counts(r#"trueup_loadtest_tasks_total{result="succeeded"} 1"#)
        .await;
    server
        .counts(r#"trueup_loadtest_requests_total{code="5xx"} 20"#)
        .await;
    let awaited = format!(
        r#""type":"bash","returnCmdOutput":"true","cmd":"hey -n 3 -c 1 {}""#,
        target.url("/")
    );
    let (status, report) = server.task(&awaited).await;
    assert_eq!(status, 200);
    assert!(report.starts_with("requests: 3 in "), "{report}");
    assert!(report.contains("\nstatus 200: 3\n"), "{report}");
    let link = r#""type":"bash","cmd":"hey -n 1 -c 1 http://169.254.169.254/""#;
    let (status, words) = server.task(link).await;
    assert_eq!(status, 500);
    assert!(words.contains("link-local"), "{words}");
    let paths: BTreeSet<String> = target.asked().into_iter().map(|it| it.path).collect();
    assert_eq!(
        paths,
        ["/load", "/status/503", "/"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn no_more_tasks_run_than_are_allowed() {
    let target = WebServer::start().await;
    let cluster = TestCluster::start(6).await;
    let mut options = options(cluster.session(), "test");
    options.max_tasks = 1;
    let server = Loadtest::start(options).await;
    let load = |path| format!(r#""cmd":"hey -z 1h -q 1 -c 1 {}""#, target.url(path));
    assert_eq!(server.task(&load("/a")).await.0, 202);
    assert_eq!(
        server.task(&load("/b")).await,
        answer(429, "1 tasks are running already")
    );
}

#[tokio::test]
async fn a_task_ends_at_the_time_that_tasks_may_take() {
    let target = WebServer::start().await;
    let cluster = TestCluster::start(7).await;
    let mut options = options(cluster.session(), "test");
    options.task_timeout_ms = 200;
    let server = Loadtest::start(options).await;
    let load = format!(
        r#""type":"bash","cmd":"hey -z 10h -q 100 -c 1 {}""#,
        target.url("/")
    );
    assert_eq!(server.task(&load).await, answer(200, ""));
}

#[cfg(unix)]
#[tokio::test]
async fn programs_that_are_allowed_are_run_and_answered_as_flagger_does() {
    let cluster = TestCluster::start(8).await;
    let mut options = options(cluster.session(), "test");
    options.permissions.programs = ["echo", "false"].map(str::to_owned).into();
    let server = Loadtest::start(options).await;
    for (metadata, expected) in [
        (r#""type":"bash","cmd":"echo 'a  b' *""#, answer(200, "")),
        (
            r#""type":"bash","returnCmdOutput":"true","cmd":"echo 'a  b' *""#,
            answer(200, "a  b *\n"),
        ),
        (
            r#""type":"bash","cmd":"false""#,
            answer(500, "command false failed: : exit status 1"),
        ),
        (r#""cmd":"echo later""#, answer(202, "")),
    ] {
        assert_eq!(server.task(metadata).await, expected, "{metadata}");
    }
    let mut options = self::options(cluster.session(), "test");
    options.permissions.shell = Shell::Allowed;
    let server = Loadtest::start(options).await;
    let piped = r#""type":"bash","returnCmdOutput":"true","cmd":"echo abc | tr a-c x-z""#;
    let (status, output) = server.task(piped).await;
    assert!((status, output.as_str()) == (200, "xyz\n") || output.contains("start bash"));
}

/// What a browser sends for a page may not open a gate on this machine.
#[tokio::test]
async fn web_pages_are_not_answered() {
    let cluster = TestCluster::start(9).await;
    let namespace = cluster.namespace("gates").await.unwrap();
    let server = Loadtest::start(options(cluster.session(), &namespace)).await;
    let url = format!("http://{}/gate/open", server.address);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = server.client.post(&url).header(name, value).body(PODINFO);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 403);
    }
    assert_eq!(server.post("/gate/check", PODINFO).await.0, 403);
}
