//! The watches of custom resources, and when their kinds may be acted on.

mod following;
mod standing;

pub(crate) use standing::{Standing, all_listed};

use crate::canary::CanaryService;
use crate::context::Context;
use crate::machine::{Event, Kind, Shell};
use crate::start::LeaderElection;
use following::watch_kind;
use standing::{LeaseState, Standings, change, may_act};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use trueup_cluster::{Leadership, LeaseElection, Precedence, Scope, Session};
use trueup_object::Text;

/// How long after discovery could not be read it is tried again.
const DISCOVERY_PAUSE: Duration = Duration::from_secs(1);

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
    let lease = match &election {
        Some(_) => LeaseState::Awaited,
        None => LeaseState::NotNeeded,
    };
    let standing = Standing::new(scopes.len(), lease);
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
        CanaryService::LeftToOthers => standing.left_to_others(),
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
        let not_yet = || {
            change(&standings, kind, Standing::go_on_without);
        };
        is_served(&session, kind, not_yet).await;
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
            change(&standings, kind, Standing::begin_tenure);
            tenure.lost().await;
            change(&standings, kind, Standing::end_tenure);
        }
    });
    led
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

/// Tells the machine which kinds are acted on from now on, and which no more.
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
