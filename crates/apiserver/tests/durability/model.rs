//! What the server has acknowledged, and what it may have done besides.

use super::requests::{KINDS, Kind, must, revision};
use kube::Client;
use std::collections::BTreeMap;

/// Kind and name.
pub type Key = (Kind, String);

/// One object: the number in it, `None` where it is not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// As it was acknowledged last.
    pub kept: Option<u64>,
    /// What a request wanted that got no answer.
    pub tried: Option<Option<u64>>,
    /// The greatest number that was ever in it.
    pub greatest: u64,
}

/// The objects of all writers, and the greatest revision that anybody saw.
#[derive(Debug, Default)]
pub struct Model {
    pub states: BTreeMap<Key, State>,
    pub revision: u64,
    pub acknowledged: u64,
}

impl Model {
    /// Holds what the server has against what it acknowledged, and goes on
    /// from there.
    pub async fn check(&mut self, client: &Client, round: u64) {
        let found = read_all(client).await;
        for (kind, list_revision) in &found.revisions {
            assert!(
                *list_revision >= self.revision,
                "round {round}: {kind:?} are at {list_revision}, {} was seen before",
                self.revision
            );
        }
        for (key, state) in &mut self.states {
            let now = found.counts.get(key).copied();
            let allowed = now == state.kept || state.tried == Some(now);
            assert!(
                allowed,
                "round {round}: {key:?} is {now:?}, expected {state:?}"
            );
            (state.kept, state.tried) = (now, None);
        }
        for key in found.counts.keys() {
            assert!(
                self.states.contains_key(key),
                "round {round}: nobody wrote {key:?}"
            );
        }
    }
}

/// All that the writers wrote, as lists show it.
#[derive(Debug, Default)]
pub struct Found {
    pub counts: BTreeMap<Key, u64>,
    pub revisions: BTreeMap<Kind, u64>,
}

pub async fn read_all(client: &Client) -> Found {
    let mut found = Found::default();
    for kind in KINDS {
        let target = format!("{}?labelSelector=writer", kind.collection());
        let list = must(client, "GET", &target, None).await;
        found.revisions.insert(kind, revision(&list));
        for object in list["items"].as_array().expect("a list has items") {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            assert!(
                revision(object) <= revision(&list),
                "newer than its list: {object}"
            );
            found
                .counts
                .insert((kind, name.to_owned()), kind.count(object));
        }
    }
    found
}
