//! What processes print, as much as is kept of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trueup_object::Text;

/// Output kept of one container, over all its runs; the oldest lines go first.
pub const MAX_LOG_BYTES: usize = 256 * 1024;

/// One container of one Pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogKey {
    /// The Pod's namespace.
    pub namespace: Text,
    /// The Pod's name.
    pub pod: Text,
    /// The container's name.
    pub container: Text,
}

/// What is kept of a container's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogText {
    /// Standard output and standard error as they came; what is no UTF-8 is
    /// replaced by `�`.
    pub text: String,
    /// How much came before it and is gone, in bytes.
    pub dropped_bytes: u64,
}

/// The output of all containers on the node. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ProcessLogs {
    rings: Arc<Mutex<BTreeMap<LogKey, Ring>>>,
}

impl ProcessLogs {
    /// The containers of which there is output, by namespace, Pod and name.
    #[must_use]
    pub fn keys(&self) -> Vec<LogKey> {
        self.lock().keys().cloned().collect()
    }

    /// What is kept of a container's output; `None` if it printed nothing or
    /// its Pod is gone.
    #[must_use]
    pub fn read(&self, key: &LogKey) -> Option<LogText> {
        self.lock().get(key).map(Ring::text)
    }

    pub(super) fn append(&self, key: &LogKey, output: &[u8]) {
        let mut rings = self.lock();
        match rings.get_mut(key) {
            Some(ring) => ring.append(output),
            None => {
                let mut ring = Ring::new(MAX_LOG_BYTES);
                ring.append(output);
                rings.insert(key.clone(), ring);
            }
        }
    }

    /// Forgets the output of a Pod's containers.
    pub(super) fn forget(&self, namespace: &str, pod: &str) {
        self.lock()
            .retain(|key, _| key.namespace != namespace || key.pod != pod);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LogKey, Ring>> {
        // Bytes are whole after each call: a panic elsewhere breaks nothing.
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last bytes of a stream.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    limit: usize,
    dropped_bytes: u64,
}

impl Ring {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            dropped_bytes: 0,
        }
    }

    pub(super) fn append(&mut self, output: &[u8]) {
        let skipped = output.len().saturating_sub(self.limit);
        let kept = output.get(skipped..).unwrap_or_default();
        let over = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..over);
        self.make_room(kept.len());
        self.bytes.extend(kept);
        self.dropped_bytes += (skipped + over) as u64;
    }

    /// Doubles the capacity where it is too small, but never above the limit.
    fn make_room(&mut self, added: usize) {
        let needed = self.bytes.len() + added;
        if needed > self.bytes.capacity() {
            let capacity = needed.max(self.bytes.capacity() * 2).min(self.limit);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }

    /// From the first whole line on, where something is gone.
    pub(super) fn text(&self) -> LogText {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let newline = bytes.iter().position(|byte| *byte == b'\n');
        let begin = match newline {
            Some(newline) if self.dropped_bytes > 0 => newline + 1,
            _ => 0,
        };
        LogText {
            text: String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned(),
            dropped_bytes: self.dropped_bytes + begin as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pod: &str) -> LogKey {
        LogKey {
            namespace: "n".into(),
            pod: pod.into(),
            container: "app".into(),
        }
    }

    #[test]
    fn a_ring_keeps_the_newest_bytes_from_a_whole_line_on() {
        let mut ring = Ring::new(16);
        ring.append(b"first\nsecond\n");
        assert_eq!(ring.text().text, "first\nsecond\n");
        ring.append(b"third\n");
        assert_eq!(
            ring.text(),
            LogText {
                text: "second\nthird\n".into(),
                dropped_bytes: 6,
            }
        );
        ring.append(&[b'x'; 40]);
        assert_eq!(ring.text().text, "x".repeat(16));
        assert_eq!(ring.text().dropped_bytes, 19 + 40 - 16);
    }

    #[test]
    fn a_ring_never_takes_more_than_its_limit() {
        let mut ring = Ring::new(1_000);
        for length in (0..5_000).step_by(37) {
            ring.append(&vec![b'a'; length]);
            assert!(ring.bytes.len() <= 1_000 && ring.bytes.capacity() <= 2_048);
        }
    }

    #[test]
    fn what_is_no_text_is_shown_all_the_same_and_goes_with_its_pod() {
        let logs = ProcessLogs::default();
        logs.append(&key("a"), b"\xff\xfe ok\n");
        logs.append(&key("b"), b"b\n");
        assert_eq!(logs.read(&key("a")).unwrap().text, "\u{fffd}\u{fffd} ok\n");
        logs.forget("n", "a");
        assert_eq!(logs.keys(), [key("b")]);
        assert_eq!(logs.read(&key("a")), None);
    }
}
