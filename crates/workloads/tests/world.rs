//! A world that does what is decided: just enough of an API server.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use trueup_cluster::LiveObject;
use trueup_object::{ObjectRef, Text, Value, to_json, value};
use trueup_workloads::{Action, Cache, Key, Kind, Note, Parts, Setting, decide};

/// More than any of these tests needs.
const MAX_STEPS: u32 = 2_000;

/// What happened to an object on the server.
#[derive(Clone)]
pub enum Change {
    Put(LiveObject),
    Gone(Key, Text),
}

pub struct World {
    pub cache: Cache,
    pub now: Timestamp,
    pub ready_delay: Duration,
    pub parts: Parts,
    pub random: fastrand::Rng,
    version: u64,
    pub writes: u64,
    /// What was told, in order.
    pub notes: Vec<Note>,
    /// What happened, until somebody takes it out.
    pub changes: Vec<Change>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            cache: Cache::default(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            ready_delay: Duration::ZERO,
            parts: Parts::All,
            random: fastrand::Rng::with_seed(seed),
            version: 0,
            writes: 0,
            notes: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub fn setting(&self) -> Setting {
        Setting {
            node_name: "trueup".into(),
            parts: self.parts,
            ready_delay: self.ready_delay,
            now: self.now,
            first_seen: None,
            failure: None,
            triggers: None,
            processes: None,
        }
    }

    /// Stores an object as a server does.
    pub fn put(&mut self, mut object: Value) -> ObjectRef {
        self.version += 1;
        if object.at(&["metadata", "name"]).is_none() {
            let prefix = object.str_at(&["metadata", "generateName"]).unwrap();
            let name = format!("{prefix}{}", self.version);
            object.set_at(&["metadata", "name"], name.into());
        }
        let reference = ObjectRef::of(&object).unwrap();
        if object.at(&["metadata", "uid"]).is_none() {
            object.set_at(&["metadata", "uid"], format!("uid-{}", self.version).into());
            object.set_at(&["metadata", "generation"], 1.into());
            object.set_at(
                &["metadata", "creationTimestamp"],
                format!("{:.0}", self.now).into(),
            );
        }
        object.set_at(
            &["metadata", "resourceVersion"],
            self.version.to_string().into(),
        );
        let live = LiveObject::from_json(&reference.kind, Bytes::from(to_json(&object))).unwrap();
        self.changes.push(Change::Put(live.clone()));
        self.cache.put(live);
        reference
    }

    pub fn get(&self, kind: Kind, name: &str) -> LiveObject {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("no {kind:?} {name}"))
    }

    pub fn find(&self, kind: Kind, name: &str) -> Option<LiveObject> {
        self.cache
            .get(&Key {
                kind,
                namespace: "n".into(),
                name: name.into(),
            })
            .cloned()
    }

    pub fn all(&self, kind: Kind) -> Vec<LiveObject> {
        let keys = self.cache.keys().filter(|key| key.kind == kind);
        keys.map(|key| self.cache.get(key).unwrap().clone())
            .collect()
    }

    /// Changes `spec` of an object as a user does.
    pub fn change(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        let live = self.get(kind, name);
        let mut object = live.value().clone();
        change(&mut object);
        object.set_at(&["metadata", "generation"], (live.generation() + 1).into());
        self.put(object);
    }

    /// Decides about one object, picked at random, and does it; false when
    /// nobody wants anything.
    pub fn step(&mut self) -> bool {
        let mut keys: Vec<Key> = self.cache.keys().cloned().collect();
        self.random.shuffle(&mut keys);
        for key in keys {
            let decision = decide(&key, &self.cache, &self.setting());
            if !decision.actions.is_empty() {
                for action in decision.actions {
                    self.perform(action);
                }
                return true;
            }
        }
        false
    }

    /// Goes on until nobody wants anything at this time.
    pub fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            if !self.step() {
                return;
            }
        }
        panic!("the world does not come to rest: {:#?}", self.wishes());
    }

    /// What is wanted now, for messages.
    fn wishes(&self) -> Vec<Action> {
        let wishes = self
            .cache
            .keys()
            .flat_map(|key| decide(key, &self.cache, &self.setting()).actions);
        wishes.collect()
    }

    /// The earliest time that anybody waits for.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.cache
            .keys()
            .filter_map(|key| decide(key, &self.cache, &self.setting()).wake_at)
            .min()
    }

    /// Settles, then jumps from wake to wake up to `seconds` from now.
    pub fn live(&mut self, seconds: i64) {
        let end = self.now + SignedDuration::from_secs(seconds);
        self.settle();
        while let Some(wake) = self.next_wake().filter(|wake| *wake <= end) {
            self.now = wake.max(self.now + SignedDuration::from_millis(1));
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    pub fn perform(&mut self, action: Action) {
        match action {
            Action::InOrder(actions) | Action::SlowStart(actions) => {
                actions.into_iter().for_each(|action| self.perform(action));
            }
            Action::Told { write, done, .. } => {
                self.perform(*write);
                self.notes.extend(done);
            }
            Action::Tell(note) => self.notes.push(note),
            write => self.write(write),
        }
    }

    fn write(&mut self, action: Action) {
        self.writes += 1;
        match action {
            Action::Create(object) => {
                let exists = object.str_at(&["metadata", "name"]).is_some()
                    && Key::of(&ObjectRef::of(&object).unwrap())
                        .is_some_and(|key| self.cache.get(&key).is_some());
                if !exists {
                    self.put(object);
                }
            }
            Action::Merge {
                reference,
                resource_version,
                patch,
            }
            | Action::MergeByStatus {
                reference,
                resource_version,
                patch,
            } => self.merge(&reference, &resource_version, &patch),
            Action::MergeStatus {
                reference,
                resource_version,
                status,
            } => {
                let mut patch = value!({});
                patch.set_at(&["status"], status);
                self.merge(&reference, &resource_version, &patch);
            }
            Action::Delete { reference, uid } | Action::Finish { reference, uid } => {
                let key = Key::of(&reference).unwrap();
                let there = self.cache.get(&key).is_some_and(|live| *live.uid() == uid);
                if there {
                    self.cache.remove(&key, &uid);
                    self.changes.push(Change::Gone(key, uid));
                }
            }
            Action::Scale {
                reference,
                resource_version,
                replicas,
            } => self.merge(
                &reference,
                &resource_version,
                &value!({"spec": {"replicas": replicas}}),
            ),
            Action::Bind { reference, node } => {
                let Some(live) = self.cache.get(&Key::of(&reference).unwrap()) else {
                    return;
                };
                let mut object = live.value().clone();
                object.set_at(&["spec", "nodeName"], node.into());
                self.put(object);
            }
            other => panic!("no write: {other:?}"),
        }
    }

    fn merge(&mut self, reference: &ObjectRef, version: &Text, patch: &Value) {
        let Some(live) = self.cache.get(&Key::of(reference).unwrap()) else {
            return;
        };
        if live.resource_version() != version {
            return;
        }
        let mut object = live.value().clone();
        let before = object.get("spec").cloned();
        merge(&mut object, patch);
        if object.get("spec").cloned() != before {
            object.set_at(&["metadata", "generation"], (live.generation() + 1).into());
        }
        self.put(object);
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_map() else {
        *target = patch.clone();
        return;
    };
    if target.as_map().is_none() {
        *target = Value::map();
    }
    for (key, change) in patch {
        let target = target.as_map_mut().unwrap();
        if change.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key), change);
        }
    }
}

pub fn template(image: &str) -> Value {
    value!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

/// The condition of a type: its status and reason.
pub fn condition(object: &LiveObject, kind: &str) -> Option<(String, String)> {
    let conditions = object.value().at(&["status", "conditions"])?.as_list()?;
    let condition = conditions
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))?;
    let text = |key| condition.str_at(&[key]).unwrap_or_default().to_owned();
    Some((text("status"), text("reason")))
}
