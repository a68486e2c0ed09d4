//! Whether a long run of creates, updates and deletes leaves memory behind,
//! in a process of its own.

use crate::memory::resident_bytes;
use crate::objects::{CONFIG_MAPS, apply, config_map, create, send, server};
use crate::report::{Report, child as run_child, grouped};
use trueup_apiserver::core::{Identity, Request};

/// Objects that are there all the time.
const HELD: usize = 1000;
/// Rounds until the history, which is bounded, is full.
const WARM: usize = 20_000;
/// Rounds that are measured: each creates, changes and deletes an object.
const ROUNDS: usize = 200_000;
/// How many objects of the churn are there at once.
const ALIVE: usize = 100;

/// Prints the resident bytes when the history has filled up, and at the end.
pub fn child() {
    let (server, admin) = (server(), Identity::admin());
    for number in 0..HELD {
        let object = config_map(&format!("held-{number}"));
        send(&server, &create(CONFIG_MAPS, &object), &admin);
    }
    let round = |number: usize| {
        let name = format!("churn-{number}");
        let mut object = config_map(&name);
        send(&server, &create(CONFIG_MAPS, &object), &admin);
        object.set_at(&["data", "a"], name.as_str().into());
        send(&server, &apply(CONFIG_MAPS, &name, &object), &admin);
        if let Some(old) = number.checked_sub(ALIVE) {
            let target = format!("{CONFIG_MAPS}/churn-{old}");
            send(&server, &Request::new("DELETE", &target), &admin);
        }
        if number.is_multiple_of(1000) {
            server.housekeeping(server.clock().now());
        }
    };
    (0..WARM).for_each(round);
    let before = resident_bytes();
    (WARM..WARM + ROUNDS).for_each(round);
    println!("{before} {}", resident_bytes());
}

pub fn measure(report: &mut Report) {
    if !report.wants("churn") {
        return;
    }
    let [before, after] = run_child("churn", 0)[..] else {
        return;
    };
    let mebibytes = |bytes: f64| bytes / 1024.0 / 1024.0;
    report.row(
        &format!(
            "churn: {} objects created, changed, deleted; resident before and after",
            grouped(ROUNDS as f64)
        ),
        ROUNDS as u64,
        format!("{:.1} MiB, {:.1} MiB", mebibytes(before), mebibytes(after)),
        "the same",
        &format!("{:.2}", after / before),
    );
}
