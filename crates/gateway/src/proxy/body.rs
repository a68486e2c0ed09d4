//! Bodies on their way through.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long either side may send nothing of a body that has begun.
pub const STALL_TIMEOUT_MS: u64 = 60_000;

/// A body: of ours, or passed on as it comes.
#[derive(Debug)]
pub(crate) enum Passing {
    /// All of it is here.
    Whole(Full<Bytes>),
    /// It comes from the other side.
    Streamed(Patient),
}

/// A body that ends with an error when nothing of it comes for too long.
#[derive(Debug)]
pub(crate) struct Patient {
    body: Incoming,
    patience: Pin<Box<Sleep>>,
}

/// Why a body ended before its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The other side broke it off.
    Broken(hyper::Error),
    /// The other side sent nothing for too long.
    Stalled,
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(formatter, "the body was broken off: {error}"),
            Self::Stalled => write!(
                formatter,
                "the body did not go on for {STALL_TIMEOUT_MS} ms"
            ),
        }
    }
}

impl std::error::Error for BodyError {}

impl Passing {
    pub(crate) fn text(text: &str) -> Self {
        Self::whole(Bytes::copy_from_slice(text.as_bytes()))
    }

    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }

    pub(crate) fn streamed(body: Incoming) -> Self {
        let patience = Box::pin(sleep(Duration::from_millis(STALL_TIMEOUT_MS)));
        Self::Streamed(Patient { body, patience })
    }
}

impl Patient {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let again = Instant::now() + Duration::from_millis(STALL_TIMEOUT_MS);
            self.patience.as_mut().reset(again);
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(Some(Err(BodyError::Stalled)))
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Streamed(body) => body.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Streamed(body) => body.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Streamed(body) => body.body.size_hint(),
        }
    }
}
