//! A server for one test.

use std::future::Future;
use trueup_apiserver::core::{Identity, Request};
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{ApiServer, Clock, ReplyBody, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_object::{Value, from_json, to_json};

pub const TOKEN: &str = "test-token";
pub const START: &str = "2026-01-01T00:00:00Z";

/// Options with a fixed seed and one administrator's token.
pub fn options() -> ServerOptions {
    let mut options = ServerOptions {
        tokens: vec![StaticToken {
            token: TOKEN.to_owned(),
            identity: Identity::admin(),
        }],
        ..ServerOptions::default()
    };
    options.core.seed = Some(1);
    options
}

/// A server in memory whose clock stands still.
pub fn still_server() -> ApiServer {
    let clock = Clock::new(|| START.parse().unwrap());
    ApiServer::open(MemoryStorage, ServerOptions { clock, ..options() }).unwrap()
}

/// A server in memory.
pub fn server() -> ApiServer {
    ApiServer::open(MemoryStorage, options()).unwrap()
}

pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// Sends a request without HTTP: status and body.
pub fn send(
    server: &ApiServer,
    identity: &Identity,
    method: &str,
    target: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = Request::new(method, target);
    request.user_agent = Some("test/1.0".to_owned());
    if let Some(body) = body {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        request = request.with_body(content_type, to_json(&body));
    }
    let reply = server.handle(&request, identity, server.clock().now());
    let ReplyBody::Full(bytes) = reply.body else {
        panic!("a watch")
    };
    (reply.status.as_u16(), from_json(&bytes).unwrap_or_default())
}

/// The same as the administrator, who must succeed.
pub fn admin(server: &ApiServer, method: &str, target: &str, body: Option<Value>) -> Value {
    let (status, answer) = send(server, &Identity::admin(), method, target, body);
    assert!(status < 300, "{method} {target}: {status} {answer:?}");
    answer
}

/// The status that a read by the administrator gives.
pub fn status(server: &ApiServer, target: &str) -> u16 {
    send(server, &Identity::admin(), "GET", target, None).0
}
