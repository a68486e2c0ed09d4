//! Playing one scenario.

use crate::causes::sort_causes;
use crate::compare::{Comparison, ManagedFieldsOrder};
use crate::json_path::find;
use crate::leftovers::Leftovers;
use crate::requests::Sources;
use crate::scenario::{Poll, RequestStep, Response, Step, WatchStep};
use crate::transport::{Caller, Transport, TransportError};
use crate::watching::{Bookmarks, Watch};
use crate::{Difference, Scenario};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::TryStreamExt;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;
use trueup_object::{Value, from_json};

/// What a scenario finds, and what it must leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A server of its own, thrown away afterwards.
    Fresh,
    /// A server on which it was played before and will be again.
    Shared,
}

/// How long a request is repeated until its answer is as wanted.
const POLL_TIMEOUT: Duration = Duration::from_secs(90);
/// How long to wait before it is repeated.
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a watch gets to tell what is there at its start.
const WATCH_START: Duration = Duration::from_millis(300);
/// How much longer than it was asked for a watch may take to end.
const WATCH_END_GRACE: Duration = Duration::from_secs(20);
/// What passes between two requests: a server in virtual time needs it to go
/// on with its own work.
const BREATH: Duration = Duration::from_millis(1);

/// The headers that the recordings keep; one that is missing there must be
/// missing here.
const HEADERS: &[&str] = &[
    "warning",
    "content-encoding",
    "retry-after",
    "allow",
    "www-authenticate",
    "location",
];

/// Plays a scenario and gives what differs. On shared ground what it has made
/// is removed afterwards.
pub async fn play<T: Transport>(
    scenario: &Scenario,
    transport: &T,
    ground: Ground,
) -> Vec<Difference> {
    let leftovers = Leftovers::new(scenario, transport);
    if let Err(what) = leftovers.prepare(ground).await {
        return vec![Difference::new("before step 0", &what)];
    }
    let mut player = Player {
        scenario,
        transport,
        comparison: Comparison::default(),
        bodies: BTreeMap::new(),
        watches: BTreeMap::new(),
        leftovers,
    };
    player.run().await;
    let Player {
        mut comparison,
        leftovers,
        ..
    } = player;
    // Controllers write when they come to it, here in another order than there.
    if scenario.needs.is_empty()
        && let Err(what) = comparison.bindings.check_versions(&scenario.rv_order)
    {
        comparison.differs("versions", &what);
    }
    if ground == Ground::Shared
        && let Err(what) = leftovers.remove().await
    {
        comparison.differs("afterwards", &what);
    }
    comparison.differences
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub raw: Vec<u8>,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

/// Sends a request and reads its whole answer.
pub(crate) async fn exchange<T: Transport>(
    transport: &T,
    caller: Caller,
    request: http::Request<Bytes>,
) -> Result<Answer, TransportError> {
    let exchanged = async {
        let (parts, chunks) = transport.call(caller, request).await?.into_parts();
        let chunks: Vec<Bytes> = chunks.try_collect().await?;
        Ok((parts, chunks.concat()))
    };
    let (parts, raw) = tokio::time::timeout(ANSWER_TIMEOUT, exchanged)
        .await
        .map_err(|_| TransportError("it took too long".to_owned()))??;
    let raw = match parts.headers.get("content-encoding") {
        Some(coding) if coding == "gzip" => unzip(&raw)?,
        _ => raw,
    };
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: from_json(&raw).unwrap_or_default(),
        raw,
    })
}

fn unzip(compressed: &[u8]) -> Result<Vec<u8>, TransportError> {
    let mut raw = Vec::new();
    let read = GzDecoder::new(compressed).read_to_end(&mut raw);
    read.map_err(|error| TransportError(format!("its body is not compressed well: {error}")))?;
    Ok(raw)
}

struct Player<'a, T> {
    scenario: &'a Scenario,
    transport: &'a T,
    comparison: Comparison,
    bodies: BTreeMap<usize, Value>,
    watches: BTreeMap<usize, Watch>,
    leftovers: Leftovers<'a, T>,
}

impl<T: Transport> Player<'_, T> {
    async fn run(&mut self) {
        for (index, step) in self.scenario.steps.iter().enumerate() {
            self.open_watches(index).await;
            let done = match (&step.request, &step.watch) {
                (Some(request), _) => self.asked(index, step, request).await,
                (None, Some(watch)) => self.watched(index, step, watch).await,
                (None, None) => Ok(()),
            };
            if let Err(what) = done {
                self.comparison.differs(&format!("step {index}"), &what);
                break;
            }
        }
        self.watches.values().for_each(Watch::stop);
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            bindings: &self.comparison.bindings,
            bodies: &self.bodies,
            user_agent: &self.scenario.user_agent,
        }
    }

    /// Asks, and compares the answer. Fails where the rest makes no sense.
    async fn asked(
        &mut self,
        index: usize,
        step: &Step,
        request: &RequestStep,
    ) -> Result<(), String> {
        if let Some(seconds) = step.sleep_before_s {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        let mut answer = match &step.poll {
            None => self.send(request).await?,
            Some(poll) => self.send_until(request, poll).await?,
        };
        let path = self.comparison.bindings.fill_path(&request.path);
        self.leftovers.learn(&request.method, &path, &answer);
        self.bodies.insert(index, answer.body.clone());
        let order = if step.ordered_managed_fields || self.scenario.ordered_managed_fields {
            ManagedFieldsOrder::Kept
        } else {
            ManagedFieldsOrder::Free
        };
        self.compare(&format!("step {index}"), &step.response, &mut answer, order)
    }

    async fn send(&self, request: &RequestStep) -> Result<Answer, String> {
        tokio::time::sleep(BREATH).await;
        let (caller, request) = self.sources().request(request)?;
        let answer = exchange(self.transport, caller, request).await;
        answer.map_err(|error| error.to_string())
    }

    async fn send_until(&self, request: &RequestStep, poll: &Poll) -> Result<Answer, String> {
        let until = self.filled(&poll.until)?;
        let started = tokio::time::Instant::now();
        loop {
            let answer = self.send(request).await?;
            if holds(&until, &answer)? {
                return Ok(answer);
            }
            if started.elapsed() > POLL_TIMEOUT {
                let last = String::from_utf8_lossy(&answer.raw).into_owned();
                return Err(format!(
                    "never became {until:?}; last {} {last}",
                    answer.status
                ));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn filled(&self, wanted: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, String> {
        let fill = |value: &Value| {
            let json = String::from_utf8_lossy(&trueup_object::to_json(value)).into_owned();
            from_json(self.comparison.bindings.fill_json(&json).as_bytes())
                .map_err(|error| error.to_string())
        };
        wanted
            .iter()
            .map(|(path, value)| Ok((path.clone(), fill(value)?)))
            .collect()
    }

    fn compare(
        &mut self,
        place: &str,
        want: &Response,
        answer: &mut Answer,
        order: ManagedFieldsOrder,
    ) -> Result<(), String> {
        if want.status != answer.status {
            let got = String::from_utf8_lossy(&answer.raw);
            let what = format!("want status {}, got {} {got}", want.status, answer.status);
            self.comparison.differs(place, &what);
            return Ok(());
        }
        self.compare_headers(place, want, &answer.headers);
        if want.unordered_causes {
            sort_causes(&mut answer.body);
        }
        if let Some(body) = &want.body {
            self.comparison.value(body, &answer.body, place, order);
            self.comparison.list_version(&answer.body, place);
        }
        for (path, wanted) in &want.body_select {
            let found = find(&answer.body, path)?;
            let place = format!("{place} {path}");
            if path.ends_with(".managedFields") {
                self.comparison
                    .managed_fields(wanted, &found, &place, order);
            } else {
                self.comparison.value(wanted, &found, &place, order);
            }
        }
        if let Some(text) = &want.body_text {
            let got = String::from_utf8_lossy(&answer.raw);
            self.comparison
                .whole_text(text, &got, &format!("{place} text"));
        }
        Ok(())
    }

    fn compare_headers(&mut self, place: &str, want: &Response, headers: &HeaderMap) {
        let first = |name: &str| {
            headers
                .get(name)
                .map(|it| String::from_utf8_lossy(it.as_bytes()))
        };
        self.comparison.optional_text(
            want.content_type.as_deref(),
            first("content-type").as_deref(),
            &format!("{place} content type"),
        );
        for name in HEADERS {
            let got = headers.get_all(*name).iter();
            let got: Vec<Value> = got
                .map(|it| String::from_utf8_lossy(it.as_bytes()).as_ref().into())
                .collect();
            let wanted = match want.headers.get(*name) {
                None => Value::from(Vec::new()),
                Some(list @ Value::List(_)) => list.clone(),
                Some(one) => Value::from(vec![one.clone()]),
            };
            let place = format!("{place} header {name}");
            self.comparison
                .value(&wanted, &got.into(), &place, ManagedFieldsOrder::Kept);
        }
    }

    async fn open_watches(&mut self, before: usize) {
        for (at, step) in self.scenario.steps.iter().enumerate() {
            let Some(watch) = &step.watch else { continue };
            if step.opened_before_step.unwrap_or(at) == before
                && let Err(what) = self.open(at, watch).await
            {
                self.comparison.differs(&format!("step {at}"), &what);
            }
        }
    }

    async fn open(&mut self, at: usize, watch: &WatchStep) -> Result<(), String> {
        let request = self.sources().watch(watch)?;
        let answer = self.transport.call(Caller::Administrator, request).await;
        let bookmarks = match watch.plain_bookmarks {
            Some(_) => Bookmarks::All,
            None => Bookmarks::Annotated,
        };
        let answer = answer.map_err(|error| error.to_string())?;
        self.watches.insert(at, Watch::follow(answer, bookmarks));
        // What is there at the start comes before what happens next.
        tokio::time::sleep(WATCH_START).await;
        Ok(())
    }

    async fn watched(
        &mut self,
        index: usize,
        step: &Step,
        watch: &WatchStep,
    ) -> Result<(), String> {
        let mut open = self.watches.remove(&index).ok_or("the watch is not open")?;
        if step.ended_by.as_deref() == Some("server") {
            let longest = Duration::from_secs(watch.timeout_s) + WATCH_END_GRACE;
            open.until_its_end(longest).await?;
        } else {
            open.until_events(step.events.len()).await;
            open.stop();
        }
        let place = format!("step {index}");
        let raw = open.rest();
        let mut answer = Answer {
            status: open.status,
            headers: open.headers.clone(),
            body: from_json(&raw).unwrap_or_default(),
            raw,
        };
        self.compare(
            &place,
            &step.response,
            &mut answer,
            ManagedFieldsOrder::Free,
        )?;
        self.compare_events(&place, &step.events, &open.events());
        Ok(())
    }

    fn compare_events(&mut self, place: &str, want: &[Value], got: &[Value]) {
        if want.len() != got.len() {
            let json = trueup_object::to_json(&got.to_vec().into());
            let told = String::from_utf8_lossy(&json);
            let what = format!("want {} events, got {} {told}", want.len(), got.len());
            self.comparison.differs(place, &what);
        }
        for (number, (want, got)) in want.iter().zip(got).enumerate() {
            let place = format!("{place} event {number}");
            self.comparison
                .value(want, got, &place, ManagedFieldsOrder::Free);
        }
    }
}

fn holds(until: &BTreeMap<String, Value>, answer: &Answer) -> Result<bool, String> {
    for (path, wanted) in until {
        let got = match path.as_str() {
            "@status" => Value::from(i64::from(answer.status)),
            path => find(&answer.body, path)?,
        };
        if !got.same_number(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}
