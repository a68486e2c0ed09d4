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

mod watching;

use crate::machine::ObjectKey;
use crate::objects::is_newer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_cluster::{ChangeCount, Changes, ClusterKey, Identity, LiveObject, Session};
use trueup_kinds::names;
use trueup_object::{GroupVersionKind, ObjectRef, Text};

pub(crate) use watching::{answered, look_up, track, track_also};

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The cluster that is watched.
    pub cluster: ClusterKey,
    /// What is watched there.
    pub what: What,
}

/// What a watch is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The objects of a kind that carry an owner label.
    Owned(GroupVersionKind),
    /// The same in one namespace (in none: of the whole cluster), as whom they
    /// are looked at; stands in for a shared watch that is forbidden.
    OwnedIn(GroupVersionKind, Text, Identity),
    /// One object, as whom it is looked at.
    Named(ObjectRef, Identity),
}

impl Subject {
    /// The objects of a kind that carry an owner label.
    pub(crate) fn owned(cluster: &ClusterKey, kind: GroupVersionKind) -> Self {
        Self {
            cluster: cluster.clone(),
            what: What::Owned(kind),
        }
    }

    /// The objects of a kind beside another one that carry an owner label,
    /// seen as the session's identity.
    pub(crate) fn owned_beside(session: &Session, reference: &ObjectRef) -> Self {
        let (kind, namespace) = (reference.kind.clone(), reference.namespace.clone());
        Self {
            cluster: session.cluster().key().clone(),
            what: What::OwnedIn(kind, namespace, session.identity().clone()),
        }
    }

    /// One object, seen as the session's identity.
    pub(crate) fn named(session: &Session, reference: ObjectRef) -> Self {
        Self {
            cluster: session.cluster().key().clone(),
            what: What::Named(reference, session.identity().clone()),
        }
    }
}

/// Who looks at live objects, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// The cluster that is looked at.
    pub cluster: ClusterKey,
    /// As whom.
    pub identity: Identity,
    /// For whose sake: the custom resource whose labels its objects carry.
    pub owner: ObjectKey,
}

impl Viewer {
    /// Whoever looks as a session for the sake of a custom resource.
    pub(crate) fn new(session: &Session, owner: &ObjectKey) -> Self {
        Self {
            cluster: session.cluster().key().clone(),
            identity: session.identity().clone(),
            owner: owner.clone(),
        }
    }

    fn subjects(&self, reference: &ObjectRef) -> [Subject; 3] {
        let (kind, namespace) = (reference.kind.clone(), reference.namespace.clone());
        let identity = || self.identity.clone();
        [
            What::Named(reference.clone(), identity()),
            What::OwnedIn(kind.clone(), namespace, identity()),
            What::Owned(kind),
        ]
        .map(|what| Subject {
            cluster: self.cluster.clone(),
            what,
        })
    }

    /// Whether what a watch has shown may be told.
    fn may_see(&self, subject: &Subject, object: &LiveObject) -> bool {
        let own = || {
            object.label(names::OWNER_NAME) == Some(self.owner.name.as_str())
                && object.label(names::OWNER_NAMESPACE) == Some(self.owner.namespace.as_str())
        };
        match (&subject.what, &self.identity) {
            (What::Named(..) | What::OwnedIn(..), _) | (What::Owned(_), Identity::Controller) => {
                true
            }
            (What::Owned(_), Identity::Impersonate { .. }) => own(),
        }
    }
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
    /// None with a tree: most are looked at once in an interval.
    objects: BTreeMap<ObjectRef, LiveObject>,
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
            match watched.objects.get(reference) {
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
            .filter_map(|subject| Some((subject.clone(), self.seen(&subject, object)?)))
            .collect()
    }

    /// Takes in that an object is gone for certain.
    pub(crate) fn confirmed_gone(&self, viewer: &Viewer, reference: &ObjectRef) {
        let mut watches = self.lock();
        for subject in viewer.subjects(reference) {
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
        let watched = watches.get_mut(subject)?;
        let before = watched.objects.get(object.reference()).cloned();
        let same_life = before.as_ref().filter(|it| it.uid() == object.uid());
        if same_life.is_some_and(|known| !is_newer(object, known)) {
            return None;
        }
        watched
            .objects
            .insert(object.reference().clone(), object.without_tree());
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
            watched.forbidden = None;
            watched.stands(Standing::Complete);
        }
    }

    /// Watching is forbidden: what was shown before is outdated from now on.
    fn forbidden(&self, subject: &Subject, why: &str) {
        if let Some(watched) = self.lock().get_mut(subject) {
            watched.forbidden = Some(why.into());
            if watched.standing != Standing::Failing {
                watched.objects.clear();
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
                watched
                    .objects
                    .retain(|_, object| shared && !is_of_user(object));
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
            objects: BTreeMap::new(),
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

    fn maps() -> Subject {
        Subject::owned(
            &ClusterKey::local(),
            GroupVersionKind::new("v1", "ConfigMap"),
        )
    }

    fn viewer(identity: Identity, owner: &str) -> Viewer {
        Viewer {
            cluster: ClusterKey::local(),
            identity,
            owner: user(owner),
        }
    }

    fn controller() -> Viewer {
        viewer(Identity::Controller, "a")
    }

    fn object(name: &str, version: u64) -> LiveObject {
        let raw = format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"x","labels":{{"kustomize.toolkit.fluxcd.io/name":"a","kustomize.toolkit.fluxcd.io/namespace":"fleet"}},"uid":"u","resourceVersion":"{version}"}}}}"#
        );
        LiveObject::from_json(&GroupVersionKind::new("v1", "ConfigMap"), raw.into()).unwrap()
    }

    #[test]
    fn watches_start_and_end_with_their_users() {
        let live = LiveSet::default();
        let maps = maps();
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
        let maps = maps();
        live.set_users(&user("a"), &BTreeSet::from([maps.clone()]));
        assert!(matches!(
            live.find(&controller(), object("m", 1).reference()),
            Sight::Unknown
        ));
        live.answered(&controller(), &object("m", 5));
        assert!(live.seen(&maps, &object("m", 4)).is_none());
        assert!(live.seen(&maps, &object("m", 6)).is_some());
        live.complete(&maps);
        assert!(
            matches!(live.find(&controller(), object("m", 1).reference()), Sight::Seen(it) if it.resource_version() == "6")
        );
        assert!(
            live.gone(&maps, object("m", 1).reference(), "another life")
                .is_none()
        );
        assert!(live.gone(&maps, object("m", 1).reference(), "u").is_some());
        assert!(matches!(
            live.find(&controller(), object("m", 1).reference()),
            Sight::NotSeen
        ));
    }

    #[test]
    fn an_account_sees_only_what_is_its_own_through_a_shared_watch() {
        let live = LiveSet::default();
        live.set_users(&user("a"), &BTreeSet::from([maps()]));
        live.seen(&maps(), &object("m", 1));
        live.complete(&maps());
        let tenant = || Identity::service_account("fleet", "tenant");
        let sight = |viewer| live.find(&viewer, object("m", 1).reference());
        assert!(matches!(sight(viewer(tenant(), "a")), Sight::Seen(_)));
        assert!(
            matches!(sight(viewer(tenant(), "b")), Sight::Unknown),
            "another Kustomization's object is not told of"
        );
        assert!(matches!(
            sight(viewer(Identity::Controller, "b")),
            Sight::Seen(_)
        ));
    }

    #[test]
    fn what_one_cluster_shows_says_nothing_of_another() {
        let live = LiveSet::default();
        live.set_users(&user("a"), &BTreeSet::from([maps()]));
        live.seen(&maps(), &object("m", 1));
        live.complete(&maps());
        let elsewhere = Viewer {
            cluster: ClusterKey::named("elsewhere"),
            ..controller()
        };
        assert!(matches!(
            live.find(&elsewhere, object("m", 1).reference()),
            Sight::Unknown
        ));
    }
}
