//! Who asked the embedded API for what, as an audit log would tell.

use std::sync::{Arc, Mutex};
use trueup_apiserver::core::{Identity, Store};
use trueup_apiserver::edge::authorization::{
    Attributes, Authorizer, Decision, Rbac, RuleSet, Target,
};

/// Roles decide; every question is written down.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub user: String,
    pub verb: String,
    pub group: String,
    /// With the subresource after a slash.
    pub resource: String,
    pub is_allowed: bool,
}

impl Asked {
    /// Whether it changes something that others look at; leases are how one
    /// comes to be allowed to.
    pub fn is_write(&self) -> bool {
        let writes = ["create", "update", "patch", "delete", "deletecollection"];
        writes.contains(&self.verb.as_str()) && self.resource != "leases"
    }
}

impl Audit {
    /// Everything so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Authorizer for Audit {
    fn authorize(&self, store: &Store, identity: &Identity, attributes: &Attributes) -> Decision {
        let decision = Rbac.authorize(store, identity, attributes);
        if let Target::Resource {
            group,
            resource,
            subresource,
            ..
        } = &attributes.target
        {
            let resource = match subresource.as_str() {
                "" => resource.to_string(),
                below => format!("{resource}/{below}"),
            };
            self.asked.lock().unwrap().push(Asked {
                user: identity.user.to_string(),
                verb: attributes.verb.to_string(),
                group: group.to_string(),
                resource,
                is_allowed: decision.is_allowed(),
            });
        }
        decision
    }

    fn rules(&self, store: &Store, identity: &Identity, namespace: &str) -> RuleSet {
        Rbac.rules(store, identity, namespace)
    }
}
