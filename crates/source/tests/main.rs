//! The fetcher against real `git` behind a small smart-HTTP server, and the
//! store on a real disk.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod elsewhere;
mod fetching;
mod fixture;
mod hostile;
mod memory;
mod sending;
mod storing;
