//! Watchers that don't read while others write.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

#[allow(dead_code, reason = "the other tests use more of it")]
mod support;

use crate::support::{TOKEN, options, run};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use trueup_apiserver::core::store::{HISTORY_EVENTS, Write};
use trueup_apiserver::core::{GroupResource, ObjectKey};
use trueup_apiserver::edge::{ApiServer, Limits};
use trueup_apiserver::storage::MemoryStorage;
use trueup_object::value;

const CHANGES: u64 = 100_000;
const WATCHERS: usize = 20;
/// What the process may grow by: buffered for each watcher, the changes would
/// take two gigabytes.
const MAX_GROWTH_KIB: u64 = 200 * 1024;

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Changes one object over and over.
fn change(server: &ApiServer, times: u64) -> u64 {
    let maps = GroupResource {
        group: "".into(),
        plural: "configmaps".into(),
    };
    let key = ObjectKey {
        namespace: "default".into(),
        name: "busy".into(),
    };
    let store = server.core().store();
    let mut expected = store.get(&maps, "default", "busy").map(|it| it.revision);
    let fill = "x".repeat(1000);
    for count in 0..times {
        let object = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "busy", "namespace": "default"},
            "data": {"count": (count.to_string()), "fill": (fill.clone())}
        });
        let stored = store
            .write(&maps, &key, expected, Write::Put(object))
            .unwrap();
        expected = Some(stored.revision);
    }
    expected.unwrap_or(0)
}

async fn watch(address: std::net::SocketAddr, from: u64) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/namespaces/default/configmaps?watch=true&resourceVersion={from} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line).await.unwrap();
    }
    lines
}

/// Reads events until one is an error or the last change was seen; gives the
/// last revision and the error.
async fn read_on(mut lines: BufReader<TcpStream>, last: u64) -> (u64, Option<Value>) {
    let mut seen = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await.unwrap() == 0 {
            return (seen, None);
        }
        // The sizes of chunks stand between the events.
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let Some(object) = event.get("object") else {
            continue;
        };
        if event["type"] == "ERROR" {
            return (seen, Some(object.clone()));
        }
        let revision: u64 = object["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(revision > seen, "events are in order");
        seen = revision;
        if seen == last {
            return (seen, None);
        }
    }
}

#[test]
fn watchers_that_do_not_read_cost_no_memory_and_are_told_to_list_again() {
    run(async {
        let server = ApiServer::open(MemoryStorage, options()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = server.clone();
        // The watchers are to be ended for what they missed, not for stalling.
        let patient = Limits {
            stall_timeout_ms: 3_600_000,
            ..Limits::default()
        };
        tokio::spawn(async move {
            serving
                .serve_plain(listener, patient, std::future::pending())
                .await
                .unwrap();
        });
        let from = change(&server, 1);
        let mut watchers = Vec::new();
        for _ in 0..WATCHERS {
            watchers.push(watch(address, from).await);
        }
        let before = resident_kib();
        let writer = server.clone();
        let last = tokio::task::spawn_blocking(move || change(&writer, CHANGES))
            .await
            .unwrap();
        if let (Some(before), Some(after)) = (before, resident_kib()) {
            let grown = after.saturating_sub(before);
            assert!(
                grown < MAX_GROWTH_KIB,
                "the process has grown by {grown} KiB"
            );
        }
        let mut told = 0;
        for watcher in watchers {
            let (seen, error) = read_on(watcher, last).await;
            let Some(error) = error else {
                assert_eq!(
                    seen, last,
                    "a watch ends with the last change or with an error"
                );
                continue;
            };
            assert_eq!(
                (&error["code"], &error["reason"]),
                (&410.into(), &"Expired".into()),
                "{error}"
            );
            told += 1;
            // A client that is told goes on from a fresh list; one from where
            // it was is told at once.
            let (_, again) = read_on(watch(address, seen.max(from)).await, last).await;
            assert_eq!(again.unwrap()["code"], 410);
        }
        assert!(
            told > 0,
            "{CHANGES} changes are more than {HISTORY_EVENTS} and the sockets hold"
        );
        let (seen, error) = read_on(watch(address, last - 10).await, last).await;
        assert_eq!((seen, error), (last, None));
    });
}
