//! The API server as its users see it: by a client in the same process, by
//! `kubectl` over TLS, across kills, and by recorded conversations.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

mod durability;
mod housekeeping;
mod in_process;
mod kubectl;
mod recorded;
mod rights;
mod support;
