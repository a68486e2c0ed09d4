//! Git's packet lines: four hexadecimal digits of length, then the content.

use std::borrow::Cow;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::Failure;

/// The longest packet that Git sends.
const MAX_PACKET_BYTES: usize = 65_520;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of an answer.
    ResponseEnd,
    /// Content.
    Data(Bytes),
}

impl Packet {
    /// The content without a final newline, if it is text.
    pub(crate) fn line(&self) -> Option<&str> {
        let Packet::Data(data) = self else {
            return None;
        };
        let text = std::str::from_utf8(data).ok()?;
        Some(text.strip_suffix('\n').unwrap_or(text))
    }

    /// The content as [`Packet::line`], with a mark for what is no UTF-8: the
    /// names of references need not be.
    pub(crate) fn any_line(&self) -> Option<Cow<'_, str>> {
        let Packet::Data(data) = self else {
            return None;
        };
        Some(String::from_utf8_lossy(
            data.strip_suffix(b"\n").unwrap_or(data),
        ))
    }
}

/// Adds a line as one packet.
pub(crate) fn push_line(output: &mut Vec<u8>, line: &str) {
    let length = line.len() + 5;
    output.extend_from_slice(format!("{length:04x}{line}\n").as_bytes());
}

/// Adds the end of a message.
pub(crate) fn push_flush(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0000");
}

/// Adds the end of a section.
pub(crate) fn push_delimiter(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0001");
}

/// Takes the first packet off `buffer`; `None` if more bytes are needed.
pub(crate) fn take_packet(buffer: &mut BytesMut) -> Result<Option<Packet>, Failure> {
    let Some(prefix) = buffer.get(..4) else {
        return Ok(None);
    };
    let length = std::str::from_utf8(prefix)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Failure::protocol("the answer is not in Git's packet format"))?;
    let packet = match length {
        0 => Packet::Flush,
        1 => Packet::Delimiter,
        2 => Packet::ResponseEnd,
        3 => return Err(Failure::protocol("a packet has an impossible length")),
        length if length > MAX_PACKET_BYTES => {
            return Err(Failure::protocol("a packet is longer than Git allows"));
        }
        length if buffer.len() < length => return Ok(None),
        length => {
            let mut whole = buffer.split_to(length);
            whole.advance(4);
            return Ok(Some(Packet::Data(whole.freeze())));
        }
    };
    buffer.advance(4);
    Ok(Some(packet))
}
