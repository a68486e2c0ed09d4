//! Nobody grants more than they hold, unless they may `escalate` or `bind`.

use super::rbac::{everything, is_master, role_rules};
use super::{Attributes, Authorizer, PolicyRule, Target};
use crate::core::{ApiError, Identity, Operation, Store, Verb};
use trueup_object::{Text, Value};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Whether an operation grants rights, so that its result must be looked at
/// before it is kept.
#[must_use]
pub fn needs_grant_check(operation: &Operation, identity: &Identity) -> bool {
    let grants = matches!(
        operation.resource.plural.as_str(),
        "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings"
    );
    grants
        && operation.resource.group == GROUP
        && matches!(operation.verb, Verb::Create | Verb::Update | Verb::Patch)
        && !is_master(identity)
}

/// Refuses a role or binding that gives what its writer does not hold.
/// `live` is the object before, `new` what it shall become.
pub fn check_grant(
    authorizer: &dyn Authorizer,
    store: &Store,
    identity: &Identity,
    operation: &Operation,
    live: Option<&Value>,
    new: &Value,
) -> Result<(), ApiError> {
    let check = Check {
        authorizer,
        store,
        identity,
        operation,
        new,
    };
    let plural = operation.resource.plural.as_str();
    if plural.ends_with("bindings") {
        check.binding(live)
    } else {
        check.role(live)
    }
}

struct Check<'a> {
    authorizer: &'a dyn Authorizer,
    store: &'a Store,
    identity: &'a Identity,
    operation: &'a Operation,
    new: &'a Value,
}

impl Check<'_> {
    fn role(&self, live: Option<&Value>) -> Result<(), ApiError> {
        let name = self.operation.name.as_str();
        if self.may("escalate", &self.operation.resource.plural, name) || self.lets_go_only(live) {
            return Ok(());
        }
        self.holds_all(&PolicyRule::read_all(self.new))?;
        if !aggregates(self.new) && !live.is_some_and(aggregates) {
            return Ok(());
        }
        // An aggregated role can come to hold anything.
        self.holds_all(&everything()).map_err(|_| {
            self.forbidden("must have cluster-admin privileges to use the aggregationRule")
        })
    }

    fn binding(&self, live: Option<&Value>) -> Result<(), ApiError> {
        let kind = self.new.str_at(&["roleRef", "kind"]).unwrap_or_default();
        let role = self.new.str_at(&["roleRef", "name"]).unwrap_or_default();
        let plural = match kind {
            "ClusterRole" => "clusterroles",
            "Role" => "roles",
            other => {
                let message = format!("unsupported role reference kind: {other:?}");
                return Err(ApiError::internal(message));
            }
        };
        if self.lets_go_only(live) || self.may("bind", plural, role) {
            return Ok(());
        }
        // The genuine server names the resource of the request here.
        let rules = role_rules(self.store, kind, &self.operation.namespace, role)
            .ok_or_else(|| ApiError::not_found(GROUP, &self.operation.resource.plural, role))?;
        self.holds_all(&rules)
    }

    /// Whether a change is of nothing but finalizers and owners, which garbage
    /// collection must be able to change without holding the rights.
    fn lets_go_only(&self, live: Option<&Value>) -> bool {
        let rest = |object: &Value| {
            let mut rest = object.clone();
            for field in [
                "ownerReferences",
                "finalizers",
                "managedFields",
                "resourceVersion",
            ] {
                rest.remove_at(&["metadata", field]);
            }
            rest
        };
        live.is_some_and(|live| rest(live).same_number(&rest(self.new)))
    }

    fn name(&self) -> &str {
        self.new.str_at(&["metadata", "name"]).unwrap_or_default()
    }

    fn forbidden(&self, why: &str) -> ApiError {
        ApiError::forbidden(GROUP, &self.operation.resource.plural, self.name(), why)
    }

    fn may(&self, verb: &str, plural: &str, name: &str) -> bool {
        let target = Target::Resource {
            group: GROUP.into(),
            version: Text::new(),
            namespace: self.operation.namespace.clone(),
            resource: plural.into(),
            subresource: Text::new(),
            name: name.into(),
        };
        let attributes = Attributes {
            verb: verb.into(),
            target,
        };
        self.authorizer
            .authorize(self.store, self.identity, &attributes)
            .is_allowed()
    }

    fn holds_all(&self, wanted: &[PolicyRule]) -> Result<(), ApiError> {
        let held = self
            .authorizer
            .rules(self.store, self.identity, &self.operation.namespace)
            .rules;
        let missing: Vec<PolicyRule> = wanted
            .iter()
            .flat_map(PolicyRule::split)
            .filter(|part| !held.iter().any(|rule| rule.covers(part)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let groups: Vec<String> = self
            .identity
            .groups
            .iter()
            .map(|group| format!("{:?}", group.as_str()))
            .collect();
        let why = format!(
            "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
            self.identity.user.as_str(),
            groups.join(" "),
            compact(missing).join("\n")
        );
        Err(self.forbidden(&why))
    }
}

fn aggregates(role: &Value) -> bool {
    let selectors = role.at(&["aggregationRule", "clusterRoleSelectors"]);
    selectors
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty())
}

/// Joins split rules of resources that differ in their verb only, and sorts
/// the texts.
fn compact(parts: Vec<PolicyRule>) -> Vec<String> {
    let mut joined: Vec<PolicyRule> = Vec::new();
    for part in parts {
        let same = |rule: &&mut PolicyRule| {
            rule.api_groups == part.api_groups
                && rule.resources == part.resources
                && rule.resource_names == part.resource_names
                && rule.non_resource_urls.is_empty()
                && part.non_resource_urls.is_empty()
        };
        match joined.iter_mut().find(same) {
            Some(rule) if !rule.verbs.contains(&part.verbs[0]) => rule.verbs.extend(part.verbs),
            Some(_) => {}
            None => joined.push(part),
        }
    }
    let mut texts: Vec<String> = joined.iter().map(PolicyRule::describe).collect();
    texts.sort();
    texts
}
