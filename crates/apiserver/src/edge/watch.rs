//! A watch as a body: one JSON object a line, bookmarks in between, an end.

use super::clock::Clock;
use super::encode::{View, printer};
use super::negotiation::Shape;
use super::reply::status_json;
use super::tables::{Headers, Printer, partial_object, table};
use crate::core::{Resource, Stored, WatchEvent, Watcher};
use bytes::Bytes;
use futures::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use trueup_object::{Value, to_json, value};

/// How long a watch lasts whose client names no end; up to twice as long, so
/// that clients don't all come back at once.
pub const SHORTEST_WATCH: Duration = Duration::from_secs(1800);
/// How often a quiet watch gets a bookmark.
pub const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// How long before its end a watch gets its last bookmark.
pub const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// How many bytes of events are written at once.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;

/// How the objects of a watch are shown.
#[derive(Debug)]
pub struct WatchForm {
    resource: Arc<Resource>,
    printer: Option<Printer>,
    view: View,
    clock: Option<Clock>,
    headers: Headers,
}

impl WatchForm {
    /// The form that was negotiated for a watch of `resource`.
    #[must_use]
    pub fn new(resource: Arc<Resource>, view: View) -> Self {
        let printer = matches!(view.format.shape, Shape::Table(_)).then(|| printer(&resource));
        Self {
            resource,
            printer,
            view,
            clock: None,
            headers: Headers::Shown,
        }
    }

    /// One event as a line of JSON.
    fn line(&mut self, event: &WatchEvent) -> Vec<u8> {
        let (kind, object) = match event {
            WatchEvent::Added(stored) => ("ADDED", self.object(stored)),
            WatchEvent::Modified(stored) => ("MODIFIED", self.object(stored)),
            WatchEvent::Deleted(stored) => ("DELETED", self.object(stored)),
            WatchEvent::Bookmark {
                revision,
                initial_events_end,
            } => ("BOOKMARK", self.bookmark(*revision, *initial_events_end)),
            WatchEvent::Error(error) => ("ERROR", status_json(&error.to_value()).into()),
        };
        let mut line = Vec::with_capacity(object.len() + 32);
        line.extend_from_slice(b"{\"type\":\"");
        line.extend_from_slice(kind.as_bytes());
        line.extend_from_slice(b"\",\"object\":");
        line.extend_from_slice(&object);
        line.extend_from_slice(b"}\n");
        line
    }

    fn object(&mut self, stored: &Arc<Stored>) -> Bytes {
        let in_version =
            stored.value().str_at(&["apiVersion"]) == Some(self.resource.api_version().as_str());
        match (in_version, self.view.format.shape) {
            (true, Shape::Whole) => stored.json(),
            _ => {
                let object = crate::core::versions::body(stored.clone(), &self.resource);
                self.shaped(object.value())
            }
        }
    }

    fn bookmark(&mut self, revision: u64, initial_events_end: bool) -> Bytes {
        let object = WatchEvent::bookmark_object(&self.resource, revision, initial_events_end);
        self.shaped(&object)
    }

    fn shaped(&mut self, object: &Value) -> Bytes {
        match (self.view.format.shape, &self.printer) {
            (Shape::Metadata(version) | Shape::MetadataList(version), _) => {
                to_json(&partial_object(object, version)).into()
            }
            (Shape::Table(version), Some(printer)) => {
                let revision = object
                    .at(&["metadata", "resourceVersion"])
                    .cloned()
                    .unwrap_or_default();
                let mut view = self.view;
                if let Some(clock) = &self.clock {
                    view.now = clock.now();
                }
                let options = view.table(version, self.headers);
                self.headers = Headers::Omitted;
                let metadata = value!({"resourceVersion": revision});
                to_json(&table(
                    printer,
                    metadata,
                    std::slice::from_ref(object),
                    &options,
                ))
                .into()
            }
            _ => to_json(object).into(),
        }
    }
}

/// The events of a watch as chunks of lines, in real or virtual time.
#[derive(Debug)]
pub struct WatchBody {
    watcher: Watcher,
    form: WatchForm,
    timer: Option<Timer>,
    shutdown: Option<Shutdown>,
    ended: bool,
}

/// Done when the server is to end.
struct Shutdown(Pin<Box<dyn Future<Output = ()> + Send>>);

impl std::fmt::Debug for Shutdown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shutdown")
    }
}

#[derive(Debug)]
struct Timer {
    end: Instant,
    bookmark: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl WatchBody {
    /// A body over a watcher.
    #[must_use]
    pub fn new(watcher: Watcher, form: WatchForm) -> Self {
        Self {
            watcher,
            form,
            timer: None,
            shutdown: None,
            ended: false,
        }
    }

    /// Lets ages in Tables go on with a clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.form.clock = Some(clock);
    }

    /// Ends the watch when `shutdown` is done.
    pub fn end_at(&mut self, shutdown: impl Future<Output = ()> + Send + 'static) {
        self.shutdown = Some(Shutdown(Box::pin(shutdown)));
    }

    fn is_shut_down(&mut self, context: &mut Context<'_>) -> bool {
        self.shutdown
            .as_mut()
            .is_some_and(|shutdown| shutdown.0.as_mut().poll(context).is_ready())
    }

    /// The next event that is there already, as a line of JSON; for callers
    /// without a runtime. `Ok(None)`: none yet; `Err`: the watch has ended.
    pub fn try_line(&mut self) -> Result<Option<Bytes>, crate::core::Ended> {
        let event = self.watcher.try_next()?;
        Ok(event.map(|event| self.form.line(&event).into()))
    }

    fn ready_lines(&mut self) -> Vec<u8> {
        let mut chunk = Vec::new();
        while chunk.len() < MAX_CHUNK_BYTES {
            match self.watcher.try_next() {
                Ok(Some(event)) => chunk.extend(self.form.line(&event)),
                Ok(None) => break,
                Err(_) => {
                    self.ended = true;
                    break;
                }
            }
        }
        chunk
    }

    /// The timer of this watch; it is started with the first poll, within the
    /// runtime.
    fn timer(&mut self) -> &mut Timer {
        let timeout = match self.watcher.timeout_seconds {
            Some(seconds) => Duration::from_secs(seconds),
            None => SHORTEST_WATCH + SHORTEST_WATCH.mul_f64(fastrand::f64()),
        };
        self.timer.get_or_insert_with(|| {
            let now = Instant::now();
            let end = now + timeout;
            // One that ends so soon gets none.
            let bookmark = match timeout.saturating_sub(BOOKMARK_BEFORE_END) {
                Duration::ZERO => end,
                before_end => now + BOOKMARK_INTERVAL.min(before_end),
            };
            Timer {
                end,
                bookmark,
                sleep: Box::pin(sleep_until(bookmark.min(end))),
            }
        })
    }

    /// What is due by time: a bookmark, the end, or nothing yet.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        let timer = self.timer();
        futures::ready!(timer.sleep.as_mut().poll(context));
        let now = Instant::now();
        if now >= timer.end {
            return Poll::Ready(Due::End);
        }
        let last = timer.end - BOOKMARK_BEFORE_END.min(timer.end - now);
        let next = now + BOOKMARK_INTERVAL;
        timer.bookmark = if next < last || now >= last {
            next
        } else {
            last
        };
        let wake = timer.bookmark.min(timer.end);
        timer.sleep.as_mut().reset(wake);
        Poll::Ready(Due::Bookmark)
    }
}

enum Due {
    Bookmark,
    End,
}

impl Stream for WatchBody {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        if this.ended || this.is_shut_down(context) {
            this.ended = true;
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.watcher).poll_next(context) {
            Poll::Ready(Some(event)) => {
                let mut chunk = this.form.line(&event);
                chunk.extend(this.ready_lines());
                return Poll::Ready(Some(chunk.into()));
            }
            Poll::Ready(None) => {
                this.ended = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        loop {
            match futures::ready!(this.poll_timer(context)) {
                Due::End => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
                Due::Bookmark => {
                    if let Some(event) = this.watcher.bookmark() {
                        return Poll::Ready(Some(this.form.line(&event).into()));
                    }
                }
            }
        }
    }
}
