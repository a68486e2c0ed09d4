//! What a cluster does without being asked: garbage collection, the end of
//! namespaces, default objects, aggregated roles, counting quotas, forgetting
//! old events.
//!
//! One [`Housekeeper`] follows every resource by its watch, keeps an index of
//! owners, and does whatever is due, in a fixed order. It writes through
//! [`Core::execute`] like everybody else.

mod actor;
mod aggregation;
mod bootstrap;
mod bootstrap_roles;
mod defaults;
mod events;
mod follow;
mod garbage;
mod graph;
mod namespaces;
mod quotas;
#[cfg(test)]
mod tests;

use crate::core::{ApiError, Core};
use crate::edge::Clock;
use actor::Actor;
use follow::Follower;
use graph::{Graph, Uid};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use trueup_object::Text;

/// How often the housekeeper looks at what time alone makes due.
pub const LONGEST_REST: Duration = Duration::from_secs(60);
/// How many rounds one call makes at most: each round does what the writes of
/// the one before made due, so a chain of owners takes as many as it is long.
pub const MAX_ROUNDS: usize = 1000;

/// Does the work that no request does.
#[derive(Debug)]
pub struct Housekeeper {
    certificate_authority_pem: String,
    state: Mutex<State>,
}

/// What is known and what is to be looked at.
#[derive(Debug, Default)]
struct State {
    follower: Follower,
    graph: Graph,
    objects: BTreeSet<Uid>,
    namespaces: BTreeSet<Text>,
    quotas: BTreeSet<Text>,
    roles_changed: bool,
    events: events::Expiry,
}

impl Housekeeper {
    /// A housekeeper that has seen nothing yet. The certificate authority
    /// goes into `kube-root-ca.crt` of every namespace.
    #[must_use]
    pub fn new(certificate_authority_pem: String) -> Self {
        Self {
            certificate_authority_pem,
            state: Mutex::default(),
        }
    }

    /// Makes the objects that every cluster has, where they are missing.
    pub fn bootstrap(&self, core: &Core, now: Timestamp) -> Result<(), ApiError> {
        bootstrap::run(&Actor::new(core, now))?;
        self.run(core, now);
        Ok(())
    }

    /// Does all that is due; returns the number of writes.
    pub fn run(&self, core: &Core, now: Timestamp) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let actor = Actor::new(core, now);
        for _ in 0..MAX_ROUNDS {
            let before = actor.writes();
            state.observe(core, now);
            self.round(&mut state, &actor);
            if actor.writes() == before && state.is_quiet() {
                break;
            }
        }
        actor.writes()
    }

    fn round(&self, state: &mut State, actor: &Actor<'_>) {
        for uid in std::mem::take(&mut state.objects) {
            garbage::look_at(state, actor, &uid);
        }
        for namespace in std::mem::take(&mut state.namespaces) {
            defaults::ensure(actor, &namespace, &self.certificate_authority_pem);
            namespaces::finish(actor, &namespace);
        }
        for namespace in std::mem::take(&mut state.quotas) {
            quotas::count(actor, &namespace);
        }
        if std::mem::take(&mut state.roles_changed) {
            aggregation::run(actor);
        }
        state.events.expire(actor);
    }

    /// Works whenever something is written, and now and then by time; never
    /// returns.
    pub async fn keep(&self, core: &Core, clock: &Clock) {
        loop {
            self.run(core, clock.now());
            let changed = std::future::poll_fn(|context| {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.follower.poll_change(core, context)
            });
            // Whether woken by a change or by time, all that is due is done.
            drop(tokio::time::timeout(LONGEST_REST, changed).await);
        }
    }
}

impl State {
    fn is_quiet(&self) -> bool {
        self.objects.is_empty()
            && self.namespaces.is_empty()
            && self.quotas.is_empty()
            && !self.roles_changed
    }

    /// Reads on in every watch and notes what is to be looked at.
    fn observe(&mut self, core: &Core, now: Timestamp) {
        let Self {
            follower,
            graph,
            objects,
            namespaces,
            quotas,
            roles_changed,
            events,
        } = self;
        follower.read(core, now, &mut |seen| {
            let effect = graph.note(&seen);
            objects.extend(effect);
            *roles_changed |= seen.is_of("rbac.authorization.k8s.io", "clusterroles");
            namespaces.extend(namespaces::concerned(&seen));
            quotas.extend(quotas::concerned(&seen));
            events.note(&seen);
        });
    }
}
