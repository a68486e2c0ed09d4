//! Creates that wait for the disk, beside what the disk needs for a sync.

use crate::objects::{CONFIG_MAPS, config_map};
use crate::report::{Report, grouped};
use http_body_util::{BodyExt, Full};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tower::Service;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, ServerOptions};
use trueup_apiserver::storage::{LogStorage, Sync};
use trueup_object::to_json;

const SYNCS: u32 = 50;

pub fn measure(report: &mut Report) {
    if !report.wants("durable") {
        return;
    }
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let sync = sync_seconds(folder.path());
    let figure = format!("{:.2} ms", sync * 1e3);
    report.row(
        "durable: write 4 KiB and sync",
        SYNCS.into(),
        figure,
        "",
        "",
    );
    for (sync, word) in [(Sync::Disk, "synced"), (Sync::System, "not synced")] {
        for (writers, count) in [(1, 200), (64, 8000)] {
            let path = folder.path().join(format!("{word}-{writers}.log"));
            let seconds = creates(&path, sync, writers, count);
            let figure = format!(
                "{} /s ({:.2} ms each)",
                grouped(count as f64 / seconds),
                seconds * 1e3 * f64::from(writers) / count as f64
            );
            let name = format!("durable: create ConfigMap, {word}, {writers} at once");
            report.row(&name, count, figure, "", "");
        }
    }
}

/// What the disk needs to keep one page.
fn sync_seconds(folder: &Path) -> f64 {
    let page = [7u8; 4096];
    let written = std::fs::File::create(folder.join("sync")).and_then(|mut file| {
        let begin = Instant::now();
        for _ in 0..SYNCS {
            file.write_all(&page)?;
            file.sync_data()?;
        }
        Ok(begin.elapsed().as_secs_f64())
    });
    written.unwrap_or(f64::NAN) / f64::from(SYNCS)
}

fn creates(path: &Path, sync: Sync, writers: u32, count: u64) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let storage = LogStorage::open(path, sync).expect("a new file can be made");
    let server = ApiServer::open(storage, ServerOptions::default()).expect("it is empty");
    let next = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    runtime.block_on(async {
        let writers: Vec<_> = (0..writers)
            .map(|_| tokio::spawn(write(server.clone(), next.clone(), count)))
            .collect();
        for writer in writers {
            let _ = writer.await;
        }
    });
    begin.elapsed().as_secs_f64()
}

async fn write(server: ApiServer, next: Arc<AtomicU64>, count: u64) {
    let mut service = server.service(Identity::admin());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let body = to_json(&config_map(&format!("made-{number}")));
        let request = http::Request::post(CONFIG_MAPS)
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(body)))
            .expect("a path is a target");
        let Ok(answer) = service.call(request).await;
        assert_eq!(answer.status(), 201);
        drop(answer.into_body().collect().await);
    }
}
