//! Git over HTTP(S) into bare mirrors.

mod address;
mod commit;
mod fetcher;
mod http;
mod local;
mod mirror;
mod names;
mod packet;
mod protocol;
mod reference;
mod remote;
mod repository;
mod tls;
mod transport;
mod tree;

pub(crate) use address::redacted;
pub use fetcher::{GitFetcher, GitFetcherOptions};
pub(crate) use http::{broken, builder_with, client, client_with};
pub use local::open_local;
pub(crate) use reference::{RemoteReference, Target};
