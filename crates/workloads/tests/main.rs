//! Tests of the decisions on a small world without a server, and of the
//! shell on the embedded one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod adoption;
mod deployments;
mod jobs;
mod others;
mod pods;
mod schedules;
mod sets;
mod traffic;
mod whole;
mod world;
