//! The machine against a small world in memory.

mod cases;
mod schedules;
mod shell;
mod units;
mod workload;
mod world;
