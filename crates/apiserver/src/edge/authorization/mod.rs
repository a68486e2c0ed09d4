//! Who may do what: the question ([`Attributes`]), the hook that answers it
//! ([`Authorizer`]) and the answer by stored roles ([`Rbac`]).

mod escalation;
mod rbac;
mod rules;
#[cfg(test)]
mod tests;

pub use escalation::{check_grant, needs_grant_check};
pub use rbac::{AllowAll, MASTERS, Rbac};
pub use rules::{PolicyRule, RuleSet};

use crate::core::request::is_true;
use crate::core::status::qualified;
use crate::core::{
    ApiError, ApiPath, Details, Identity, Query, Request, ResourcePath, Store, parse_path,
};
use trueup_object::Text;

/// One thing that somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// RBAC's verb, or the HTTP method in lower case for other paths.
    pub verb: Text,
    /// To what.
    pub target: Target,
}

/// What something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource of the API.
    Resource {
        /// API group, empty for the core group.
        group: Text,
        /// Version; no rule looks at it.
        version: Text,
        /// Namespace, empty for cluster scope.
        namespace: Text,
        /// Plural name, or `*`.
        resource: Text,
        /// Subresource, empty for the object itself.
        subresource: Text,
        /// Name of the object, empty for a collection.
        name: Text,
    },
    /// Any other path.
    Path(String),
}

impl Default for Target {
    fn default() -> Self {
        Self::Path(String::new())
    }
}

/// The answer of an [`Authorizer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done; why.
    Allowed(String),
    /// Nobody says that it may be done; what went wrong while asking.
    NoOpinion(String),
}

impl Decision {
    /// Whether it may be done.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Decides whether somebody may do something. Called for every request;
/// answers from what is stored, without waiting.
pub trait Authorizer: Send + Sync + std::fmt::Debug {
    /// Whether `identity` may do what `attributes` say.
    fn authorize(&self, store: &Store, identity: &Identity, attributes: &Attributes) -> Decision;

    /// Everything that `identity` may do in `namespace`, for
    /// `SelfSubjectRulesReview` and for granting no more than one holds.
    fn rules(&self, store: &Store, identity: &Identity, namespace: &str) -> RuleSet;
}

impl Attributes {
    /// What a request for a resource wants, by its path and method alone: it
    /// is asked before anybody looks whether the resource is served.
    #[must_use]
    pub fn of_resource(request: &Request, path: &ResourcePath) -> Self {
        let query = Query::parse(&request.query);
        let verb = resource_verb(&request.method, path, &query);
        let name = match verb {
            "list" | "watch" if path.name.is_empty() => selected_name(&query),
            _ => path.name.clone(),
        };
        // A namespace is asked for as if it were in itself.
        let namespace = if path.resource == "namespaces" && path.namespace.is_empty() {
            path.name.clone()
        } else {
            path.namespace.clone()
        };
        let target = Target::Resource {
            group: path.group.clone(),
            version: path.version.clone(),
            namespace,
            resource: path.resource.clone(),
            subresource: path.subresource.clone(),
            name,
        };
        Self {
            verb: verb.into(),
            target,
        }
    }

    /// What a request wants.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        match parse_path(&request.path) {
            ApiPath::Resource(path) => Self::of_resource(request, &path),
            ApiPath::Other => Self::of_path(request),
        }
    }

    /// What a request for another path wants.
    #[must_use]
    pub fn of_path(request: &Request) -> Self {
        let path = if request.path.is_empty() {
            "/".to_owned()
        } else {
            request.path.clone()
        };
        Self {
            verb: request.method.to_ascii_lowercase(),
            target: Target::Path(path),
        }
    }

    /// The 403 that a genuine server gives.
    #[must_use]
    pub fn forbidden(&self, identity: &Identity, reason: &str) -> ApiError {
        let (what, details) = match &self.target {
            Target::Path(path) => (
                format!("cannot {} path {path:?}", self.verb),
                Details::default(),
            ),
            Target::Resource {
                group,
                namespace,
                resource,
                subresource,
                name,
                ..
            } => {
                let whole = if subresource.is_empty() {
                    resource.to_string()
                } else {
                    format!("{resource}/{subresource}")
                };
                let scope = match namespace.as_str() {
                    "" => "at the cluster scope".to_owned(),
                    _ => format!("in the namespace {namespace:?}"),
                };
                let what = format!(
                    "cannot {} resource {whole:?} in API group {group:?} {scope}",
                    self.verb
                );
                let details = Details {
                    name: name.clone(),
                    group: group.clone(),
                    kind: resource.clone(),
                    ..Details::default()
                };
                (what, details)
            }
        };
        let subject = self.subject();
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        let message = format!(
            "{subject}: User {:?} {what}{reason}",
            identity.user.as_str()
        );
        ApiError::new(403, "Forbidden", message).with_details(details)
    }

    fn subject(&self) -> String {
        match &self.target {
            Target::Resource {
                group,
                resource,
                name,
                ..
            } if name.is_empty() => {
                format!("{} is forbidden", qualified(resource, group))
            }
            Target::Resource {
                group,
                resource,
                name,
                ..
            } => {
                format!("{} {name:?} is forbidden", qualified(resource, group))
            }
            Target::Path(_) => "forbidden".to_owned(),
        }
    }
}

fn resource_verb(method: &str, path: &ResourcePath, query: &Query) -> &'static str {
    let collection = path.name.is_empty();
    match method {
        _ if path.old_watch => "watch",
        "GET" | "HEAD" if collection && is_true(query.get("watch")) => "watch",
        "GET" | "HEAD" if collection => "list",
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if collection => "deletecollection",
        "DELETE" => "delete",
        _ => "",
    }
}

/// A field selector on the name asks for one object, and is judged so.
fn selected_name(query: &Query) -> Text {
    let is_number = |key: &str| {
        query
            .get(key)
            .is_none_or(|text| text.parse::<i64>().is_ok())
    };
    if !is_number("limit") || !is_number("timeoutSeconds") {
        // Nothing is taken from a query that can't be read.
        return Text::new();
    }
    let selector = query.get("fieldSelector").unwrap_or_default();
    let mut names = selector.split(',').filter_map(|part| {
        let (path, value) = part.split_once('=')?;
        (path == "metadata.name").then(|| value.trim_start_matches('='))
    });
    let name = names.next_back().unwrap_or_default();
    let is_segment = !matches!(name, "." | "..") && !name.contains(['/', '%']);
    if is_segment { name.into() } else { Text::new() }
}
