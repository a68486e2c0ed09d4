//! The machine against a small world in memory.

mod cases;
mod edges;
mod endpoints;
mod fixture;
mod interruptions;
mod laws;
mod random;
mod schedules;
mod script;
mod shell;
mod units;
mod workload;
mod world;
