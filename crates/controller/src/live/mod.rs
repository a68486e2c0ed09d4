//! The objects of the cluster that concern us, kept fresh by watches.
//!
//! One watch for each cluster and kind that stands in an inventory, over the
//! objects that carry an owner label; one by name for each object without our
//! labels whose health is waited for. Watches start and end with their users.
//!
//! The watches over owner labels are shared and run as whom the cluster's
//! configuration names. So an account that is impersonated sees through them
//! only objects that carry the labels of its own Kustomization; a watch by
//! name is made as the account itself. Where the cluster does not let the
//! shared watch be, because the controllers have no rights of their own over
//! the kind, the account watches it for itself, namespace by namespace.

mod following;
mod shown;
mod subject;
#[cfg(test)]
mod tests;
mod watching;

use crate::machine::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{ChangeCount, Changes, DeletedObject, LiveObject};
use trueup_kinds::names;
use trueup_object::{ObjectRef, Text};

pub(crate) use following::follow;
pub(crate) use shown::{SINCE_THE_BEGINNING, Shown};
pub(crate) use subject::{Subject, Viewer, What};
pub(crate) use watching::{answered, look_up, track, track_also};

/// What is known of a live object without asking.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    /// It is there, at least in this version.
    Seen(LiveObject),
    /// The watches that would show it do not: it is gone, or has lost its
    /// labels.
    NotSeen,
    /// No watch that would show it is complete.
    Unknown,
}

/// All watches and what they have shown.
#[derive(Debug, Default)]
pub(crate) struct LiveSet {
    watches: Mutex<BTreeMap<Subject, Watched>>,
}

#[derive(Debug)]
struct Watched {
    shown: Shown,
    standing: Standing,
    /// Why it is forbidden to watch.
    forbidden: Option<Text>,
    standing_changed: ChangeCount,
    users: BTreeSet<ObjectKey>,
    stop: CancellationToken,
}

/// How far a watch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has not listed yet.
    Begun,
    /// Listing fails, for now or for good.
    Failing,
    /// It has listed everything once.
    Complete,
}

/// A change that a watch has shown.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The object is there in another version; what it was before, if known.
    Applied {
        before: Option<LiveObject>,
        now: LiveObject,
    },
    /// The object is gone or has lost its labels; what it was before.
    Gone { before: LiveObject },
}

impl LiveSet {
    /// What is known of an object that somebody may know of.
    pub(crate) fn find(&self, viewer: &Viewer, reference: &ObjectRef) -> Sight {
        let watches = self.lock();
        let mut sight = Sight::Unknown;
        for subject in viewer.subjects(reference) {
            let Some(watched) = watches.get(&subject) else {
                continue;
            };
            // What is only remembered there says less than what is watched.
            let outdated =
                matches!(sight, Sight::NotSeen) && watched.standing != Standing::Complete;
            match watched.shown.get(reference) {
                Some(object) if !outdated && viewer.may_see(&subject, object) => {
                    return Sight::Seen(object.without_tree());
                }
                Some(_) => {}
                None if watched.standing == Standing::Complete => sight = Sight::NotSeen,
                None => {}
            }
        }
        sight
    }

    /// Takes in the answer to a read or write of our own. Where the watches
    /// will not tell of it any more, they being older, this is the change.
    pub(crate) fn answered(&self, viewer: &Viewer, object: &LiveObject) -> Vec<(Subject, Change)> {
        // An object without labels is none that this watch would go on showing.
        let labelled = object.label(names::OWNER_NAME).is_some();
        let subjects = viewer.subjects(object.reference()).into_iter();
        subjects
            .filter(|subject| labelled || matches!(subject.what, What::Named(..)))
            .filter_map(|subject| Some((subject.clone(), self.learnt(&subject, object)?)))
            .collect()
    }

    /// Takes in that an object is gone for certain.
    pub(crate) fn confirmed_gone(&self, viewer: &Viewer, reference: &ObjectRef) {
        let mut watches = self.lock();
        for subject in viewer.subjects(reference) {
            if let Some(watched) = watches.get_mut(&subject) {
                watched.shown.forget(reference);
            }
        }
    }

    /// Ends the watches that only this user had.
    pub(crate) fn release(&self, user: &ObjectKey) {
        self.set_users(user, &BTreeSet::new());
    }

    /// Makes `subjects` the watches of a user; answers those that must be
    /// started, and ends those that nobody uses any more.
    fn set_users(
        &self,
        user: &ObjectKey,
        subjects: &BTreeSet<Subject>,
    ) -> Vec<(Subject, CancellationToken)> {
        let mut watches = self.lock();
        watches.retain(|subject, watched| {
            if !subjects.contains(subject) {
                watched.users.remove(user);
            }
            let used = !watched.users.is_empty();
            if !used {
                watched.stop.cancel();
            }
            used
        });
        let mut started = Vec::new();
        for subject in subjects {
            let watched = watches.entry(subject.clone()).or_insert_with(|| {
                let watched = Watched::new();
                started.push((subject.clone(), watched.stop.clone()));
                watched
            });
            watched.users.insert(user.clone());
        }
        started
    }

    /// Makes somebody a user of one more watch; answers how it ends if it
    /// must be started.
    fn add_user(&self, user: &ObjectKey, subject: &Subject) -> Option<CancellationToken> {
        let mut watches = self.lock();
        let mut started = None;
        let watched = watches.entry(subject.clone()).or_insert_with(|| {
            let watched = Watched::new();
            started = Some(watched.stop.clone());
            watched
        });
        watched.users.insert(user.clone());
        started
    }

    /// The watches of a user that have not listed yet, and when that changes.
    fn begun(&self, user: &ObjectKey) -> Vec<Changes> {
        let watches = self.lock();
        let begun = watches
            .values()
            .filter(|it| it.users.contains(user) && it.standing == Standing::Begun);
        begun.map(|it| it.standing_changed.changes()).collect()
    }

    /// Takes in what a watch has shown; `None` if it was known already or the
    /// watch has ended.
    fn seen(&self, subject: &Subject, object: &LiveObject) -> Option<Change> {
        let mut watches = self.lock();
        watches.get_mut(subject)?.shown.seen(object)
    }

    /// Takes in an answer. What a watch has shown the end of since is not
    /// brought back by an answer that comes late.
    fn learnt(&self, subject: &Subject, object: &LiveObject) -> Option<Change> {
        let mut watches = self.lock();
        let shown = &mut watches.get_mut(subject)?.shown;
        shown.learnt(object, SINCE_THE_BEGINNING)
    }

    fn gone(&self, subject: &Subject, deleted: &DeletedObject) -> Option<Change> {
        let mut watches = self.lock();
        watches.get_mut(subject)?.shown.gone(deleted)
    }

    /// All that there was at `version` has been shown. What was known by an
    /// answer before that and was not shown is gone: it came and went while
    /// the watch was away.
    fn complete(&self, subject: &Subject, version: &str) -> Vec<Change> {
        let mut watches = self.lock();
        let Some(watched) = watches.get_mut(subject) else {
            return Vec::new();
        };
        watched.forbidden = None;
        watched.stands(Standing::Complete);
        let gone = watched.shown.complete(version).into_iter();
        gone.map(|before| Change::Gone { before }).collect()
    }

    /// Watching is forbidden: what was shown before is outdated from now on, and
    /// no answer comes too late for it. Once it is allowed again everything is
    /// shown again.
    fn forbidden(&self, subject: &Subject, why: &str) {
        if let Some(watched) = self.lock().get_mut(subject) {
            watched.forbidden = Some(why.into());
            if watched.standing != Standing::Failing {
                watched.shown = Shown::default();
                watched.stands(Standing::Failing);
            }
        }
    }

    /// Forgets what was learnt by reading and writing of objects that no watch
    /// shows: the next run reads them anew.
    fn forget_unwatched(&self, user: &ObjectKey) {
        let is_of_user = |object: &LiveObject| {
            object.label(names::OWNER_NAME) == Some(user.name.as_str())
                && object.label(names::OWNER_NAMESPACE) == Some(user.namespace.as_str())
        };
        for (subject, watched) in self.lock().iter_mut() {
            if watched.standing == Standing::Failing && watched.users.contains(user) {
                let shared = !matches!(subject.what, What::Named(..));
                watched.shown.retain(|object| shared && !is_of_user(object));
            }
        }
    }

    /// The watches of a user that are forbidden: what they are about, and why.
    /// A shared one is not told of where others stand in for it.
    pub(crate) fn forbidden_to(&self, user: &ObjectKey) -> Vec<(Subject, Text)> {
        let watches = self.lock();
        let used: Vec<_> = watches
            .iter()
            .filter(|(_, it)| it.users.contains(user))
            .collect();
        let replaced: BTreeSet<Subject> = used
            .iter()
            .filter_map(|(subject, _)| match &subject.what {
                What::OwnedIn(kind, ..) => Some(Subject::owned(&subject.cluster, kind.clone())),
                What::Owned(_) | What::Named(..) => None,
            })
            .collect();
        used.into_iter()
            .filter(|(subject, _)| !replaced.contains(subject))
            .filter_map(|(subject, it)| Some((subject.clone(), it.forbidden.clone()?)))
            .collect()
    }

    /// Whether a watch is open that the cluster does not let be.
    pub(crate) fn is_forbidden(&self, subject: &Subject) -> bool {
        let watches = self.lock();
        watches
            .get(subject)
            .is_some_and(|watched| watched.forbidden.is_some())
    }

    /// A watch that was complete once stays so: it resumes or lists anew.
    fn failing(&self, subject: &Subject) {
        if let Some(watched) = self.lock().get_mut(subject)
            && watched.standing == Standing::Begun
        {
            watched.stands(Standing::Failing);
        }
    }

    fn users(&self, subject: &Subject) -> Vec<ObjectKey> {
        self.lock()
            .get(subject)
            .map(|it| it.users.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// How many watches are open.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Subject, Watched>> {
        // Every change is a single insertion or removal; a panic elsewhere
        // can't leave it half done.
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn new() -> Self {
        Self {
            shown: Shown::default(),
            standing: Standing::Begun,
            forbidden: None,
            standing_changed: ChangeCount::default(),
            users: BTreeSet::new(),
            stop: CancellationToken::new(),
        }
    }

    fn stands(&mut self, standing: Standing) {
        self.standing = standing;
        self.standing_changed.raise();
    }
}
