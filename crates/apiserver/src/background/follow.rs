//! Following all resources at once.

use super::actor::operation;
use crate::core::{Core, GroupResource, Identity, Outcome, Resource, Stored, WatchEvent, Watcher};
use futures::Stream;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One thing that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of which resource.
    pub resource: GroupResource,
    /// What it was.
    pub what: What,
}

/// What was seen.
#[derive(Clone, Debug)]
pub enum What {
    /// An object is there, new or changed.
    Present(Arc<Stored>),
    /// An object is gone.
    Gone(Arc<Stored>),
    /// Everything that was seen of this resource is to be forgotten: it is
    /// seen again from the start, or is not served any more.
    Forget,
}

impl Seen {
    /// Whether it is of a resource.
    pub fn is_of(&self, group: &str, plural: &str) -> bool {
        self.resource.group == group && self.resource.plural == plural
    }

    /// The object, whether it is there or gone.
    pub fn object(&self) -> Option<&Arc<Stored>> {
        match &self.what {
            What::Present(object) | What::Gone(object) => Some(object),
            What::Forget => None,
        }
    }
}

/// The watches of all resources.
#[derive(Debug, Default)]
pub struct Follower {
    tables_version: Option<u64>,
    watches: BTreeMap<GroupResource, Watch>,
}

#[derive(Debug)]
struct Watch {
    watcher: Option<Box<Watcher>>,
    /// Events that were read while waiting.
    ready: VecDeque<WatchEvent>,
}

impl Follower {
    /// Reads everything that can be read now.
    pub fn read(&mut self, core: &Core, now: Timestamp, each: &mut dyn FnMut(Seen)) {
        self.open_new(core, each);
        for (resource, watch) in &mut self.watches {
            // A watch that fell behind is opened anew, once a call.
            for _ in 0..2 {
                if watch.watcher.is_none() {
                    watch.watcher = open(core, resource, now);
                }
                if !watch.read(resource, each) {
                    break;
                }
            }
        }
    }

    /// Opens watches of resources that are new, forgets those that are gone.
    fn open_new(&mut self, core: &Core, each: &mut dyn FnMut(Seen)) {
        let tables = core.registry().tables();
        if self.tables_version == Some(tables.version) {
            return;
        }
        self.tables_version = Some(tables.version);
        let served: Vec<GroupResource> = tables
            .rows
            .iter()
            .filter(|row| is_followed(row))
            .map(|row| row.group_resource())
            .collect();
        self.watches.retain(|resource, _| {
            let stays = served.contains(resource);
            if !stays {
                each(Seen {
                    resource: resource.clone(),
                    what: What::Forget,
                });
            }
            stays
        });
        for resource in served {
            self.watches.entry(resource).or_insert_with(|| Watch {
                watcher: None,
                ready: VecDeque::new(),
            });
        }
    }

    /// Ready as soon as there is something to read.
    pub fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut changed = Poll::Pending;
        for watch in self.watches.values_mut() {
            // One that could not be opened is tried again at the next look.
            let Some(watcher) = &mut watch.watcher else {
                continue;
            };
            match Pin::new(watcher.as_mut()).poll_next(context) {
                Poll::Pending => {}
                Poll::Ready(event) => {
                    watch.ready.extend(event);
                    changed = Poll::Ready(());
                }
            }
        }
        changed
    }
}

impl Watch {
    /// Reads on; true if the watch has ended and is to be opened anew.
    fn read(&mut self, resource: &GroupResource, each: &mut dyn FnMut(Seen)) -> bool {
        let mut see = |what| {
            each(Seen {
                resource: resource.clone(),
                what,
            })
        };
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        loop {
            let event = match self.ready.pop_front() {
                Some(event) => Ok(Some(event)),
                None => watcher.try_next(),
            };
            match event {
                Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    see(What::Present(object))
                }
                Ok(Some(WatchEvent::Deleted(object))) => see(What::Gone(object)),
                Ok(Some(WatchEvent::Bookmark { .. })) => {}
                Ok(None) => return false,
                Ok(Some(WatchEvent::Error(_))) | Err(_) => {
                    see(What::Forget);
                    self.watcher = None;
                    return true;
                }
            }
        }
    }
}

fn is_followed(row: &Resource) -> bool {
    // Events of both groups are the same objects.
    row.verbs.iter().any(|verb| verb == "watch") && row.group != "events.k8s.io"
}

fn open(core: &Core, resource: &GroupResource, now: Timestamp) -> Option<Box<Watcher>> {
    let row = core.registry().tables().of(resource).cloned()?;
    let target = format!("{}?watch=true", super::actor::path(&row, "", ""));
    let operation = operation(core, "GET", &target, None).ok()?;
    match core
        .execute(&operation, &Identity::admin(), now)
        .ok()?
        .outcome
    {
        Outcome::Watch { watcher, .. } => Some(watcher),
        _ => None,
    }
}
