//! How a conversation reaches a server.

use bytes::Bytes;
use futures::stream::BoxStream;
use std::future::Future;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The administrator: the transport adds what proves it.
    Administrator,
    /// Whoever the request's own headers say.
    Other,
}

/// The body of an answer as it comes.
pub type Chunks = BoxStream<'static, Result<Bytes, TransportError>>;

/// A request that got no answer, or half of one.
#[derive(Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub struct TransportError(pub String);

/// A server to talk to.
pub trait Transport {
    /// Sends a request. The answer is there when its headers are; its body
    /// follows.
    fn call(
        &self,
        caller: Caller,
        request: http::Request<Bytes>,
    ) -> impl Future<Output = Result<http::Response<Chunks>, TransportError>>;
}
