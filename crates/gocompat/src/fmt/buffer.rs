//! A buffer that stops at a limit.

/// Bytes that are written one after the other, up to a limit. What is over it
/// is dropped, and the buffer remembers that: a writer needs to look only now
/// and then, and the reader at the end.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
    overflowed: bool,
}

impl Buffer {
    /// An empty buffer that takes so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            overflowed: false,
        }
    }

    /// Appends the bytes, or nothing where they are over the limit.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.admits(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Appends a byte so many times, or nothing where that is over the limit.
    pub fn fill(&mut self, byte: u8, count: usize) {
        if self.admits(count) {
            self.bytes.resize(self.bytes.len() + count, byte);
        }
    }

    fn admits(&mut self, count: usize) -> bool {
        self.overflowed |= self.limit - self.bytes.len() < count;
        !self.overflowed
    }

    /// What was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether something was dropped.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The bytes; `None` where some were dropped.
    #[must_use]
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        (!self.overflowed).then_some(self.bytes)
    }
}
