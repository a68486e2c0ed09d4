//! What an object takes in memory, in a process of its own.

use crate::objects::{CONFIG_MAPS, config_map, create, send, server};
use crate::report::{Report, child as run_child, grouped};
use std::time::Instant;
use trueup_apiserver::core::{Identity, Request};

const DATA_BYTES: f64 = 1024.0;
const FEW: usize = 1000;
const PAGE_BYTES: f64 = 4096.0;

/// Makes many ConfigMaps of 1 KiB. Prints the resident bytes before, after
/// making them, after reading each; then creates per second in the first and
/// in the last tenth.
pub fn child(objects: usize) {
    let (server, admin) = (server(), Identity::admin());
    let empty = resident_bytes();
    let mut tenths = Vec::new();
    let mut begin = Instant::now();
    for number in 0..objects {
        let object = config_map(&format!("held-{number}"));
        send(&server, &create(CONFIG_MAPS, &object), &admin);
        if (number + 1).is_multiple_of((objects / 10).max(1)) {
            tenths.push(objects as f64 / 10.0 / begin.elapsed().as_secs_f64());
            begin = Instant::now();
        }
    }
    let made = resident_bytes();
    for number in 0..objects {
        let target = format!("{CONFIG_MAPS}/held-{number}");
        send(&server, &Request::new("GET", &target), &admin);
    }
    let read = resident_bytes();
    let (first, last) = (tenths.first(), tenths.last());
    println!(
        "{empty} {made} {read} {} {}",
        first.unwrap_or(&0.0),
        last.unwrap_or(&0.0)
    );
}

/// The resident memory of this process; 0 where it can't be told.
pub fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse::<f64>().ok());
    pages.unwrap_or(0.0) * PAGE_BYTES
}

pub fn measure(report: &mut Report) {
    if !report.wants("memory") {
        return;
    }
    if let [_, made, ..] = run_child("memory", FEW)[..] {
        let mebibytes = made / 1024.0 / 1024.0;
        let ratio = format!("{:.2}", mebibytes / 60.0);
        let figure = format!("{mebibytes:.1} MiB");
        report.row(
            "memory of the process with 1,000 ConfigMaps",
            FEW as u64,
            figure,
            "< 60 MiB",
            &ratio,
        );
    }
    let objects = report.options.objects;
    let [empty, made, read, first, last] = run_child("memory", objects)[..] else {
        return;
    };
    for (name, bytes) in [("made", made), ("made and read", read)] {
        let overhead = (bytes - empty) / objects as f64 - DATA_BYTES;
        report.row(
            &format!("memory over the data of a ConfigMap of 1 KiB, {name}"),
            objects as u64,
            format!("{} bytes", grouped(overhead)),
            "< 3,072",
            &format!("{:.2}", overhead / 3072.0),
        );
    }
    let figure = format!("{} /s, then {} /s", grouped(first), grouped(last));
    let ratio = format!("{:.2}", last / first);
    report.row(
        "memory: creates in the first and the last tenth",
        objects as u64,
        figure,
        "linear",
        &ratio,
    );
}
