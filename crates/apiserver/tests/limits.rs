//! What is over a limit is refused as the genuine server refuses it, and
//! clients that are slow, silent or many cost little.

use crate::support::{TOKEN, options, run};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::authorization::AllowAll;
use trueup_apiserver::edge::{ApiServer, Limits, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;

const OTHER_TOKEN: &str = "other-token";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A server that allows everything to everybody, with an administrator and
/// somebody who is none.
fn server() -> ApiServer {
    let mut options = ServerOptions {
        authorizer: std::sync::Arc::new(AllowAll),
        ..options()
    };
    options.tokens.push(StaticToken {
        token: OTHER_TOKEN.to_owned(),
        identity: Identity {
            user: "bob".into(),
            ..Identity::default()
        },
    });
    ApiServer::open(MemoryStorage, options).unwrap()
}

async fn serve(server: ApiServer, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        server
            .serve_plain(listener, limits, std::future::pending())
            .await
            .unwrap();
    });
    address
}

fn head(method: &str, target: &str, token: &str, more: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}\r\n")
}

/// Sends text and reads until the server closes the connection.
async fn talk(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and closed before all was sent.
    drop(stream.write_all(text.as_bytes()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request on a connection of its own: the head of the answer and its
/// body.
async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    token: &str,
    body: &str,
) -> (String, String) {
    let more = format!(
        "connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    let answer = talk(address, &(head(method, target, token, &more) + body)).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_lowercase(), body.to_owned())
}

fn status_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn map(name: &str) -> String {
    json!({"metadata": {"name": name}}).to_string()
}

#[test]
fn a_body_over_three_mebibytes_is_refused_and_one_that_is_packed_is_not_unpacked() {
    run(async {
        let address = serve(server(), Limits::default()).await;
        let large = format!("{{\"data\":{{\"a\":\"{}\"}}}}", "x".repeat(3 * 1024 * 1024));
        let mut service = server().service(Identity::admin());
        let request = http::Request::post(MAPS)
            .header("content-type", "application/json")
            .body(http_body_util::Full::new(bytes::Bytes::from(large)))
            .unwrap();
        let answer = tower::Service::call(&mut service, request).await.unwrap();
        assert_eq!(answer.status(), 413);
        let packed = "\u{1f}\u{8b}\u{8}".to_owned() + &"\0".repeat(100);
        let (head, body) = ask(address, "POST", MAPS, TOKEN, &packed).await;
        assert!(head.starts_with("http/1.1 400"), "{head} {body}");
    });
}

#[test]
fn reading_and_changing_are_counted_apart_and_watches_and_masters_not_at_all() {
    run(async {
        let no_changes = Limits {
            max_mutating_in_flight: 0,
            ..Limits::default()
        };
        let address = serve(server(), no_changes).await;
        let (head, body) = ask(address, "POST", MAPS, OTHER_TOKEN, &map("a")).await;
        assert!(
            head.starts_with("http/1.1 429") && head.contains("retry-after: 1"),
            "{head}"
        );
        assert_eq!(body, "Too many requests, please try again later.\n");
        let (head, _) = ask(address, "GET", MAPS, OTHER_TOKEN, "").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let (head, _) = ask(address, "POST", MAPS, TOKEN, &map("a")).await;
        assert!(head.starts_with("http/1.1 201"), "{head}");

        let no_reads = Limits {
            max_reading_in_flight: 0,
            ..Limits::default()
        };
        let address = serve(server(), no_reads).await;
        let (head, _) = ask(address, "GET", MAPS, OTHER_TOKEN, "").await;
        assert!(head.starts_with("http/1.1 429"), "{head}");
        let (head, _) = ask(address, "POST", MAPS, OTHER_TOKEN, &map("b")).await;
        assert!(head.starts_with("http/1.1 201"), "{head}");
        let watch = format!("{MAPS}?watch=true&timeoutSeconds=1");
        let (head, body) = ask(address, "GET", &watch, OTHER_TOKEN, "").await;
        assert!(
            head.starts_with("http/1.1 200") && body.contains("ADDED"),
            "{head} {body}"
        );
    });
}

#[test]
fn a_request_ends_at_the_time_that_it_asks_for() {
    run(async {
        let address = serve(server(), Limits::default()).await;
        let target = format!("{MAPS}?timeout=abc");
        let (_, body) = ask(address, "GET", &target, TOKEN, "").await;
        let message =
            "invalid timeout specified in the request URL - time: invalid duration \"abc\"";
        assert_eq!(status_of(&body)["message"], message);
        // The body never comes.
        let target = format!("{MAPS}?timeout=20ms");
        let more = "connection: close\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
        let answer = talk(address, &head("POST", &target, TOKEN, more)).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 504"), "{head}");
        let status = status_of(body);
        assert_eq!(
            status["message"],
            "Timeout: request did not complete within the allotted timeout"
        );
        assert_eq!(
            (&status["reason"], &status["code"]),
            (&"Timeout".into(), &504.into())
        );
    });
}

#[test]
fn silent_connections_are_closed() {
    run(async {
        let hasty = Limits {
            // Long enough for a request of a machine that is busy.
            idle_timeout_ms: 500,
            header_timeout_ms: 500,
            ..Limits::default()
        };
        let address = serve(server(), hasty).await;
        assert_eq!(talk(address, "").await, "");
        // Half a request line, half the headers.
        talk(address, "GET /ap").await;
        talk(address, "GET /healthz HTTP/1.1\r\nhost: a\r\n").await;
        // One that was answered and kept open.
        let answer = talk(address, &head("GET", "/healthz", TOKEN, "")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // A watch is no silence: it goes on to its own end.
        let watch = format!("{MAPS}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true");
        let (_, body) = ask(address, "GET", &watch, TOKEN, "").await;
        assert!(body.contains("k8s.io/initial-events-end"), "{body}");
    });
}

#[test]
fn headers_and_targets_have_a_size() {
    run(async {
        let address = serve(server(), Limits::default()).await;
        let large = format!(
            "x-large: {}\r\nconnection: close\r\n",
            "y".repeat(2 * 1024 * 1024)
        );
        let answer = talk(address, &head("GET", "/healthz", TOKEN, &large)).await;
        assert!(
            answer.starts_with("HTTP/1.1 431"),
            "{}",
            &answer[..answer.len().min(200)]
        );
        let target = format!("/healthz?{}", "y".repeat(70_000));
        let answer = talk(
            address,
            &head("GET", &target, TOKEN, "connection: close\r\n"),
        )
        .await;
        assert!(
            answer.starts_with("HTTP/1.1 414"),
            "{}",
            &answer[..answer.len().min(200)]
        );
    });
}

#[test]
fn who_takes_nothing_for_too_long_is_cut_off() {
    run(async {
        let server = server();
        let hasty = Limits {
            stall_timeout_ms: 50,
            ..Limits::default()
        };
        // Filled by another door: a slow machine may stall a write for as long.
        let patient = serve(server.clone(), Limits::default()).await;
        let address = serve(server.clone(), hasty).await;
        for number in 0..100 {
            let object = json!({"metadata": {"name": format!("m{number}")}, "data": {"a": "x".repeat(200_000)}});
            let (head, _) = ask(patient, "POST", MAPS, TOKEN, &object.to_string()).await;
            assert!(head.starts_with("http/1.1 201"), "{head}");
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(head("GET", MAPS, TOKEN, "").as_bytes())
            .await
            .unwrap();
        // The answer has begun; now nothing is taken of it.
        stream.read_u8().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest).await;
        // Twenty megabytes were to come: the connection was given up before.
        assert!(
            ended.is_err() || rest.len() < 20_000_000,
            "{} bytes came",
            rest.len()
        );
    });
}
