//! One watch, step by step.

use super::{DeletedObject, WatchEvent, WatchSpec};
use crate::error::Subject;
use crate::lines::{Lines, LinesEnd, MAX_WATCH_LINE_BYTES};
use crate::list::{collection_call, collection_subject, scope_query};
use crate::pace::Backoff;
use crate::session::{ONE_AS_METADATA, read_object};
use crate::{ApiError, Changes, ErrorClass, Form, LiveObject, ResourceInfo, Session, Verb};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};
use trueup_object::{ObjectRef, Text};

/// Shortest and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// A kind that is not served is looked for again at the latest after this;
/// sooner when discovery changes.
const MISSING_KIND_PAUSE: Duration = Duration::from_secs(60);

/// A stream that ends sooner and brought nothing counts as a failure.
const SHORT_LIFE: Duration = Duration::from_secs(1);

/// How long after the agreed end a silent stream is given up.
const OVERTIME: Duration = Duration::from_secs(15);

/// Bookmarks come about once a minute; a stream that has brought one and is
/// silent for so long has lost its connection.
const SILENCE_AFTER_BOOKMARK: Duration = Duration::from_secs(150);

/// Why a watch that works again lists anew.
const WORKS_AGAIN: &str = "it works again after an error";

type Key = (Text, Text);

#[derive(Debug, PartialEq)]
struct Known {
    uid: Text,
    resource_version: Text,
}

enum Phase {
    List {
        token: Text,
        seen: BTreeSet<Key>,
    },
    Connect,
    Stream(Box<Open>),
    Pause {
        until: Instant,
        wake_on_discovery: WakeOnDiscovery,
        then: Then,
    },
}

struct Open {
    lines: Lines,
    since: Instant,
    ends: Instant,
    lines_read: u64,
    bookmarks: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum WakeOnDiscovery {
    No,
    Yes,
}

#[derive(Clone, Copy)]
enum Then {
    List,
    Connect,
}

/// A watch between two events.
pub(super) struct Watcher {
    session: Session,
    spec: WatchSpec,
    phase: Phase,
    known: BTreeMap<Key, Known>,
    version: Text,
    /// Whether something failed that does not pass by itself since the last
    /// list: then there is another one before changes are followed.
    is_doubtful: bool,
    queue: VecDeque<WatchEvent>,
    backoff: Backoff,
    discovery: Changes,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: Text,
}

impl Watcher {
    pub(super) fn new(session: Session, spec: WatchSpec) -> Self {
        let backoff = Backoff::new(PAUSE.0, PAUSE.1, session.cluster().fork_random());
        Self {
            discovery: session.cluster().discovery_changes(),
            session,
            spec,
            phase: Phase::List {
                token: Text::new(),
                seen: BTreeSet::new(),
            },
            known: BTreeMap::new(),
            version: Text::new(),
            is_doubtful: false,
            queue: VecDeque::new(),
            backoff,
        }
    }

    /// The next event. Losing this future loses nothing.
    pub(super) async fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            self.step().await;
        }
    }

    async fn step(&mut self) {
        match &mut self.phase {
            Phase::List { .. } => self.list().await,
            Phase::Connect => self.connect().await,
            Phase::Stream(_) => self.read().await,
            Phase::Pause {
                until,
                wake_on_discovery,
                then,
            } => {
                let (until, then) = (*until, *then);
                if *wake_on_discovery == WakeOnDiscovery::Yes {
                    tokio::select! {
                        biased;
                        () = self.discovery.changed() => {}
                        () = sleep_until(until) => {}
                    }
                } else {
                    sleep_until(until).await;
                }
                self.go(then);
            }
        }
    }

    fn go(&mut self, then: Then) {
        self.phase = match then {
            Then::List => Phase::List {
                token: Text::new(),
                seen: BTreeSet::new(),
            },
            Then::Connect => Phase::Connect,
        };
    }

    /// Reads one page and tells its differences.
    async fn list(&mut self) {
        let Phase::List { token, .. } = &self.phase else {
            return;
        };
        let token = token.clone();
        // What is read after this wakes us from a pause for a missing kind.
        self.discovery.mark_unchanged();
        let resource = match self.session.resource(&self.spec.kind).await {
            Ok(resource) => resource,
            Err(error) => return self.fail(error, Then::List),
        };
        let page = self
            .session
            .list_page(&resource, &self.spec.scope, self.spec.form, &token)
            .await;
        match page {
            Ok(page) => {
                let keys: Vec<Key> = page.objects.iter().map(key_of).collect();
                page.objects
                    .into_iter()
                    .for_each(|object| self.tell(object));
                self.listed(keys, page.continue_token, page.resource_version);
            }
            Err(error) if error.class() == ErrorClass::Gone && !token.is_empty() => {
                self.go(Then::List)
            }
            Err(error) => self.fail(error, Then::List),
        }
    }

    /// After a page: asks for the next, or ends the list.
    fn listed(&mut self, keys: Vec<Key>, continue_token: Text, version: Text) {
        let Phase::List { token, seen } = &mut self.phase else {
            return;
        };
        seen.extend(keys);
        if !continue_token.is_empty() {
            *token = continue_token;
            return;
        }
        let seen = std::mem::take(seen);
        let mut gone: Vec<Key> = self
            .known
            .keys()
            .filter(|key| !seen.contains(*key))
            .cloned()
            .collect();
        gone.sort();
        for key in gone {
            self.tell_deleted(&key, None);
        }
        self.version = version.clone();
        self.is_doubtful = false;
        self.queue.push_back(WatchEvent::Synced {
            resource_version: version,
        });
        self.phase = Phase::Connect;
    }

    /// Tells an object unless this version was told; an object that has taken
    /// another's name ends that one first.
    fn tell(&mut self, object: LiveObject) {
        let key = key_of(&object);
        let now = Known {
            uid: object.uid().clone(),
            resource_version: object.resource_version().clone(),
        };
        let before = self.known.get(&key);
        if before == Some(&now) && !now.resource_version.is_empty() {
            return;
        }
        if before.is_some_and(|before| before.uid != now.uid) {
            self.tell_deleted(&key, None);
        }
        self.known.insert(key, now);
        self.queue.push_back(WatchEvent::Applied(object));
    }

    fn tell_deleted(&mut self, key: &Key, last: Option<LiveObject>) {
        let known = self.known.remove(key);
        let uid = last
            .as_ref()
            .map(|object| object.uid().clone())
            .or(known.map(|known| known.uid));
        let reference = ObjectRef {
            kind: self.spec.kind.clone(),
            namespace: key.0.clone(),
            name: key.1.clone(),
        };
        let deleted = DeletedObject {
            reference,
            uid: uid.unwrap_or_default(),
            last,
        };
        self.queue.push_back(WatchEvent::Deleted(deleted));
    }

    async fn connect(&mut self) {
        let resource = match self.session.resource(&self.spec.kind).await {
            Ok(resource) => resource,
            Err(error) => return self.fail(error, Then::List),
        };
        let lasts = self.session.cluster().inner.options.watch_timeout;
        match self.session.open(&self.watch_call(&resource, lasts)).await {
            Ok(_) if self.is_doubtful => self.restart(WORKS_AGAIN.into()),
            Ok(body) => {
                let since = Instant::now();
                self.phase = Phase::Stream(Box::new(Open {
                    lines: Lines::new(body),
                    since,
                    ends: since + lasts + OVERTIME,
                    lines_read: 0,
                    bookmarks: 0,
                }));
            }
            Err(error) if error.class() == ErrorClass::Gone => self.restart(error.message().into()),
            Err(error) => self.fail(error, Then::Connect),
        }
    }

    fn watch_call(&self, resource: &ResourceInfo, lasts: Duration) -> crate::transport::Call {
        let query = scope_query(&self.spec.scope)
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("timeoutSeconds", &lasts.as_secs().max(1).to_string())
            .with("resourceVersion", &self.version);
        let call = collection_call(Verb::Watch, resource, &self.spec.scope, &query);
        if self.spec.form == Form::Metadata {
            call.accepting(ONE_AS_METADATA)
        } else {
            call
        }
    }

    /// Reads one line of the open stream.
    async fn read(&mut self) {
        let Phase::Stream(open) = &mut self.phase else {
            return;
        };
        let mut ends = open.ends;
        if open.bookmarks > 0 {
            ends = ends.min(Instant::now() + SILENCE_AFTER_BOOKMARK);
        }
        match timeout_at(ends, open.lines.next()).await {
            Ok(Ok(line)) => {
                open.lines_read += 1;
                self.backoff.reset();
                self.take(&line);
            }
            Ok(Err(LinesEnd::TooLong)) => {
                let message =
                    format!("a line of the watch is longer than {MAX_WATCH_LINE_BYTES} bytes");
                self.fail(self.error(ErrorClass::Undecodable, &message), Then::List);
            }
            Ok(Err(end)) => {
                tracing::debug!(kind = %self.spec.kind, ?end, "watch ended");
                self.ended();
            }
            Err(_) => self.ended(),
        }
    }

    /// The stream has ended: at once on again, unless it never worked.
    fn ended(&mut self) {
        let Phase::Stream(open) = &self.phase else {
            return;
        };
        if open.lines_read == 0 && open.since.elapsed() < SHORT_LIFE {
            return self.pause(None, WakeOnDiscovery::No, Then::Connect);
        }
        self.phase = Phase::Connect;
    }

    fn take(&mut self, line: &Bytes) {
        let Ok(Line { kind, object }) = serde_json::from_slice::<Line<'_>>(line) else {
            let error = self.error(ErrorClass::Undecodable, "a line of the watch is no event");
            return self.fail(error, Then::List);
        };
        // Copied, so that keeping one object keeps no whole piece of the stream.
        let object = Bytes::copy_from_slice(object.get().as_bytes());
        match kind.as_ref() {
            "BOOKMARK" => self.take_bookmark(&object),
            "ERROR" => self.take_error(&object),
            "ADDED" | "MODIFIED" | "DELETED" => self.take_object(&kind, object),
            _ => {}
        }
    }

    fn take_object(&mut self, kind: &str, object: Bytes) {
        match read_object(&self.spec.kind, object, &self.subject()) {
            Ok(object) => {
                self.version = object.resource_version().clone();
                if kind == "DELETED" {
                    self.tell_deleted(&key_of(&object), Some(object));
                } else {
                    self.tell(object);
                }
            }
            Err(error) => self.fail(error, Then::List),
        }
    }

    fn take_bookmark(&mut self, object: &[u8]) {
        if let Ok(bookmark) = serde_json::from_slice::<Bookmark>(object) {
            self.version = bookmark.metadata.resource_version;
        }
        if let Phase::Stream(open) = &mut self.phase {
            open.bookmarks += 1;
        }
    }

    fn take_error(&mut self, status: &[u8]) {
        let error = ApiError::from_answer(&self.subject(), 500, status, None);
        if error.class() == ErrorClass::Gone {
            return self.restart(error.message().into());
        }
        self.fail(error, Then::Connect);
    }

    fn restart(&mut self, reason: Text) {
        self.queue.push_back(WatchEvent::Restarted { reason });
        self.go(Then::List);
    }

    /// Tells an error and pauses.
    fn fail(&mut self, error: ApiError, then: Then) {
        let asked = error.retry_after();
        let class = error.class();
        if !error.is_transient() {
            self.doubt();
        }
        self.queue.push_back(WatchEvent::Error(error));
        match class {
            ErrorClass::KindMissing => {
                self.pause(Some(MISSING_KIND_PAUSE), WakeOnDiscovery::Yes, Then::List);
            }
            // The collection itself is gone: its definition must have changed.
            ErrorClass::NotFound => {
                self.session.cluster().invalidate_discovery();
                self.pause(asked, WakeOnDiscovery::No, Then::List);
            }
            _ => self.pause(asked, WakeOnDiscovery::No, then),
        }
    }

    /// Nobody knows how long it will be away: who is told so need not keep what
    /// was told before, and is told everything again by the next list.
    fn doubt(&mut self) {
        self.is_doubtful = true;
        for known in self.known.values_mut() {
            known.resource_version = Text::new();
        }
    }

    fn pause(&mut self, asked: Option<Duration>, wake_on_discovery: WakeOnDiscovery, then: Then) {
        let pause = match wake_on_discovery {
            WakeOnDiscovery::Yes => asked.unwrap_or(PAUSE.1),
            WakeOnDiscovery::No => self.backoff.next_pause(asked),
        };
        self.phase = Phase::Pause {
            until: Instant::now() + pause,
            wake_on_discovery,
            then,
        };
    }

    fn subject(&self) -> Subject {
        let resource = ResourceInfo::known(
            &self.spec.kind.api_version(),
            &self.spec.kind.kind,
            &self.spec.kind.kind,
            crate::Placement::Namespaced,
        );
        collection_subject(Verb::Watch, &resource, &self.spec.scope)
    }

    fn error(&self, class: ErrorClass, message: &str) -> ApiError {
        ApiError::of(&self.subject(), class, message)
    }
}

fn key_of(object: &LiveObject) -> Key {
    (object.namespace().clone(), object.name().clone())
}
