//! Single requests, in memory.

use crate::objects::{
    CONFIG_MAPS, DEPLOYMENTS, apply, config_map, create, deployment, send, server,
};
use crate::report::Report;
use http_body_util::BodyExt;
use tower::Service;
use trueup_apiserver::core::{Identity, Request};
use trueup_object::Value;

const LISTED: u64 = 10_000;
const HELD: u64 = 1000;

pub fn measure(report: &mut Report) {
    creates(report);
    applies(report);
    gets(report);
    lists(report);
}

fn creates(report: &mut Report) {
    if !report.wants("create") {
        return;
    }
    let (server, admin) = (server(), Identity::admin());
    report.rate("create ConfigMap", None, |number| {
        let name = format!("made-{number}");
        send(&server, &create(CONFIG_MAPS, &config_map(&name)), &admin);
    });
    report.rate("create Deployment", None, |number| {
        let name = format!("made-{number}");
        send(&server, &create(DEPLOYMENTS, &deployment(&name)), &admin);
    });
}

fn applies(report: &mut Report) {
    no_ops(
        report,
        "no-op apply ConfigMap",
        10_000.0,
        CONFIG_MAPS,
        config_map,
    );
    no_ops(
        report,
        "no-op apply Deployment",
        4000.0,
        DEPLOYMENTS,
        deployment,
    );
    changes(
        report,
        "changing apply ConfigMap",
        CONFIG_MAPS,
        config_map,
        &["data", "a"],
    );
    let label = ["metadata", "labels", "app"];
    changes(
        report,
        "changing apply Deployment",
        DEPLOYMENTS,
        deployment,
        &label,
    );
}

fn no_ops(
    report: &mut Report,
    name: &str,
    wanted: f64,
    collection: &str,
    object: fn(&str) -> Value,
) {
    if !report.wants(name) {
        return;
    }
    let (server, admin) = (server(), Identity::admin());
    let request = |number: u64| {
        let name = format!("held-{number}");
        apply(collection, &name, &object(&name))
    };
    let requests: Vec<Request> = (0..HELD).map(request).collect();
    for request in &requests {
        send(&server, request, &admin);
    }
    let before = server.core().store().revision();
    let pick = |number: u64| &requests[(number % HELD) as usize];
    report.rate(&format!("{name}, a new text"), Some(wanted), |number| {
        send(&server, &spelled_anew(pick(number), number), &admin);
    });
    for request in &requests {
        send(&server, request, &admin);
    }
    report.rate(&format!("{name}, the same text"), Some(wanted), |number| {
        send(&server, pick(number), &admin);
    });
    assert_eq!(
        server.core().store().revision(),
        before,
        "a no-op was written"
    );
}

/// The same configuration in a text that was never sent: blanks at its end.
fn spelled_anew(request: &Request, number: u64) -> Request {
    let mut body = request.body.to_vec();
    body.extend((0..u64::BITS).map(|bit| if number >> bit & 1 == 1 { b' ' } else { b'\n' }));
    let mut request = request.clone();
    request.body = body.into();
    request
}

fn changes(
    report: &mut Report,
    name: &str,
    collection: &str,
    object: fn(&str) -> Value,
    path: &[&str],
) {
    if !report.wants(name) {
        return;
    }
    let (server, admin) = (server(), Identity::admin());
    report.rate(name, None, |number| {
        let name = format!("held-{}", number % HELD);
        let mut object = object(&name);
        object.set_at(path, format!("value-{number}").into());
        send(&server, &apply(collection, &name, &object), &admin);
    });
}

fn gets(report: &mut Report) {
    if !report.wants("get") {
        return;
    }
    let (server, admin) = (server(), Identity::admin());
    let names: Vec<String> = (0..HELD).map(|number| format!("held-{number}")).collect();
    for name in &names {
        send(&server, &create(CONFIG_MAPS, &config_map(name)), &admin);
    }
    let targets: Vec<String> = names
        .iter()
        .map(|name| format!("{CONFIG_MAPS}/{name}"))
        .collect();
    report.rate("get ConfigMap", Some(100_000.0), |number| {
        let target = &targets[(number % HELD) as usize];
        send(&server, &Request::new("GET", target), &admin);
    });
    let service = server.service(admin.clone());
    let runtime = runtime();
    report.rate("get ConfigMap as a client of http", None, |number| {
        let request = http::Request::get(&targets[(number % HELD) as usize])
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .expect("a path is a target");
        runtime.block_on(async {
            let Ok(answer) = service.clone().call(request).await;
            let body = answer.into_body().collect().await.map(|it| it.to_bytes());
            assert!(body.is_ok_and(|body| body.len() > 1024));
        });
    });
}

/// A runtime whose work is done by whoever waits for it.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

fn lists(report: &mut Report) {
    if !report.wants("list") {
        return;
    }
    let (server, admin) = (server(), Identity::admin());
    for number in 0..LISTED {
        let mut object = config_map(&format!("held-{number}"));
        let label = format!("group-{}", number % 100);
        object.set_at(&["metadata", "labels", "group"], label.into());
        send(&server, &create(CONFIG_MAPS, &object), &admin);
    }
    for (name, query) in [
        ("list 10,000", ""),
        ("list 500 of 10,000", "?limit=500"),
        (
            "list 100 of 10,000 by label",
            "?labelSelector=group%3Dgroup-7",
        ),
        (
            "list 1 of 10,000 by name",
            "?fieldSelector=metadata.name%3Dheld-77",
        ),
    ] {
        let request = Request::new("GET", &format!("{CONFIG_MAPS}{query}"));
        report.rate(name, None, |_| {
            send(&server, &request, &admin);
        });
    }
    let mut table = Request::new("GET", CONFIG_MAPS);
    table.accept = Some("application/json;as=Table;v=v1;g=meta.k8s.io".to_owned());
    report.rate("list 10,000 as a Table", None, |_| {
        send(&server, &table, &admin);
    });
}
