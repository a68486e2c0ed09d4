//! Lines out of a body that comes in pieces.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

/// The longest line of a watch. The API's own limit of an object is a tenth.
pub const MAX_WATCH_LINE_BYTES: usize = 32 << 20;

/// Why no further line comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinesEnd {
    /// The server has closed the stream, or the connection has.
    Closed,
    /// The connection broke.
    Broken(String),
    /// A line was over [`MAX_WATCH_LINE_BYTES`].
    TooLong,
}

/// The lines of a body. Losing a future of [`Lines::next`] loses no bytes.
pub(crate) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer holds no newline for sure.
    searched: usize,
}

impl Lines {
    pub fn new(body: Body) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line that is not empty, without its end.
    pub async fn next(&mut self) -> Result<Bytes, LinesEnd> {
        loop {
            while let Some(line) = self.take_line() {
                if !line.is_empty() {
                    return Ok(line);
                }
            }
            if self.buffer.len() > MAX_WATCH_LINE_BYTES {
                return Err(LinesEnd::TooLong);
            }
            match self.body.frame().await {
                None => return Err(LinesEnd::Closed),
                Some(Err(error)) => return Err(LinesEnd::Broken(error.to_string())),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let Some(offset) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + offset + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        Some(line.freeze())
    }
}
