//! Load against a real server.

use crate::answering::WebServer;
use std::future::pending;
use tokio::net::TcpListener;
use trueup_kinds::outgoing::HttpAddress;
use trueup_loadtest::{
    Connections, GenerateError, Load, LoadError, Summary, generate, read_command, split_words,
};

fn command(text: &str) -> Load {
    read_command(&split_words(text).unwrap()).unwrap()
}

async fn play(text: &str) -> Summary {
    generate(&command(text), pending()).await.unwrap()
}

#[tokio::test]
async fn as_many_requests_are_sent_as_were_asked_for() {
    let server = WebServer::start().await;
    let url = server.url("/path?x=1");
    let summary = play(&format!(
        "hey -n 101 -c 7 -m POST -d '{{test: 2}}' -H 'Cookie: canary=always' -host app.test '{url}'"
    ))
    .await;
    assert_eq!((summary.requests(), summary.statuses[&200]), (101, 101));
    assert_eq!((summary.body_bytes, summary.latencies.count()), (505, 101));
    let asked = server.asked();
    assert_eq!(asked.len(), 101);
    for one in asked {
        assert_eq!(
            (one.method.as_str(), one.path.as_str()),
            ("POST", "/path?x=1")
        );
        assert_eq!(
            (one.host.as_str(), one.body.as_str()),
            ("app.test", "{test: 2}")
        );
        assert_eq!(one.cookie, "canary=always");
    }
}

#[tokio::test]
async fn statuses_and_values_of_a_header_are_counted() {
    let server = WebServer::start().await;
    let half = play(&format!("hey -n 50 -c 1 {}", server.url("/half"))).await;
    assert_eq!((half.statuses[&200], half.statuses[&500]), (25, 25));
    assert_eq!((half.successes(), half.failures()), (25, 0));
    let server = WebServer::start().await;
    let mut load = command(&format!("ab -n 40 -c 4 {}", server.url("/")));
    load.tally = Some("x-version".parse().unwrap());
    let shares = generate(&load, pending()).await.unwrap();
    let expected = [("1".to_owned(), 30), ("2".to_owned(), 10)];
    assert_eq!(shares.tally, expected.into());
}

#[tokio::test]
async fn what_is_not_answered_is_an_error_by_cause() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = free.local_addr().unwrap();
    drop(free);
    let refused = play(&format!("hey -n 4 -c 2 http://{refusing}/?token=secret")).await;
    assert_eq!((refused.answers(), refused.failures()), (0, 4));
    let causes: Vec<&String> = refused.errors.keys().collect();
    assert!(causes[0].contains("refused"), "{causes:?}");
    let server = WebServer::start().await;
    let silent = play(&format!("hey -n 2 -c 2 -t 1 {}", server.url("/silent"))).await;
    assert_eq!(silent.errors["no answer in time"], 2);
}

#[tokio::test]
async fn redirects_lead_to_no_other_host() {
    let server = WebServer::start().await;
    let hey = async |path| play(&format!("hey -n 2 -c 1 {}", server.url(path))).await;
    assert_eq!(hey("/here").await.statuses[&200], 2);
    assert_eq!(hey("/away").await.statuses[&302], 2);
    assert_eq!(hey("/link").await.statuses[&302], 2);
    assert_eq!(hey("/round").await.statuses[&302], 2);
    let wrk = play(&format!("ab -n 2 {}", server.url("/here"))).await;
    assert_eq!(wrk.statuses[&302], 2);
}

#[tokio::test]
async fn addresses_of_the_link_are_refused() {
    for host in ["169.254.169.254", "[::ffff:a9fe:a9fe]", "0xa9fea9fe"] {
        let load = command(&format!("hey -n 1 -c 1 'http://{host}/latest'"));
        let error = generate(&load, pending()).await.unwrap_err();
        assert!(
            matches!(error, GenerateError::Refused(_)),
            "{host}: {error}"
        );
    }
    let mut load = Load::get(HttpAddress::parse("http://127.0.0.1/").unwrap());
    load.concurrency = 0;
    let error = generate(&load, pending()).await.unwrap_err();
    assert_eq!(error, GenerateError::Load(LoadError::Concurrency(0)));
}

/// The time is the server's and the machine's; that it ends, and that what
/// was begun is counted, is not.
#[tokio::test]
async fn a_load_ends_with_its_time_or_when_it_is_stopped() {
    let server = WebServer::start().await;
    let timed = play(&format!("hey -z 300ms -q 50 -c 2 {}", server.url("/"))).await;
    assert_eq!(timed.requests(), server.asked().len() as u64);
    // 15 turns of each worker fit; on a busy machine there are fewer.
    assert!(timed.requests() <= 30, "{timed}");
    let mut endless = Load::get(HttpAddress::parse(&server.url("/")).unwrap());
    endless.connections = Connections::Fresh;
    let until = async {
        while server.asked().len() < 200 {
            tokio::task::yield_now().await;
        }
    };
    let stopped = generate(&endless, until).await.unwrap();
    assert_eq!(
        timed.requests() + stopped.requests(),
        server.asked().len() as u64
    );
    assert_eq!(stopped.failures(), 0);
}

#[tokio::test]
async fn a_login_in_the_address_is_sent_as_one_and_names_can_be_led_elsewhere() {
    let server = WebServer::start().await;
    let url = format!(
        "http://me:word@podinfo-canary.test:{}/x",
        server.address.port()
    );
    let mut load = Load::get(HttpAddress::parse(&url).unwrap());
    load.max_requests = Some(3);
    let summary = generate(&load.connected_to(server.address), pending())
        .await
        .unwrap();
    assert_eq!(summary.successes(), 3);
    let asked = server.asked();
    assert_eq!(asked[0].authorization, "Basic bWU6d29yZA==");
    assert!(asked[0].host.starts_with("podinfo-canary.test:"));
}
