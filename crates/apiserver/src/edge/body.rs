//! The body of an answer as `http_body` wants it.

use super::watch::WatchBody;
use bytes::Bytes;
use futures::Stream;
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A whole body or a stream of events.
#[derive(Debug)]
pub struct Body(Inner);

#[derive(Debug)]
enum Inner {
    Full(Option<Bytes>),
    Watch(Box<WatchBody>),
}

impl Body {
    /// A body that is there already.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        Self(Inner::Full(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// Ends a watch when `shutdown` is done; a whole body stays as it is.
    pub fn end_at(&mut self, shutdown: impl Future<Output = ()> + Send + 'static) {
        if let Inner::Watch(watch) = &mut self.0 {
            watch.end_at(shutdown);
        }
    }

    /// The events of a watch.
    #[must_use]
    pub fn watch(watch: Box<WatchBody>) -> Self {
        Self(Inner::Watch(watch))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Inner::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Watch(watch) => {
                let chunk = futures::ready!(Pin::new(watch.as_mut()).poll_next(context));
                Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Full(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Full(None) => SizeHint::with_exact(0),
            Inner::Watch(_) => SizeHint::default(),
        }
    }
}
