//! The whole loop in virtual time: controllers against the embedded API and a
//! Git in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod attacks;
mod bad_input;
mod bad_sources;
mod building;
mod canaries;
mod canary_bad_input;
mod canary_cluster;
mod canary_endpoints;
mod canary_of_others;
mod canary_outside;
mod canary_routers;
mod canary_targets;
mod canary_tenancy;
mod canary_watches;
mod canary_world;
mod cost;
mod definitions;
mod deleting;
mod drift;
mod elsewhere;
mod elsewhere_world;
mod ending;
mod external;
mod forbidden_watches;
mod forgetting;
mod history;
mod judging;
mod leading;
mod remote_bases;
mod safety;
mod secrecy;
mod simulation;
mod tenancy;
mod turns;
mod unreadable;
mod whole_loop;
mod world;
