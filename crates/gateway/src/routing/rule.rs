//! One rule of a route.

use super::backend::{Resolver, Target};
use super::filters::Filters;
use super::request::RequestMatch;
use super::timeouts::Timeouts;
use super::unsupported::{Unsupported, at};
use crate::api::{MatchSpec, RuleSpec};
use trueup_object::Text;

/// What an absent weight counts as.
const DEFAULT_WEIGHT: i64 = 1;
/// The greatest weight that the API knows.
const MAX_WEIGHT: i64 = 1_000_000;

/// Name of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteName {
    /// The namespace.
    pub namespace: Text,
    /// The name.
    pub name: Text,
}

/// What happens to requests that a rule is for.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The route that it is of.
    pub route: RouteName,
    /// What is done to all requests.
    pub filters: Filters,
    /// Who answers them.
    pub backends: Vec<Backend>,
    /// How long that may take.
    pub timeouts: Timeouts,
}

/// Who answers a share of the requests.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its share of the sum of all weights; none if 0.
    pub weight: u64,
    /// Who.
    pub target: Target,
    /// What is done to its requests, after the filters of the rule.
    pub filters: Filters,
}

/// A rule and the requests that it is for: any of the matches.
pub(super) struct ReadRule {
    pub rule: Rule,
    pub matches: Vec<RequestMatch>,
}

/// Reads a rule at `place` of a route.
pub(super) fn read(
    route: &RouteName,
    place: &str,
    spec: &RuleSpec,
    resolver: &mut Resolver<'_>,
) -> Result<ReadRule, Unsupported> {
    for (field, value) in [
        ("retry", &spec.retry),
        ("sessionPersistence", &spec.session_persistence),
    ] {
        if value.as_ref().is_some_and(|value| !value.is_null()) {
            return Err(Unsupported::new(place, field));
        }
    }
    let matches = matches(place, &spec.matches)?;
    let filters = Filters::read(place, &spec.filters, resolver)?;
    let mut backends = Vec::new();
    for (index, backend) in spec.backend_refs.iter().enumerate() {
        let place = at(place, &format!("backendRefs[{index}]"));
        let weight = backend.weight.unwrap_or(DEFAULT_WEIGHT);
        backends.push(Backend {
            weight: u64::try_from(weight.min(MAX_WEIGHT)).unwrap_or(0),
            target: resolver.resolve(&place, backend),
            filters: Filters::read(&place, &backend.filters, resolver)?,
        });
    }
    let all = backends.iter().map(|backend| &backend.filters);
    let needs_prefix = all.chain([&filters]).any(Filters::need_prefix);
    if needs_prefix && matches.iter().any(|one| one.prefix().is_none()) {
        return Err(Unsupported::new(place, "ReplacePrefixMatch"));
    }
    let rule = Rule {
        route: route.clone(),
        filters,
        backends,
        timeouts: Timeouts::read(place, &spec.timeouts)?,
    };
    Ok(ReadRule { rule, matches })
}

/// A rule that names no requests is for all.
fn matches(place: &str, specs: &[MatchSpec]) -> Result<Vec<RequestMatch>, Unsupported> {
    if specs.is_empty() {
        return Ok(vec![RequestMatch::read(place, &MatchSpec::default())?]);
    }
    let specs = specs.iter().enumerate();
    specs
        .map(|(index, spec)| RequestMatch::read(&at(place, &format!("matches[{index}]")), spec))
        .collect()
}
