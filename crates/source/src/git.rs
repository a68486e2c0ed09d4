//! Git over HTTP(S) into bare mirrors.

mod address;
mod commit;
mod fetcher;
mod http;
mod mirror;
mod packet;
mod protocol;
mod reference;
mod remote;
mod repository;
mod tls;
mod transport;
mod tree;

pub use fetcher::{GitFetcher, GitFetcherOptions};
pub(crate) use reference::{RemoteReference, Target};
