//! Somebody who lists once and then only watches, across the kills.

use super::model::read_all;
use super::requests::{KINDS, Kind, must, revision};
use futures::TryStreamExt;
use kube::Client;
use kube::core::{DynamicObject, WatchEvent};
use std::collections::BTreeMap;
use std::pin::pin;

/// What is known of each kind, and how often a watch went on over a kill.
#[derive(Default)]
pub struct Follower {
    followed: Vec<Followed>,
    pub went_on: u64,
    pub gone: u64,
}

/// One kind as its watcher knows it.
struct Followed {
    kind: Kind,
    counts: BTreeMap<String, u64>,
    revision: u64,
}

/// The server no longer knows what changed since then.
struct Gone;

impl Follower {
    /// The greatest revision that was seen.
    pub fn greatest(&self) -> u64 {
        self.followed
            .iter()
            .map(|it| it.revision)
            .max()
            .unwrap_or(0)
    }

    /// Watches on from before the kill, up to now: what it knows then is what
    /// a list shows, or it is told to list again. Nobody else writes.
    pub async fn catch_up(&mut self, client: &Client, round: u64) {
        for followed in &mut self.followed {
            let marker = mark(client, followed.kind, round).await;
            match followed.watch(client, Some(marker)).await {
                Err(Gone) => self.gone += 1,
                Ok(()) => {
                    self.went_on += 1;
                    let now = list(client, followed.kind).await;
                    assert_eq!(
                        followed.counts, now.counts,
                        "round {round}: a watch missed something"
                    );
                }
            }
        }
        self.followed.clear();
        for kind in KINDS {
            self.followed.push(list(client, kind).await);
        }
    }

    /// Watches until the server is gone.
    pub async fn follow(mut self, client: Client) -> Self {
        let watches = self
            .followed
            .iter_mut()
            .map(|followed| followed.watch(&client, None));
        for ended in futures::future::join_all(watches).await {
            assert!(ended.is_ok(), "a watch fell behind under load");
        }
        self
    }
}

async fn list(client: &Client, kind: Kind) -> Followed {
    let mut found = read_all(client).await;
    let revision = found.revisions.remove(&kind).unwrap_or(0);
    let of_kind = found.counts.into_iter().filter(|((of, _), _)| *of == kind);
    Followed {
        kind,
        counts: of_kind.map(|((_, name), count)| (name, count)).collect(),
        revision,
    }
}

/// Writes an object that no writer has; gives its revision.
async fn mark(client: &Client, kind: Kind, round: u64) -> u64 {
    let mut marker = kind.object("marker", 0, round);
    marker["metadata"]["labels"] = serde_json::json!({});
    let target = format!(
        "{}/marker?fieldManager=marker&force=true",
        kind.collection()
    );
    revision(&must(client, "PATCH", &target, Some(marker)).await)
}

impl Followed {
    /// Follows changes up to a revision, or until the server is gone.
    async fn watch(&mut self, client: &Client, until: Option<u64>) -> Result<(), Gone> {
        let target = format!(
            "{}?watch=true&resourceVersion={}",
            self.kind.collection(),
            self.revision
        );
        let request = http::Request::get(target).body(Vec::new()).unwrap();
        let events = match client.request_events::<DynamicObject>(request).await {
            Ok(events) => events,
            Err(kube::Error::Api(status)) if status.code == 410 => return Err(Gone),
            Err(_) => return Ok(()),
        };
        let mut events = pin!(events);
        while let Ok(Some(event)) = events.try_next().await {
            if let WatchEvent::Error(status) = &event {
                assert_eq!(status.code, 410, "{status:?}");
                return Err(Gone);
            }
            self.apply(event);
            if until.is_some_and(|until| self.revision >= until) {
                return Ok(());
            }
        }
        assert!(until.is_none(), "the watch ended before the marker");
        Ok(())
    }

    fn apply(&mut self, event: WatchEvent<DynamicObject>) {
        let (object, is_there) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => return,
        };
        let name = object.metadata.name.clone().unwrap_or_default();
        let is_written = object
            .metadata
            .labels
            .as_ref()
            .is_some_and(|labels| labels.contains_key("writer"));
        let object = serde_json::to_value(&object).unwrap();
        let now = revision(&object);
        assert!(
            now > self.revision,
            "events are in order: {now} after {}",
            self.revision
        );
        self.revision = now;
        match is_there {
            _ if !is_written => {}
            true => drop(self.counts.insert(name, self.kind.count(&object))),
            false => drop(self.counts.remove(&name)),
        }
    }
}
