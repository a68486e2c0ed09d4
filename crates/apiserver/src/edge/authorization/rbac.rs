//! Authorisation by the stored Roles, ClusterRoles and their bindings.

use super::{Attributes, Authorizer, Decision, PolicyRule, RuleSet, Target};
use crate::core::{GroupResource, Identity, Store};
use trueup_object::Value;

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";
const GROUP: &str = "rbac.authorization.k8s.io";

/// Decides by what is stored; members of `system:masters` may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rbac;

/// Allows everything, for tests of other things.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _: &Store, _: &Identity, _: &Attributes) -> Decision {
        Decision::Allowed(String::new())
    }

    fn rules(&self, _: &Store, _: &Identity, _: &str) -> RuleSet {
        RuleSet {
            rules: everything(),
            errors: Vec::new(),
        }
    }
}

impl Authorizer for Rbac {
    fn authorize(&self, store: &Store, identity: &Identity, attributes: &Attributes) -> Decision {
        if is_master(identity) {
            return Decision::Allowed(String::new());
        }
        let namespace = match &attributes.target {
            Target::Resource { namespace, .. } => namespace.as_str(),
            Target::Path(_) => "",
        };
        let mut errors = Vec::new();
        let mut reason = None;
        visit(store, identity, namespace, &mut |grant| match grant {
            Grant::Rule { rule, why } if rule.allows(attributes) => {
                reason = Some(why());
                Visit::Stop
            }
            Grant::Rule { .. } => Visit::Go,
            Grant::Missing(error) => {
                errors.push(error);
                Visit::Go
            }
        });
        match reason {
            Some(reason) => Decision::Allowed(reason),
            None if errors.is_empty() => Decision::NoOpinion(String::new()),
            None if errors.len() == 1 => Decision::NoOpinion(format!("RBAC: {}", errors[0])),
            None => Decision::NoOpinion(format!("RBAC: [{}]", errors.join(", "))),
        }
    }

    fn rules(&self, store: &Store, identity: &Identity, namespace: &str) -> RuleSet {
        let mut set = RuleSet::default();
        visit(store, identity, namespace, &mut |grant| {
            match grant {
                Grant::Rule { rule, .. } => set.rules.push(rule),
                Grant::Missing(error) => set.errors.push(error),
            }
            Visit::Go
        });
        if is_master(identity) {
            for rule in everything() {
                if !set.rules.contains(&rule) {
                    set.rules.push(rule);
                }
            }
        }
        set
    }
}

/// Whether somebody belongs to `system:masters`.
pub fn is_master(identity: &Identity) -> bool {
    identity.groups.iter().any(|group| group == MASTERS)
}

/// The rules that allow everything.
pub fn everything() -> Vec<PolicyRule> {
    let all = || vec!["*".to_owned()];
    vec![
        PolicyRule {
            verbs: all(),
            api_groups: all(),
            resources: all(),
            ..PolicyRule::default()
        },
        PolicyRule {
            verbs: all(),
            non_resource_urls: all(),
            ..PolicyRule::default()
        },
    ]
}

/// What a binding gives.
enum Grant<'a> {
    Rule {
        rule: PolicyRule,
        why: &'a dyn Fn() -> String,
    },
    Missing(String),
}

enum Visit {
    Go,
    Stop,
}

/// Walks over the rules that hold for somebody: those bound in the whole
/// cluster, then those bound in the namespace.
fn visit(
    store: &Store,
    identity: &Identity,
    namespace: &str,
    each: &mut dyn FnMut(Grant<'_>) -> Visit,
) {
    let mut scopes = vec![("clusterrolebindings", "ClusterRoleBinding", "")];
    if !namespace.is_empty() {
        scopes.push(("rolebindings", "RoleBinding", namespace));
    }
    for (plural, kind, namespace) in scopes {
        for binding in store.list(&resource(plural), namespace).objects {
            let subjects = binding
                .value()
                .get("subjects")
                .and_then(Value::as_list)
                .unwrap_or_default();
            let Some(subject) = subjects
                .iter()
                .find(|subject| is_meant(subject, namespace, identity))
            else {
                continue;
            };
            let binding = Binding {
                kind,
                value: binding.value(),
                namespace,
                subject,
            };
            if matches!(binding.visit(store, each), Visit::Stop) {
                return;
            }
        }
    }
}

struct Binding<'a> {
    kind: &'static str,
    value: &'a Value,
    namespace: &'a str,
    subject: &'a Value,
}

impl Binding<'_> {
    fn visit(&self, store: &Store, each: &mut dyn FnMut(Grant<'_>) -> Visit) -> Visit {
        let role_kind = self.value.str_at(&["roleRef", "kind"]).unwrap_or_default();
        let role_name = self.value.str_at(&["roleRef", "name"]).unwrap_or_default();
        let Some(rules) = role_rules(store, role_kind, self.namespace, role_name) else {
            let what = role_kind.to_lowercase();
            return each(Grant::Missing(format!(
                "{what}.{GROUP} {role_name:?} not found"
            )));
        };
        let why = || self.reason(role_kind, role_name);
        for rule in rules {
            if matches!(each(Grant::Rule { rule, why: &why }), Visit::Stop) {
                return Visit::Stop;
            }
        }
        Visit::Go
    }

    fn reason(&self, role_kind: &str, role_name: &str) -> String {
        let own = self.value.str_at(&["metadata", "name"]).unwrap_or_default();
        let own = if self.namespace.is_empty() {
            own.to_owned()
        } else {
            format!("{own}/{}", self.namespace)
        };
        let subject_kind = self.subject.str_at(&["kind"]).unwrap_or_default();
        let subject_name = self.subject.str_at(&["name"]).unwrap_or_default();
        let subject_name = match self.subject.str_at(&["namespace"]) {
            Some(namespace) if subject_kind == "ServiceAccount" => {
                format!("{subject_name}/{namespace}")
            }
            _ => subject_name.to_owned(),
        };
        format!(
            "RBAC: allowed by {} {own:?} of {role_kind} {role_name:?} to {subject_kind} {subject_name:?}",
            self.kind
        )
    }
}

/// The rules of a role, `None` if it is missing.
pub fn role_rules(
    store: &Store,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Option<Vec<PolicyRule>> {
    let found = match kind {
        "ClusterRole" => store.get(&resource("clusterroles"), "", name),
        _ => store.get(&resource("roles"), namespace, name),
    };
    found.map(|role| PolicyRule::read_all(role.value()))
}

fn resource(plural: &str) -> GroupResource {
    GroupResource {
        group: GROUP.into(),
        plural: plural.into(),
    }
}

fn is_meant(subject: &Value, binding_namespace: &str, identity: &Identity) -> bool {
    let name = subject.str_at(&["name"]).unwrap_or_default();
    match subject.str_at(&["kind"]) {
        Some("User") => identity.user == name,
        Some("Group") => identity.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject.str_at(&["namespace"]).unwrap_or(binding_namespace);
            let account = identity
                .user
                .strip_prefix("system:serviceaccount:")
                .and_then(|it| it.split_once(':'));
            account == Some((namespace, name))
        }
        _ => false,
    }
}
