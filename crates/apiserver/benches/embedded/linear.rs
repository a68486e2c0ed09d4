//! What one operation costs among 1,000, 10,000 and 100,000 objects.

use crate::objects::{CONFIG_MAPS, apply, config_map, create, send, server};
use crate::report::{Report, thread_nanos};
use http_body_util::BodyExt;
use tower::Service;
use trueup_apiserver::core::{Identity, Request};
use trueup_apiserver::edge::ApiServer;

const SIZES: [usize; 3] = [1000, 10_000, 100_000];
/// Operations of a batch; of the batches the median is told.
const BATCH: usize = 200;
const BATCHES: usize = 9;
const OPERATIONS: [&str; 7] = [
    "create",
    "get",
    "no-op apply",
    "changing apply",
    "watch: a change until it is read",
    "list, for each object",
    "delete",
];

pub fn measure(report: &mut Report) {
    if !report.wants("linear") {
        return;
    }
    let columns: Vec<Vec<f64>> = SIZES
        .iter()
        .filter(|size| **size <= report.options.objects)
        .map(|size| among(*size))
        .collect();
    for (number, operation) in OPERATIONS.iter().enumerate() {
        let figures: Vec<f64> = columns.iter().map(|column| column[number]).collect();
        let (Some(first), Some(last)) = (figures.first(), figures.last()) else {
            return;
        };
        let shown: Vec<String> = figures.iter().map(|it| format!("{it:.2}")).collect();
        report.row(
            &format!("linear: {operation}, µs of a processor"),
            (BATCH * BATCHES) as u64,
            shown.join(", "),
            "as with few",
            &format!("{:.2}", last / first),
        );
    }
}

/// The microseconds of each operation among so many objects.
fn among(size: usize) -> Vec<f64> {
    let (server, admin) = (server(), Identity::admin());
    let put = |name: &str| {
        send(&server, &create(CONFIG_MAPS, &config_map(name)), &admin);
    };
    (0..size - BATCH * BATCHES / 2).for_each(|number| put(&format!("held-{number}")));
    let made = |number: usize| format!("made-{number}");
    let held = |number: usize| format!("held-{}", number * 7919 % (size / 2 - BATCH));
    // Each is known to `bench` and settled before a no-op is measured.
    for number in 0..BATCH * BATCHES {
        let name = held(number);
        send(
            &server,
            &apply(CONFIG_MAPS, &name, &config_map(&name)),
            &admin,
        );
    }
    let creates = median(|number| put(&made(number)));
    let gets = median(|number| {
        let target = format!("{CONFIG_MAPS}/{}", held(number));
        send(&server, &Request::new("GET", &target), &admin);
    });
    let no_ops = median(|number| {
        let name = held(number);
        send(
            &server,
            &apply(CONFIG_MAPS, &name, &config_map(&name)),
            &admin,
        );
    });
    let changes = median(|number| change(&server, &held(number), number));
    let watched = watch(&server, &held);
    let lists = list(&server, size);
    let deletes = median(|number| {
        let target = format!("{CONFIG_MAPS}/{}", made(number));
        send(&server, &Request::new("DELETE", &target), &admin);
    });
    vec![creates, gets, no_ops, changes, watched, lists, deletes]
}

fn change(server: &ApiServer, name: &str, number: usize) {
    let mut object = config_map(name);
    object.set_at(&["data", "a"], format!("value-{number}").into());
    let request = apply(CONFIG_MAPS, name, &object);
    send(server, &request, &Identity::admin());
}

/// Changes under the eyes of a watcher on the same thread.
fn watch(server: &ApiServer, held: &impl Fn(usize) -> String) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let revision = server.core().store().revision();
    let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={revision}");
    let request = http::Request::get(target)
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .expect("a path is a target");
    let mut service = server.service(Identity::admin());
    let Ok(answer) = runtime.block_on(service.call(request));
    let mut body = answer.into_body();
    median(|number| {
        change(server, &held(number), BATCH * BATCHES + number);
        let frame = runtime.block_on(body.frame());
        assert!(frame.is_some_and(|frame| frame.is_ok()), "an event came");
    })
}

/// Microseconds for each object of one whole list.
fn list(server: &ApiServer, size: usize) -> f64 {
    let request = Request::new("GET", CONFIG_MAPS);
    let mut figures: Vec<f64> = (0..3)
        .map(|_| {
            let before = thread_nanos();
            send(server, &request, &Identity::admin());
            (thread_nanos() - before) as f64 / 1e3 / size as f64
        })
        .collect();
    middle(&mut figures)
}

/// The median over batches of the microseconds of one operation.
fn median(mut operation: impl FnMut(usize)) -> f64 {
    let mut figures = Vec::new();
    for batch in 0..BATCHES {
        let before = thread_nanos();
        (0..BATCH).for_each(|number| operation(batch * BATCH + number));
        figures.push((thread_nanos() - before) as f64 / 1e3 / BATCH as f64);
    }
    middle(&mut figures)
}

fn middle(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
