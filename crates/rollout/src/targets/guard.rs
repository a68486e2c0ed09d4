//! Two `Canary`s that would do the same work.

use std::collections::BTreeMap;
use std::fmt;
use trueup_kinds::Canary;
use trueup_object::Text;

/// What two `Canary`s have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictCause {
    /// The target.
    Target {
        /// Its kind.
        kind: Text,
        /// Its name.
        name: Text,
    },
    /// The apex Service.
    Service {
        /// Its name.
        name: Text,
    },
}

/// Why a `Canary` is left alone: an older one has what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name of the older one, in the same namespace.
    pub older: Text,
    /// What both have.
    pub cause: ConflictCause,
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            ConflictCause::Target { kind, name } => write!(
                formatter,
                "{kind} {name} is already the target of the older Canary {}; delete one of the two",
                self.older
            ),
            ConflictCause::Service { name } => write!(
                formatter,
                "Service {name} is already the apex of the older Canary {}; set another spec.service.name",
                self.older
            ),
        }
    }
}

/// The `Canary`s, by namespace and name, that are refused because an older one
/// has the same target or the same apex Service. Older is who was created
/// first; of two that were created in the same second, who has the lesser uid.
#[must_use]
pub fn conflicts<'a>(
    canaries: impl IntoIterator<Item = &'a Canary>,
) -> BTreeMap<(Text, Text), Conflict> {
    let mut by_age: Vec<&Canary> = canaries.into_iter().collect();
    by_age.sort_by_cached_key(|canary| age(canary));
    let mut holders: BTreeMap<(&str, Claim), &Canary> = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for canary in by_age {
        let namespace = canary.metadata.namespace.as_str();
        let claims = claims(canary);
        let older = claims.iter().find_map(|claim| {
            let holder = holders.get(&(namespace, claim.clone()))?;
            Some((claim, holder))
        });
        if let Some((claim, holder)) = older {
            let conflict = Conflict {
                older: holder.metadata.name.clone(),
                cause: cause(canary, claim),
            };
            let name = (
                canary.metadata.namespace.clone(),
                canary.metadata.name.clone(),
            );
            refused.insert(name, conflict);
            continue;
        }
        for claim in claims {
            holders.insert((namespace, claim), canary);
        }
    }
    refused
}

/// Those without a time of creation come last.
fn age(canary: &Canary) -> impl Ord + use<> {
    let metadata = &canary.metadata;
    (
        metadata.creation_timestamp.is_none(),
        metadata.creation_timestamp,
        metadata.uid.clone(),
        metadata.name.clone(),
    )
}

/// What only one `Canary` of a namespace can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Target(Text, Text),
    Service(Text),
}

fn claims(canary: &Canary) -> [Claim; 2] {
    let target = &canary.spec.target_ref;
    [
        Claim::Target(target.kind.clone(), target.name.clone()),
        Claim::Service(canary.spec.service_names().apex),
    ]
}

fn cause(canary: &Canary, claim: &Claim) -> ConflictCause {
    let target = &canary.spec.target_ref;
    match claim {
        Claim::Target(..) => ConflictCause::Target {
            kind: target.kind.clone(),
            name: target.name.clone(),
        },
        Claim::Service(name) => ConflictCause::Service { name: name.clone() },
    }
}
