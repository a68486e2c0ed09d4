//! The watches of custom resources, and when their kinds may be acted on.

use crate::canary::{self, CanaryService};
use crate::context::Context;
use crate::external_artifact;
use crate::machine::{Event, Kind, ObjectKey, Shell};
use crate::start::LeaderElection;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use trueup_cluster::{
    DeletedObject, ErrorClass, Form, Leadership, LeaseElection, LiveObject, Precedence, Scope,
    Session, WatchEvent, WatchSpec,
};
use trueup_object::{ObjectRef, Text};

/// How far a kind is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many of its watches have not listed everything yet; one that can't
    /// counts as done where the rest goes on without.
    unlisted: usize,
    /// How many have never listed everything.
    unseen: usize,
    /// Whether the rest goes on without it.
    is_optional: bool,
    /// Whether its lease is held by somebody else, or not yet by us.
    lease: LeaseState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeaseState {
    #[default]
    NotNeeded,
    Awaited,
    Held,
}

/// How long after discovery could not be read it is tried again.
const DISCOVERY_PAUSE: Duration = Duration::from_secs(1);

type Standings = watch::Sender<BTreeMap<Kind, Standing>>;

/// Whether every kind has been listed once.
pub(crate) fn all_listed(standings: &BTreeMap<Kind, Standing>) -> bool {
    let mut standings = standings.values();
    standings.all(|standing| standing.is_optional || standing.unlisted == 0)
}

/// Starts the watches and elections of all kinds.
pub(crate) fn start(
    context: &Arc<Context>,
    namespaces: &[Text],
    election: Option<LeaderElection>,
) -> watch::Receiver<BTreeMap<Kind, Standing>> {
    let scopes: Vec<Scope> = match namespaces {
        [] => vec![Scope::all()],
        some => some
            .iter()
            .map(|namespace| Scope::namespace(namespace))
            .collect(),
    };
    let lease = if election.is_some() {
        LeaseState::Awaited
    } else {
        LeaseState::NotNeeded
    };
    let standing = Standing {
        unlisted: scopes.len(),
        unseen: scopes.len(),
        is_optional: false,
        lease,
    };
    let kinds = kinds(context);
    let known = kinds.iter().map(|kind| (*kind, standing.clone()));
    let mut known: BTreeMap<Kind, Standing> = known.collect();
    known.insert(Kind::Canary, standing_of_canaries(context, standing));
    let (standings, receiver) = watch::channel(known);
    let standings = Arc::new(standings);
    let mut sources = None;
    for kind in kinds {
        for scope in &scopes {
            watch_kind(context, kind, scope.clone(), &standings);
        }
        if let (Some(election), Some(shell)) = (&election, kind.shell()) {
            let led = elect(context, shell, election, &standings, sources.clone());
            sources = sources.or(Some(led));
        }
    }
    context.spawn(begin_canaries(context, scopes, election, &standings));
    act_when_allowed(context, receiver.clone());
    receiver
}

/// Those that are left to others are never acted on.
fn standing_of_canaries(context: &Context, standing: Standing) -> Standing {
    match context.canaries.options.service {
        CanaryService::Served => standing,
        CanaryService::LeftToOthers => Standing {
            lease: LeaseState::Awaited,
            ..standing
        },
    }
}

/// Looks at Canaries as soon as they are served: a cluster that has none does
/// not notice. Where they are served from the beginning, nothing is applied
/// before they are known: what they write is left alone, whoever serves them.
fn begin_canaries(
    context: &Arc<Context>,
    scopes: Vec<Scope>,
    election: Option<LeaderElection>,
    standings: &Arc<Standings>,
) -> impl Future<Output = ()> + Send + use<> {
    let (weak, standings) = (Arc::downgrade(context), Arc::clone(standings));
    let session = context.session.clone();
    async move {
        let kind = Kind::Canary;
        is_served(&session, kind, || go_on_without(&standings, kind)).await;
        let Some(context) = weak.upgrade() else {
            return;
        };
        for scope in scopes {
            watch_kind(&context, kind, scope, &standings);
        }
        if is_left_to_others(&context, kind) {
            return;
        }
        let provider = &context.canaries.options.router.default_provider;
        let numbers = context.metrics.canaries();
        numbers.runs(env!("CARGO_PKG_VERSION"), provider);
        if let Some(election) = election {
            elect(&context, Shell::Canary, &election, &standings, None);
        }
    }
}

/// Waits until the cluster serves a kind; says so whenever it does not yet.
async fn is_served(session: &Session, kind: Kind, not_yet: impl Fn() + Send) {
    let mut changes = session.cluster().discovery_changes();
    loop {
        match session.cluster().catalogue().await {
            Ok(all) if all.resource_of(&kind.group_version_kind()).is_some() => return,
            Ok(_) => {
                not_yet();
                changes.changed().await;
            }
            Err(error) => {
                tracing::debug!(%error, "discovery");
                tokio::time::sleep(DISCOVERY_PAUSE).await;
            }
        }
    }
}

fn go_on_without(standings: &Standings, kind: Kind) {
    standings.send_if_modified(|all| {
        let standing = all.get_mut(&kind);
        standing.is_some_and(|it| !std::mem::replace(&mut it.is_optional, true))
    });
}

/// Whether we look at a kind only to leave alone what others do for it.
fn is_left_to_others(context: &Context, kind: Kind) -> bool {
    let service = context.canaries.options.service;
    kind == Kind::Canary && service == CanaryService::LeftToOthers
}

/// The kinds that are watched.
fn kinds(context: &Context) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Kind::EXPECTED.into();
    if context.downloads.are_allowed() {
        // Between sources and what is made of them.
        kinds.insert(1, Kind::ExternalArtifact);
    }
    kinds
}

fn watch_kind(context: &Arc<Context>, kind: Kind, scope: Scope, standings: &Arc<Standings>) {
    let weak = Arc::downgrade(context);
    let standings = Arc::clone(standings);
    let spec = WatchSpec {
        kind: kind.group_version_kind(),
        scope,
        form: Form::Full,
    };
    let mut events = context.session.watch(spec);
    context.spawn(async move {
        let (mut listed, mut seen) = (false, false);
        while let Some(event) = events.next().await {
            let Some(context) = weak.upgrade() else {
                return;
            };
            let was_listed = listed;
            match event {
                WatchEvent::Applied(object) => applied_resource(&context, kind, &object),
                WatchEvent::Deleted(deleted) => deleted_resource(&context, kind, &deleted),
                WatchEvent::Synced { .. } => {
                    if !std::mem::replace(&mut seen, true) {
                        note_sight(&context, kind, &standings);
                    }
                    listed = true;
                }
                WatchEvent::Restarted { .. } => {}
                WatchEvent::Error(error) => {
                    tracing::debug!(kind = kind.name(), %error, "watch");
                    listed |= is_done_without(kind, error.class());
                }
            }
            if listed && !was_listed {
                note_list(kind, &standings);
            }
        }
    });
}

/// Whether the rest goes on although a kind can't be listed. A cluster or an
/// installation may be older than this program: then nobody refers to an
/// `ExternalArtifact`, or is told that it is not to be found; and there is no
/// Canary that we may know of.
fn is_done_without(kind: Kind, class: ErrorClass) -> bool {
    matches!(kind, Kind::ExternalArtifact | Kind::Canary)
        && matches!(class, ErrorClass::KindMissing | ErrorClass::Forbidden)
}

/// One more watch of a kind need not be waited for.
fn note_list(kind: Kind, standings: &Standings) {
    standings.send_modify(|all| {
        if let Some(standing) = all.get_mut(&kind) {
            standing.unlisted -= 1;
        }
    });
}

/// One more watch of a kind knows all of its objects. What was kept of others
/// goes only when all do: a kind that can't be listed yet may have some.
fn note_sight(context: &Arc<Context>, kind: Kind, standings: &Standings) {
    let mut is_last = false;
    standings.send_modify(|all| {
        if let Some(standing) = all.get_mut(&kind) {
            standing.unseen -= 1;
            is_last = standing.unseen == 0;
        }
    });
    if is_last && kind == Kind::ExternalArtifact {
        external_artifact::sweep(context);
    }
}

fn applied_resource(context: &Context, kind: Kind, object: &LiveObject) {
    let key = key_of(context, kind, object.reference());
    if is_left_to_others(context, kind) {
        canary::seen(context, &key, Some(object.value()));
    } else {
        context.seen(&key, object);
    }
}

fn deleted_resource(context: &Context, kind: Kind, deleted: &DeletedObject) {
    let key = key_of(context, kind, &deleted.reference);
    if is_left_to_others(context, kind) {
        canary::seen(context, &key, None);
        return;
    }
    // One made again under the same name may have been seen already.
    let same_life = |object: &LiveObject| deleted.uid.is_empty() || object.uid() == &deleted.uid;
    if context.objects.get(&key).as_ref().is_some_and(same_life) {
        context.vanished(&key);
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

/// The lease by which Flux's controller of a kind elects its leader.
fn lease_name(shell: Shell) -> &'static str {
    match shell {
        Shell::GitRepository => "source-controller-leader-election",
        Shell::Kustomization => "kustomize-controller-leader-election",
        Shell::Canary => "flagger-leader-election",
    }
}

/// Takes part in the election of a kind, after another one if there is one:
/// artifacts are where sources are led, and whoever leads Kustomizations needs
/// them.
fn elect(
    context: &Arc<Context>,
    shell: Shell,
    election: &LeaderElection,
    standings: &Arc<Standings>,
    after: Option<Precedence>,
) -> Precedence {
    let (kind, clock) = (shell.kind(), context.clock);
    let name = format!("{}/{}", election.namespace, lease_name(shell));
    let mut lease = LeaseElection::new(
        context.session.clone(),
        &election.namespace,
        lease_name(shell),
        &election.identity,
        election.times,
        Arc::new(move || clock.now()),
    );
    let (tell, told) = watch::channel(Leadership::unknown());
    let led = Precedence::new(&lease, told.clone(), election.times.lease_duration);
    if shell == Shell::GitRepository {
        lease = lease.with_others_to_follow();
    }
    if let Some(first) = after {
        lease = lease.after(first);
    }
    let (stop, mut tenure) = (context.stop.clone(), lease.tenure());
    // Not ended by the token itself: giving the lease up comes after it.
    let election = tokio::spawn(lease.run(tell, async move { stop.cancelled().await }));
    context.elections.add(kind, tenure.clone(), election);
    context.spawn(tell_of_leadership(context, kind, name.into(), told));
    let standings = Arc::clone(standings);
    context.spawn(async move {
        loop {
            tenure.begun().await;
            set_lease(&standings, kind, LeaseState::Held);
            tenure.lost().await;
            set_lease(&standings, kind, LeaseState::Awaited);
        }
    });
    led
}

fn set_lease(standings: &Standings, kind: Kind, state: LeaseState) {
    standings.send_modify(|all| {
        if let Some(standing) = all.get_mut(&kind) {
            standing.lease = state;
        }
    });
}

/// A log line for every change of who leads, so that a process that does
/// nothing says why.
fn tell_of_leadership(
    context: &Arc<Context>,
    kind: Kind,
    lease: Text,
    mut told: watch::Receiver<Leadership>,
) -> impl Future<Output = ()> + Send + use<> {
    let weak = Arc::downgrade(context);
    async move {
        loop {
            let leadership = told.borrow_and_update().clone();
            let Some(context) = weak.upgrade() else {
                return;
            };
            let message = match leadership {
                Leadership::Leading => format!("successfully acquired lease {lease}"),
                Leadership::Standby { holder, .. } if holder.is_empty() => {
                    format!("attempting to acquire leader lease {lease}...")
                }
                Leadership::Standby { holder, .. } => {
                    format!("standing by: lease {lease} is held by {holder}")
                }
            };
            context.reports.say(kind, &message, context.clock.now());
            drop(context);
            if told.changed().await.is_err() {
                return;
            }
        }
    }
}

/// A kind is acted on when it and everything that it refers to is known, and
/// nobody else does.
fn act_when_allowed(
    context: &Arc<Context>,
    mut standings: watch::Receiver<BTreeMap<Kind, Standing>>,
) {
    let weak = Arc::downgrade(context);
    context.spawn(async move {
        let mut acting: BTreeMap<Kind, bool> = BTreeMap::new();
        loop {
            let now = standings.borrow_and_update().clone();
            let Some(context) = weak.upgrade() else {
                return;
            };
            for shell in Shell::ALL {
                let (kind, allowed) = (shell.kind(), may_act(shell, &now));
                if acting.insert(kind, allowed).unwrap_or(false) != allowed {
                    match kind {
                        Kind::Kustomization if !allowed => context.memories.forget_all(),
                        Kind::Canary if !allowed => context.canaries.forget_all_answers(),
                        _ => {}
                    }
                    context.tell(if allowed {
                        Event::Acting(kind)
                    } else {
                        Event::StandingBy(kind)
                    });
                }
            }
            drop(context);
            if standings.changed().await.is_err() {
                return;
            }
        }
    });
}

fn may_act(shell: Shell, standings: &BTreeMap<Kind, Standing>) -> bool {
    let Some(own) = standings.get(&shell.kind()) else {
        return false;
    };
    let is_known = match shell {
        Shell::GitRepository | Shell::Canary => own.unlisted == 0,
        Shell::Kustomization => all_listed(standings),
    };
    is_known && own.lease != LeaseState::Awaited
}
