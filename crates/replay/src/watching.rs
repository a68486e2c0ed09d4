//! Watches that stay open beside the conversation.

use crate::transport::Chunks;
use futures::StreamExt;
use http::HeaderMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use trueup_object::{Value, from_json};

/// How long the events that are wanted may take to come.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(20);
/// How long no other event may come after them.
const SILENCE: Duration = Duration::from_millis(500);
/// How often is looked whether events have come.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Which bookmarks count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bookmarks {
    /// Those with annotations: others come when a server likes.
    Annotated,
    /// All, of a run the first.
    All,
}

/// An open watch and what it has told.
#[derive(Debug)]
pub(crate) struct Watch {
    /// HTTP status.
    pub status: u16,
    /// Headers of the answer.
    pub headers: HeaderMap,
    told: Arc<Mutex<Told>>,
    reader: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Told {
    events: Vec<Value>,
    /// What is no line of JSON, or the whole body of a refusal.
    rest: Vec<u8>,
}

impl Watch {
    /// Reads the answer to a watch until it ends or is aborted.
    pub fn follow(response: http::Response<Chunks>, bookmarks: Bookmarks) -> Self {
        let (parts, mut chunks) = response.into_parts();
        let told: Arc<Mutex<Told>> = Arc::default();
        let kept = told.clone();
        let refused = !parts.status.is_success();
        let reader = tokio::spawn(async move {
            while let Some(Ok(chunk)) = chunks.next().await {
                let mut told = kept.lock().unwrap_or_else(PoisonError::into_inner);
                told.rest.extend_from_slice(&chunk);
                if !refused {
                    told.take_lines(bookmarks);
                }
            }
        });
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            told,
            reader,
        }
    }

    /// Waits for the stream's end, at most `timeout`.
    pub async fn until_its_end(&mut self, timeout: Duration) -> Result<(), &'static str> {
        match tokio::time::timeout(timeout, &mut self.reader).await {
            Ok(_) => Ok(()),
            Err(_) => Err("the server did not end the watch"),
        }
    }

    /// Waits until `count` events are there, and then whether others come.
    pub async fn until_events(&self, count: usize) {
        let enough = async {
            while self.told(|told| told.events.len()) < count {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        // Too few events show when they are compared.
        if tokio::time::timeout(EVENTS_TIMEOUT, enough).await.is_ok() {
            tokio::time::sleep(SILENCE).await;
        }
    }

    /// Stops reading.
    pub fn stop(&self) {
        self.reader.abort();
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Value> {
        self.told(|told| told.events.clone())
    }

    /// What was told beside events: the body of a refusal.
    pub fn rest(&self) -> Vec<u8> {
        self.told(|told| told.rest.clone())
    }

    fn told<T>(&self, look: impl FnOnce(&Told) -> T) -> T {
        look(&self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Told {
    fn take_lines(&mut self, bookmarks: Bookmarks) {
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            if line.trim_ascii().is_empty() {
                continue;
            }
            // What is no JSON can't be equal to any event.
            let event =
                from_json(&line).unwrap_or_else(|_| String::from_utf8_lossy(&line).as_ref().into());
            self.take(event, bookmarks);
        }
    }

    fn take(&mut self, event: Value, bookmarks: Bookmarks) {
        let is_bookmark = |event: &Value| event.str_at(&["type"]) == Some("BOOKMARK");
        let plain = is_bookmark(&event) && !has_annotations(&event);
        let again = self.events.last().is_some_and(is_bookmark);
        if !plain || (bookmarks == Bookmarks::All && !again) {
            self.events.push(event);
        }
    }
}

/// Whether there are annotations anywhere: a Table has them in its row.
fn has_annotations(value: &Value) -> bool {
    match value {
        Value::Map(map) => map.contains_key("annotations") || map.values().any(has_annotations),
        Value::List(list) => list.iter().any(has_annotations),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(bookmarks: Bookmarks) -> Vec<String> {
        let mut told = Told::default();
        for chunk in [
            "{\"type\":\"BOOKMARK\",\"object\":{}}\n{\"type\":\"BOOK",
            "MARK\",\"object\":{}}\n\n{\"type\":\"ADDED\"}\n",
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"annotations\":{}}}}\nno JSON\n",
        ] {
            told.rest.extend_from_slice(chunk.as_bytes());
            told.take_lines(bookmarks);
        }
        let name = |event: &Value| event.str_at(&["type"]).unwrap_or("?").to_owned();
        told.events.iter().map(name).collect()
    }

    #[test]
    fn bookmarks_count_as_they_are_asked_for() {
        assert_eq!(types(Bookmarks::Annotated), ["ADDED", "BOOKMARK", "?"]);
        assert_eq!(
            types(Bookmarks::All),
            ["BOOKMARK", "ADDED", "BOOKMARK", "?"]
        );
    }
}
