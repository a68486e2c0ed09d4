//! The gateway on real sockets, with the embedded API as its cluster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod routes;
mod world;
