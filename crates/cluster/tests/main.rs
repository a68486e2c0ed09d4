//! Tests of the client against a scripted server, on a thread whose clock
//! jumps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod discovery;
mod embedded;
mod errors;
mod faults;
mod kubeconfigs;
mod lease;
mod list;
mod live;
mod pace;
mod requests;
mod script;
mod tenure;
mod tls;
mod watch;
