//! Writers: each changes objects of its own until the server is gone.

use super::model::{Key, State};
use super::requests::{KINDS, Kind, revision, send};
use kube::Client;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many objects of each kind a writer has.
const OBJECTS: usize = 3;

pub struct Writer {
    pub number: usize,
    pub states: BTreeMap<Key, State>,
    pub acknowledged: u64,
    /// The greatest revision in an answer.
    pub revision: u64,
    random: fastrand::Rng,
}

impl Writer {
    /// A writer that goes on from the states of its objects.
    pub fn new(number: usize, all: &BTreeMap<Key, State>, revision: u64, seed: u64) -> Self {
        let keys = KINDS
            .into_iter()
            .flat_map(|kind| (0..OBJECTS).map(move |object| (kind, format!("w{number}-{object}"))));
        let states = keys
            .map(|key| (key.clone(), all.get(&key).copied().unwrap_or_default()))
            .collect();
        Self {
            number,
            states,
            acknowledged: 0,
            revision,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Writes until a request gets no answer.
    pub async fn run(mut self, client: Client) -> Self {
        while self.step(&client).await.is_some() {}
        self
    }

    async fn step(&mut self, client: &Client) -> Option<()> {
        let index = self.random.usize(..self.states.len());
        let (key, state) = self
            .states
            .iter()
            .nth(index)
            .map(|(key, state)| (key.clone(), *state))?;
        match (state.kept, self.random.u8(..10)) {
            (_, 0) => self.remove_many(client, key.0).await,
            (Some(_), 1 | 2) => self.remove(client, &key).await,
            (Some(_), 3..6) => self.put(client, &key, "PUT").await,
            (None, 3..6) => self.put(client, &key, "POST").await,
            _ => self.put(client, &key, "PATCH").await,
        }
    }

    /// Makes, replaces or applies one object.
    async fn put(&mut self, client: &Client, key: &Key, method: &str) -> Option<()> {
        let state = self.states.get_mut(key)?;
        let count = state.greatest + 1;
        (state.tried, state.greatest) = (Some(Some(count)), count);
        let mut object = key.0.object(&key.1, self.number, count);
        let mut target = key.0.collection().to_owned();
        match method {
            "POST" => {}
            "PATCH" => target.push_str(&format!("/{}?fieldManager=test&force=true", key.1)),
            _ => target.push_str(&format!("/{}", key.1)),
        }
        if (method, key.0) == ("PUT", Kind::Widget) {
            // Custom resources are replaced with the version that was read.
            let (_, read) = send(client, "GET", &target, None).await?;
            object["metadata"]["resourceVersion"] = read["metadata"]["resourceVersion"].clone();
        }
        let (status, answer) = send(client, method, &target, Some(object)).await?;
        self.answered(key, Some(count), status, &answer)
    }

    async fn remove(&mut self, client: &Client, key: &Key) -> Option<()> {
        self.states.get_mut(key)?.tried = Some(None);
        let target = format!("{}/{}", key.0.collection(), key.1);
        let (status, answer) = send(client, "DELETE", &target, None).await?;
        self.answered(key, None, status, &answer)
    }

    /// Removes all objects of a kind with one request.
    async fn remove_many(&mut self, client: &Client, kind: Kind) -> Option<()> {
        let mine = |key: &Key| key.0 == kind;
        for (_, state) in self.states.iter_mut().filter(|(key, _)| mine(key)) {
            state.tried = Some(None);
        }
        let target = format!(
            "{}?labelSelector=writer%3Dw{}",
            kind.collection(),
            self.number
        );
        let (status, answer) = send(client, "DELETE", &target, None).await?;
        assert_eq!(status, 200, "{answer}");
        for (_, state) in self.states.iter_mut().filter(|(key, _)| mine(key)) {
            (state.kept, state.tried) = (None, None);
        }
        self.acknowledged += 1;
        Some(())
    }

    fn answered(&mut self, key: &Key, now: Option<u64>, status: u16, answer: &Value) -> Option<()> {
        assert!(status < 300, "{key:?} to {now:?}: {status} {answer}");
        let state = self.states.get_mut(key)?;
        (state.kept, state.tried) = (now, None);
        self.acknowledged += 1;
        if now.is_some() && !answer.is_null() {
            assert_eq!(
                Some(key.0.count(answer)),
                now,
                "an answer shows what was written"
            );
            assert!(
                revision(answer) > self.revision,
                "revisions only grow: {answer}"
            );
            self.revision = revision(answer);
        }
        Some(())
    }
}
