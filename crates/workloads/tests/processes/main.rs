//! The process node with real processes, on the embedded API server. This
//! program is also the supervisor, the web server that the Pods run, and a
//! node that can be killed: its first argument says which.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod faults;
mod life;
mod node;
mod place;
mod serve;
mod traffic;

use libtest_mimic::{Arguments, Trial};
use std::future::Future;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// The modes of this program; no filter of tests looks so.
const SUPERVISE: &str = "as-supervisor";
const SERVE: &str = "as-server";
const NODE: &str = "as-node";

fn main() -> ExitCode {
    let mode = std::env::args().nth(1);
    match mode.as_deref() {
        Some(SUPERVISE) => trueup_workloads::process::supervise(),
        Some(SERVE) => serve::run(),
        Some(NODE) => runtime().block_on(node::run()),
        _ => run_tests(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A test with a runtime of its own.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    Trial::test(name, move || {
        runtime().block_on(test());
        Ok(())
    })
}

fn run_tests() -> ExitCode {
    let tests = [
        life::tests(),
        traffic::tests(),
        faults::tests(),
        node::tests(),
    ];
    let tests = tests.into_iter().flatten().collect();
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, tests).exit_code()
}
