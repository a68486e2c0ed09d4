//! Git over HTTP(S) into bare mirrors.

mod commit;
mod fetcher;
mod http;
mod mirror;
mod packet;
mod protocol;
mod reference;
mod tls;
mod transport;
mod tree;

pub use fetcher::{GitFetcher, GitFetcherOptions};
pub(crate) use reference::{RemoteReference, Target};
