//! How long it takes until the first answer, in a process of its own.

use crate::objects::{send, server};
use crate::report::{Report, child as run_child};
use std::time::Instant;
use trueup_apiserver::core::{Identity, Request};

const STARTS: usize = 11;
const WANTED_MS: f64 = 50.0;

/// Opens a server and asks it one thing; prints the milliseconds.
pub fn child() {
    let begin = Instant::now();
    let server = server();
    let request = Request::new("GET", "/api/v1/namespaces/default");
    send(&server, &request, &Identity::admin());
    println!("{}", begin.elapsed().as_secs_f64() * 1e3);
}

pub fn measure(report: &mut Report) {
    let name = "start until the first answer";
    if !report.wants(name) {
        return;
    }
    let mut times: Vec<f64> = (0..STARTS).flat_map(|_| run_child("start", 0)).collect();
    times.sort_by(f64::total_cmp);
    let Some(median) = times.get(times.len() / 2) else {
        return;
    };
    let ratio = format!("{:.2}", median / WANTED_MS);
    let figure = format!("{median:.1} ms (least {:.1})", times[0]);
    report.row(name, times.len() as u64, figure, "< 50 ms", &ratio);
}
