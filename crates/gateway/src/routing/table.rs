//! All routes as one table, and the choice of a backend by it.

use super::backend::{ServicePort, Target};
use super::filters::Redirect;
use super::host::HostPattern;
use super::request::{RequestFacts, RequestMatch};
use super::rule::{Backend, Rule};
use http::StatusCode;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rules by listener, those that count first in front.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    listeners: Vec<Listener>,
}

/// What listeners for the same hosts have in common.
#[derive(Clone, Debug)]
struct Listener {
    hosts: HostPattern,
    entries: Vec<Entry>,
}

/// A rule for requests that one of its matches is for.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub hosts: HostPattern,
    pub requests: RequestMatch,
    pub rule: Arc<Rule>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Choice<'t> {
    /// A backend answers it.
    Forward(Forward<'t>),
    /// The client is sent elsewhere.
    Redirect {
        /// By this rule.
        rule: &'t Rule,
        /// Where to.
        redirect: &'t Redirect,
        /// The prefix of the path that has matched.
        prefix: Option<&'t str>,
    },
    /// Nobody answers it.
    Refuse {
        /// By this rule; `None` if there is none for it.
        rule: Option<&'t Rule>,
        /// What it gets: 404 without a rule, 500 without a backend.
        status: StatusCode,
    },
}

/// Who answers a request.
#[derive(Debug)]
pub struct Forward<'t> {
    /// The rule that is for it.
    pub rule: &'t Rule,
    /// The backend that it fell to.
    pub backend: &'t Backend,
    /// The backend's Service.
    pub service: &'t ServicePort,
    /// The prefix of the path that has matched.
    pub prefix: Option<&'t str>,
    /// Who gets a copy.
    pub mirrors: Vec<&'t ServicePort>,
}

impl RouteTable {
    /// The table of entries with the hosts of their listeners. Of entries that
    /// count alike the first counts.
    pub(crate) fn of(entries: Vec<(HostPattern, Entry)>) -> Self {
        let mut listeners: Vec<Listener> = Vec::new();
        for (hosts, entry) in entries {
            match listeners.iter_mut().find(|it| it.hosts == hosts) {
                Some(listener) => listener.entries.push(entry),
                None => listeners.push(Listener {
                    hosts,
                    entries: vec![entry],
                }),
            }
        }
        listeners.sort_by_key(|listener| Reverse(listener.hosts.specificity()));
        for listener in &mut listeners {
            listener.entries.sort_by_key(|entry| {
                let hosts = Reverse(entry.hosts.specificity());
                (hosts, entry.requests.precedence())
            });
        }
        Self { listeners }
    }

    /// Every Service that a request or a copy may go to.
    pub(crate) fn services(&self) -> BTreeSet<&ServicePort> {
        let entries = self.listeners.iter().flat_map(|it| &it.entries);
        let targets = entries.flat_map(|entry| {
            let backends = &entry.rule.backends;
            let filters = backends.iter().map(|it| &it.filters);
            let mirrors = filters
                .chain([&entry.rule.filters])
                .flat_map(|filters| filters.mirrors.iter().map(|it| &it.target));
            mirrors.chain(backends.iter().map(|it| &it.target))
        });
        targets
            .filter_map(|target| match target {
                Target::Service(port) => Some(port),
                Target::Unresolved => None,
            })
            .collect()
    }

    fn entry(&self, facts: &RequestFacts<'_>) -> Option<&Entry> {
        // Listeners are apart from each other: the most specific one decides.
        let listener = self
            .listeners
            .iter()
            .find(|it| it.hosts.matches(&facts.host))?;
        let mut entries = listener.entries.iter();
        entries.find(|entry| entry.hosts.matches(&facts.host) && entry.requests.holds(facts))
    }
}

/// Chooses what becomes of a request. `random` draws a number below another,
/// each as likely.
pub fn choose<'t>(
    table: &'t RouteTable,
    facts: &RequestFacts<'_>,
    random: &mut dyn FnMut(u64) -> u64,
) -> Choice<'t> {
    let Some(entry) = table.entry(facts) else {
        return Choice::Refuse {
            rule: None,
            status: StatusCode::NOT_FOUND,
        };
    };
    let (rule, prefix) = (&*entry.rule, entry.requests.prefix());
    if let Some(redirect) = &rule.filters.redirect {
        return Choice::Redirect {
            rule,
            redirect,
            prefix,
        };
    }
    let Some(backend) = backend_of(rule, random) else {
        return no_backend(rule);
    };
    match (&backend.target, &backend.filters.redirect) {
        (_, Some(redirect)) => Choice::Redirect {
            rule,
            redirect,
            prefix,
        },
        (Target::Unresolved, None) => no_backend(rule),
        (Target::Service(service), None) => Choice::Forward(Forward {
            rule,
            backend,
            service,
            prefix,
            mirrors: mirrors_of(rule, backend, random),
        }),
    }
}

fn no_backend(rule: &Rule) -> Choice<'_> {
    Choice::Refuse {
        rule: Some(rule),
        status: StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The backend that a drawn number falls to; `None` if no weight is left.
fn backend_of<'t>(rule: &'t Rule, random: &mut dyn FnMut(u64) -> u64) -> Option<&'t Backend> {
    let total: u64 = rule.backends.iter().map(|backend| backend.weight).sum();
    let mut drawn = if total == 0 { 0 } else { random(total) };
    rule.backends.iter().find(|backend| {
        let is_it = drawn < backend.weight;
        drawn = drawn.saturating_sub(backend.weight);
        is_it
    })
}

fn mirrors_of<'t>(
    rule: &'t Rule,
    backend: &'t Backend,
    random: &mut dyn FnMut(u64) -> u64,
) -> Vec<&'t ServicePort> {
    let filters = [&rule.filters, &backend.filters].into_iter();
    let mirrors = filters.flat_map(|filters| &filters.mirrors);
    mirrors
        .filter(|mirror| mirror.share >= mirror.of || random(mirror.of) < mirror.share)
        .filter_map(|mirror| match &mirror.target {
            Target::Service(service) => Some(service),
            Target::Unresolved => None,
        })
        .collect()
}
