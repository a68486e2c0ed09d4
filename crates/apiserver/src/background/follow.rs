//! Following all resources at once.

use super::actor::operation;
use crate::core::{Core, GroupResource, Identity, Outcome, Resource, Stored, WatchEvent, Watcher};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::collections::BTreeMap;
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
    /// `None` until it can be opened.
    watches: BTreeMap<GroupResource, Option<Box<Watcher>>>,
    /// All that was durable at this revision has been read.
    read: u64,
    more: Option<More>,
}

/// Done when there is more to read, or (false) will never be: one waker, not
/// one a watch.
struct More(BoxFuture<'static, bool>);

impl std::fmt::Debug for More {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("More")
    }
}

impl Follower {
    /// Reads everything that can be read now.
    pub fn read(&mut self, core: &Core, now: Timestamp, each: &mut dyn FnMut(Seen)) {
        // Before anything is read: what comes meanwhile is read twice at most.
        self.read = core.store().durable().revision();
        self.more = None;
        self.open_new(core, each);
        for (resource, watch) in &mut self.watches {
            // A watch that fell behind is opened anew, once a call.
            for _ in 0..2 {
                if watch.is_none() {
                    *watch = open(core, resource, now);
                }
                if !read_on(watch, resource, each) {
                    break;
                }
            }
        }
    }

    /// Opens watches of resources that are new, forgets those that are gone. What
    /// is not served any more is followed to its end: its objects go with it.
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
        self.watches.retain(|resource, watch| {
            let stays = watch.is_some() || served.contains(resource);
            if !stays {
                each(Seen {
                    resource: resource.clone(),
                    what: What::Forget,
                });
            }
            stays
        });
        for resource in served {
            self.watches.entry(resource).or_default();
        }
    }

    /// Ready as soon as there is something to read.
    pub fn poll_change(&mut self, core: &Core, context: &mut Context<'_>) -> Poll<()> {
        let next = self.read + 1;
        let more = self.more.get_or_insert_with(|| {
            let durable = core.store().durable();
            More(durable.wait(next).map(|kept| kept.is_ok()).boxed())
        });
        match more.0.as_mut().poll(context) {
            Poll::Ready(true) => Poll::Ready(()),
            Poll::Ready(false) => {
                *more = More(std::future::pending().boxed());
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Reads on; true if the watch has ended and is to be opened anew.
fn read_on(
    watch: &mut Option<Box<Watcher>>,
    resource: &GroupResource,
    each: &mut dyn FnMut(Seen),
) -> bool {
    let mut see = |what| {
        each(Seen {
            resource: resource.clone(),
            what,
        })
    };
    let Some(watcher) = watch else {
        return false;
    };
    loop {
        match watcher.try_next() {
            Ok(Some(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                see(What::Present(object))
            }
            Ok(Some(WatchEvent::Deleted(object))) => see(What::Gone(object)),
            Ok(Some(WatchEvent::Bookmark { .. })) => {}
            Ok(None) => return false,
            Ok(Some(WatchEvent::Error(_))) | Err(_) => {
                see(What::Forget);
                *watch = None;
                return true;
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
