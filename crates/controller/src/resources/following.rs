//! The watch of a kind of custom resources.

use super::is_left_to_others;
use super::standing::{Standing, Standings, change};
use crate::canary;
use crate::context::Context;
use crate::external_artifact;
use crate::machine::{Kind, ObjectKey};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use trueup_cluster::{
    DeletedObject, ErrorClass, Form, LiveObject, Scope, WatchEvent, WatchSpec, WatchStream,
};
use trueup_object::ObjectRef;

/// Watches a kind until the controller stops. Whenever we begin to lead it
/// everything is listed anew: what this watch has shown may be older than what
/// was done meanwhile by whoever led before.
pub(super) fn watch_kind(
    context: &Arc<Context>,
    kind: Kind,
    scope: Scope,
    standings: &Arc<Standings>,
) {
    let mut watch = KindWatch {
        context: Arc::downgrade(context),
        kind,
        scope,
        standings: Arc::clone(standings),
        is_listed: false,
        is_seen: false,
    };
    let session = context.session.clone();
    let mut tenures = standings.subscribe();
    context.spawn(async move {
        loop {
            let tenure = watch.tenure();
            let mut round = Round::of(tenure);
            let mut events = session.watch(watch.spec());
            let another = tenures.wait_for(|all| {
                let standing = all.get(&kind);
                standing.is_some_and(|it| it.tenures() != tenure)
            });
            tokio::select! {
                biased;
                ended = another => if ended.is_err() {
                    return;
                },
                () = watch.follow(&mut events, &mut round) => return,
            }
        }
    });
}

/// A watch of a kind in one scope.
struct KindWatch {
    context: Weak<Context>,
    kind: Kind,
    scope: Scope,
    standings: Arc<Standings>,
    /// Whether it has ever had no need to be waited for.
    is_listed: bool,
    /// Whether it has ever listed everything.
    is_seen: bool,
}

/// What a watch has done since it began anew.
struct Round {
    tenure: u64,
    /// Those that were told; `None` once everything has been.
    told: Option<BTreeSet<ObjectKey>>,
    /// Whether it need not be waited for.
    is_listed: bool,
}

impl Round {
    fn of(tenure: u64) -> Self {
        Self {
            tenure,
            told: Some(BTreeSet::new()),
            is_listed: false,
        }
    }
}

impl KindWatch {
    fn spec(&self) -> WatchSpec {
        WatchSpec {
            kind: self.kind.group_version_kind(),
            scope: self.scope.clone(),
            form: Form::Full,
        }
    }

    fn tenure(&self) -> u64 {
        let standings = self.standings.borrow();
        standings.get(&self.kind).map_or(0, Standing::tenures)
    }

    /// Takes in what is shown; ends with the controller.
    async fn follow(&mut self, events: &mut WatchStream, round: &mut Round) {
        while let Some(event) = events.next().await {
            let Some(context) = self.context.upgrade() else {
                return;
            };
            match event {
                WatchEvent::Applied(object) => {
                    let key = key_of(&context, self.kind, object.reference());
                    applied(&context, &key, &object);
                    round.told.as_mut().map(|told| told.insert(key));
                }
                WatchEvent::Deleted(deleted) => {
                    let key = key_of(&context, self.kind, &deleted.reference);
                    gone(&context, &key, &deleted);
                }
                WatchEvent::Synced { .. } => self.synced(&context, round),
                WatchEvent::Restarted { .. } => {}
                WatchEvent::Error(error) => {
                    tracing::debug!(kind = self.kind.name(), %error, "watch");
                    if is_done_without(self.kind, error.class()) {
                        self.listed(round);
                    }
                }
            }
        }
    }

    /// All objects of a list have been told: those that were known and are not
    /// among them have gone.
    fn synced(&mut self, context: &Arc<Context>, round: &mut Round) {
        let Some(told) = round.told.take() else {
            return;
        };
        let is_missing = |key: &ObjectKey| self.is_in_scope(key) && !told.contains(key);
        let known = context.objects.keys(self.kind).into_iter();
        for key in known.filter(is_missing) {
            context.vanished(&key);
        }
        if !std::mem::replace(&mut self.is_seen, true) {
            self.first_seen(context);
        }
        self.listed(round);
    }

    fn is_in_scope(&self, key: &ObjectKey) -> bool {
        let namespace = self.scope.namespace.as_ref();
        namespace.is_none_or(|it| *it == key.namespace)
    }

    /// What was kept of others goes only when all watches know all of their
    /// objects: a kind that can't be listed yet may have some.
    fn first_seen(&self, context: &Arc<Context>) {
        let is_last = change(&self.standings, self.kind, Standing::see_once);
        if is_last == Some(true) && self.kind == Kind::ExternalArtifact {
            external_artifact::sweep(context);
        }
    }

    /// It need not be waited for.
    fn listed(&mut self, round: &mut Round) {
        if std::mem::replace(&mut round.is_listed, true) {
            return;
        }
        let is_first = !std::mem::replace(&mut self.is_listed, true);
        change(&self.standings, self.kind, |standing| {
            if is_first {
                standing.list_once();
            }
            standing.catch_up(round.tenure);
        });
    }
}

/// Whether the rest goes on although a kind can't be listed. A cluster or an
/// installation may be older than this program: then nobody refers to an
/// `ExternalArtifact`, or is told that it is not to be found; and there is no
/// Canary that we may know of.
fn is_done_without(kind: Kind, class: ErrorClass) -> bool {
    matches!(kind, Kind::ExternalArtifact | Kind::Canary)
        && matches!(class, ErrorClass::KindMissing | ErrorClass::Forbidden)
}

fn applied(context: &Context, key: &ObjectKey, object: &LiveObject) {
    if is_left_to_others(context, key.kind) {
        canary::seen(context, key, Some(object.value()));
        return;
    }
    let known = context.objects.get(key);
    if known.is_some_and(|it| it.uid() != object.uid()) {
        // Another one of its name was deleted meanwhile.
        context.vanished(key);
    }
    context.seen(key, object);
}

fn gone(context: &Context, key: &ObjectKey, deleted: &DeletedObject) {
    if is_left_to_others(context, key.kind) {
        canary::seen(context, key, None);
        return;
    }
    // One made again under the same name may have been seen already.
    let same_life = |object: &LiveObject| deleted.uid.is_empty() || object.uid() == &deleted.uid;
    if context.objects.get(key).as_ref().is_some_and(same_life) {
        context.vanished(key);
    }
}

fn key_of(context: &Context, kind: Kind, reference: &ObjectRef) -> ObjectKey {
    ObjectKey {
        cluster: context.session.cluster().key().clone(),
        kind,
        namespace: reference.namespace.clone(),
        name: reference.name.clone(),
    }
}
