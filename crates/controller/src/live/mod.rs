//! The objects of the cluster that concern us, kept fresh by watches.
//!
//! One watch for each kind that stands in an inventory, over the objects that
//! carry an owner label; one by name for each object without our labels whose
//! health is waited for. Watches start and end with their users.

mod watching;

use crate::machine::ObjectKey;
use crate::objects::is_newer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{ChangeCount, Changes, LiveObject};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, ObjectRef};

pub(crate) use watching::{answered, track};

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The objects of a kind that carry an owner label.
    Owned(GroupVersionKind),
    /// One object.
    Named(ObjectRef),
}

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
    objects: BTreeMap<ObjectRef, LiveObject>,
    standing: Standing,
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
    /// What is known of an object.
    pub(crate) fn find(&self, reference: &ObjectRef) -> Sight {
        let watches = self.lock();
        let subjects = [
            Subject::Named(reference.clone()),
            Subject::Owned(reference.kind.clone()),
        ];
        let mut sight = Sight::Unknown;
        for watched in subjects.iter().filter_map(|subject| watches.get(subject)) {
            if let Some(object) = watched.objects.get(reference) {
                return Sight::Seen(object.clone());
            }
            if watched.standing == Standing::Complete {
                sight = Sight::NotSeen;
            }
        }
        sight
    }

    /// Takes in the answer to a read or write of our own. Where the watches
    /// will not tell of it any more, they being older, this is the change.
    pub(crate) fn answered(&self, object: &LiveObject) -> Vec<(Subject, Change)> {
        let reference = object.reference();
        let named = Some(Subject::Named(reference.clone()));
        // An object without labels is none that this watch would go on showing.
        let labelled = object.label(names::OWNER_NAME).is_some();
        let owned = labelled.then(|| Subject::Owned(reference.kind.clone()));
        let subjects = named.into_iter().chain(owned);
        subjects
            .filter_map(|subject| Some((subject.clone(), self.seen(&subject, object)?)))
            .collect()
    }

    /// Takes in that an object is gone for certain.
    pub(crate) fn confirmed_gone(&self, reference: &ObjectRef) {
        let mut watches = self.lock();
        for subject in [
            Subject::Named(reference.clone()),
            Subject::Owned(reference.kind.clone()),
        ] {
            if let Some(watched) = watches.get_mut(&subject) {
                watched.objects.remove(reference);
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
        let watched = watches.get_mut(subject)?;
        let before = watched.objects.get(object.reference()).cloned();
        let same_life = before.as_ref().filter(|it| it.uid() == object.uid());
        if same_life.is_some_and(|known| !is_newer(object, known)) {
            return None;
        }
        watched
            .objects
            .insert(object.reference().clone(), object.clone());
        Some(Change::Applied {
            before,
            now: object.clone(),
        })
    }

    fn gone(&self, subject: &Subject, reference: &ObjectRef, uid: &str) -> Option<Change> {
        let mut watches = self.lock();
        let watched = watches.get_mut(subject)?;
        if watched.objects.get(reference)?.uid() != uid {
            return None;
        }
        let before = watched.objects.remove(reference)?;
        Some(Change::Gone { before })
    }

    fn complete(&self, subject: &Subject) {
        if let Some(watched) = self.lock().get_mut(subject) {
            watched.stands(Standing::Complete);
        }
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
            objects: BTreeMap::new(),
            standing: Standing::Begun,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Kind;
    use trueup_cluster::ClusterKey;

    fn user(name: &str) -> ObjectKey {
        ObjectKey {
            cluster: ClusterKey::local(),
            kind: Kind::Kustomization,
            namespace: "fleet".into(),
            name: name.into(),
        }
    }

    fn object(name: &str, version: u64) -> LiveObject {
        let raw = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"x","labels":{{"kustomize.toolkit.fluxcd.io/name":"a"}},"uid":"u","resourceVersion":"{version}"}}}}"#
        );
        LiveObject::from_json(&GroupVersionKind::new("v1", "ConfigMap"), raw.into()).unwrap()
    }

    #[test]
    fn watches_start_and_end_with_their_users() {
        let live = LiveSet::default();
        let maps = Subject::Owned(GroupVersionKind::new("v1", "ConfigMap"));
        let wanted = BTreeSet::from([maps.clone()]);
        assert_eq!(live.set_users(&user("a"), &wanted).len(), 1);
        assert_eq!(
            live.set_users(&user("b"), &wanted).len(),
            0,
            "one watch serves both"
        );
        live.release(&user("a"));
        assert_eq!(live.users(&maps), [user("b")]);
        live.release(&user("b"));
        assert_eq!(live.len(), 0);
    }

    #[test]
    fn what_we_wrote_is_not_overtaken_by_what_a_watch_tells_later() {
        let live = LiveSet::default();
        let maps = Subject::Owned(GroupVersionKind::new("v1", "ConfigMap"));
        live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
        assert!(matches!(
            live.find(object("m", 1).reference()),
            Sight::Unknown
        ));
        live.answered(&object("m", 5));
        assert!(live.seen(&maps, &object("m", 4)).is_none());
        assert!(live.seen(&maps, &object("m", 6)).is_some());
        live.complete(&maps);
        assert!(
            matches!(live.find(object("m", 1).reference()), Sight::Seen(it) if it.resource_version() == "6")
        );
        assert!(
            live.gone(&maps, object("m", 1).reference(), "another life")
                .is_none()
        );
        assert!(live.gone(&maps, object("m", 1).reference(), "u").is_some());
        assert!(matches!(
            live.find(object("m", 1).reference()),
            Sight::NotSeen
        ));
    }
}
