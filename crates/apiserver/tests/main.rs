//! The API server as its users see it: by a client in the same process, by
//! `kubectl` over TLS, and across kills. The crate `replay` plays recorded
//! conversations with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

mod durability;
mod hostile_rules;
mod housekeeping;
mod in_process;
mod kube_runtime;
mod kubectl;
mod limits;
mod place;
mod python;
mod rights;
mod support;
