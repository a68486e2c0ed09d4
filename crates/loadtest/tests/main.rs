//! The generator and the server on loopback, with gates on the embedded API.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

mod answering;
mod generating;
mod serving;
