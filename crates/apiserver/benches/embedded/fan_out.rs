//! One change to many watchers.

use crate::objects::{CONFIG_MAPS, apply, config_map, create, send, server};
use crate::report::{Report, grouped};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Notify;
use tower::Service;
use trueup_apiserver::core::Identity;

const WATCHERS: usize = 1000;
const CHANGES: usize = 200;

/// Counts what arrives, and tells when every watcher has one more.
#[derive(Default)]
struct Arrivals {
    count: AtomicUsize,
    all: Notify,
}

pub fn measure(report: &mut Report) {
    let name = "fan-out of a change to 1,000 watchers";
    if !report.wants(name) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let seconds = runtime.block_on(fan_out());
    let each = seconds / CHANGES as f64;
    let figure = format!(
        "{:.2} ms, {} events/s",
        each * 1e3,
        grouped(WATCHERS as f64 / each)
    );
    report.row(name, (WATCHERS * CHANGES) as u64, figure, "", "");
}

async fn fan_out() -> f64 {
    let (server, admin) = (server(), Identity::admin());
    send(
        &server,
        &create(CONFIG_MAPS, &config_map("watched")),
        &admin,
    );
    let revision = server.core().store().revision();
    let arrivals = Arc::new(Arrivals::default());
    for _ in 0..WATCHERS {
        let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={revision}");
        let request = http::Request::get(target)
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .expect("a path is a target");
        let Ok(answer) = server.service(admin.clone()).call(request).await;
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            let mut body = answer.into_body();
            while body.frame().await.is_some() {
                if (arrivals.count.fetch_add(1, Ordering::AcqRel) + 1).is_multiple_of(WATCHERS) {
                    arrivals.all.notify_one();
                }
            }
        });
    }
    tokio::task::yield_now().await;
    let begin = Instant::now();
    for change in 0..CHANGES {
        let mut object = config_map("watched");
        object.set_at(&["data", "a"], change.to_string().into());
        send(&server, &apply(CONFIG_MAPS, "watched", &object), &admin);
        arrivals.all.notified().await;
    }
    begin.elapsed().as_secs_f64()
}
