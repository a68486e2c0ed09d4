//! Real `git` against the server over the loopback.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod access;
mod client;
mod fetch;
mod fixture;
mod push;
