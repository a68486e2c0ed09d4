//! What the embedded server does in a second, in the same process.
//!
//! `cargo bench -p trueup-apiserver` measures everything and prints one table.
//! `-- --only NAME` measures the cases whose name begins so, `-- --seconds N`
//! how long each is measured, `-- --operations N` a fixed number instead (for
//! counting instructions).

mod cases;
mod churn;
mod durable;
mod fan_out;
mod linear;
mod memory;
mod objects;
mod report;
mod start;

use report::{Options, Report};

/// The allocator that `trueup` runs with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let options = Options::read(std::env::args().skip(1));
    match options.child.as_deref() {
        Some("start") => return start::child(),
        Some("churn") => return churn::child(),
        Some("memory") => return memory::child(options.objects),
        _ => {}
    }
    let mut report = Report::new(options);
    cases::measure(&mut report);
    fan_out::measure(&mut report);
    durable::measure(&mut report);
    start::measure(&mut report);
    memory::measure(&mut report);
    churn::measure(&mut report);
    linear::measure(&mut report);
    report.finish();
}
