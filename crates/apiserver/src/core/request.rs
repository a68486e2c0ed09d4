//! What a client asks: the raw request, and the operation it names.
//!
//! `edge` builds a [`Request`] from HTTP, calls [`parse_path`] to tell API
//! resources from discovery and other paths, then [`Operation::read`]; it
//! authorises the operation and hands it to `Core::execute`.

use super::registry::{Resource, Subresource, Tables};
use super::status::ApiError;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use trueup_object::Text;

/// One HTTP request, body read, headers reduced to those that decide.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// HTTP method in upper case.
    pub method: Text,
    /// Path, percent-decoded by segment when it is parsed.
    pub path: String,
    /// Query as sent, without `?`.
    pub query: String,
    /// `Content-Type` of the body.
    pub content_type: Option<String>,
    /// `Accept`.
    pub accept: Option<String>,
    /// `User-Agent`: the default field manager is its part before `/`.
    pub user_agent: Option<String>,
    /// The body, whole.
    pub body: Bytes,
}

impl Request {
    /// A request with method, path and query (`/api/v1/pods?limit=1`).
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.into(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// The same request with a body and its media type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.content_type = Some(content_type.to_owned());
        self.body = body.into();
        self
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User name, such as `system:serviceaccount:apps:default`.
    pub user: Text,
    /// Stable id of the user, often empty.
    pub uid: Text,
    /// Groups.
    pub groups: Vec<Text>,
    /// Further attributes.
    pub extra: BTreeMap<Text, Vec<Text>>,
}

impl Identity {
    /// The administrator: a member of `system:masters`, allowed everything.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            user: "kubernetes-admin".into(),
            uid: Text::new(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            extra: BTreeMap::new(),
        }
    }
}

/// What is done to a resource, in RBAC's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read many.
    List,
    /// Follow changes.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change one by a patch or by server-side apply.
    Patch,
    /// Delete one.
    Delete,
    /// Delete many.
    DeleteCollection,
}

impl Verb {
    /// The word that RBAC rules and discovery use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A path of the API, taken apart without knowing what is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiPath {
    /// A path below `/api/VERSION` or `/apis/GROUP/VERSION` that names a
    /// resource.
    Resource(ResourcePath),
    /// Anything else: discovery, OpenAPI, health, unknown.
    Other,
}

/// The names in the path of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    /// API group, empty for the core group.
    pub group: Text,
    /// Version.
    pub version: Text,
    /// Namespace, empty where the path has none.
    pub namespace: Text,
    /// Plural name.
    pub resource: Text,
    /// Name of the object, empty for a collection.
    pub name: Text,
    /// Subresource, empty for the object itself; further segments (as of
    /// `proxy`) are dropped.
    pub subresource: Text,
    /// Whether the old `/watch/` prefix was used.
    pub old_watch: bool,
}

/// Takes a path apart as the API server does: `namespaces/NAME/RESOURCE` is a
/// resource in a namespace except for `namespaces/NAME/status` and
/// `namespaces/NAME/finalize`.
#[must_use]
pub fn parse_path(path: &str) -> ApiPath {
    let segments: Vec<Text> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(percent_decode_path)
        .collect();
    let (group, version, rest) = match segments.split_first() {
        Some((root, [version, rest @ ..])) if root == "api" && !rest.is_empty() => {
            (Text::new(), version, rest)
        }
        Some((root, [group, version, rest @ ..])) if root == "apis" && !rest.is_empty() => {
            (group.clone(), version, rest)
        }
        _ => return ApiPath::Other,
    };
    let (old_watch, rest) = match rest {
        [first, tail @ ..] if first == "watch" && !tail.is_empty() => (true, tail),
        _ => (false, rest),
    };
    let (namespace, rest) = match rest {
        [first, namespace, resource, tail @ ..]
            if first == "namespaces"
                && !(tail.is_empty() && (resource == "status" || resource == "finalize")) =>
        {
            let _ = (resource, tail);
            (namespace.clone(), &rest[2..])
        }
        _ => (Text::new(), rest),
    };
    let at = |index: usize| rest.get(index).cloned().unwrap_or_default();
    ApiPath::Resource(ResourcePath {
        group,
        version: version.clone(),
        namespace,
        resource: at(0),
        name: at(1),
        subresource: at(2),
        old_watch,
    })
}

fn percent_decode_path(segment: &str) -> Text {
    percent_decode(segment, Plus::Literal)
}

/// What `+` stands for.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Literal,
    Space,
}

fn percent_decode(text: &str, plus: Plus) -> Text {
    if !text.contains(['%', '+']) {
        return text.into();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = bytes
            .get(index + 1..index + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match (
            bytes[index],
            hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                index += 3;
                continue;
            }
            (b'+', _) if plus == Plus::Space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&out).as_ref().into()
}

/// The parameters of a query, in order, decoded.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Vec<(Text, Text)>,
}

impl Query {
    /// Reads `a=b&c=d`.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (
                    percent_decode(key, Plus::Space),
                    percent_decode(value, Plus::Space),
                )
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// A request for a served resource, ready to be authorised and executed.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is done.
    pub verb: Verb,
    /// To which resource, as it was served when the request came.
    pub resource: Arc<Resource>,
    /// Namespace, empty for cluster scope and for all namespaces.
    pub namespace: Text,
    /// Name, empty for a collection.
    pub name: Text,
    /// The subresource, if one was named.
    pub subresource: Option<Subresource>,
    /// The query.
    pub query: Query,
    /// Media type of the body without parameters, lower case; empty if none
    /// was sent.
    pub content_type: Text,
    /// The part of the User-Agent before `/`.
    pub user_agent: Text,
    /// The body.
    pub body: Bytes,
}

impl Operation {
    /// Finds the resource and the verb of a request. Fails with 404 for what
    /// is not served, 405 for a verb that the resource lacks.
    pub fn read(request: &Request, path: &ResourcePath, tables: &Tables) -> Result<Self, ApiError> {
        let resource = tables
            .find(&path.group, &path.version, &path.resource)
            .ok_or_else(ApiError::unknown_path)?
            .clone();
        if resource.namespaced && path.namespace.is_empty() && !path.name.is_empty()
            || !resource.namespaced && !path.namespace.is_empty()
        {
            return Err(ApiError::unknown_path());
        }
        let subresource = match path.subresource.as_str() {
            "" => None,
            name => Some(
                resource
                    .subresource(name)
                    .ok_or_else(ApiError::unknown_path)?
                    .clone(),
            ),
        };
        let query = Query::parse(&request.query);
        let verb =
            verb_of(&request.method, path, &query).ok_or_else(ApiError::method_not_allowed)?;
        let verbs = subresource
            .as_ref()
            .map_or(&resource.verbs, |sub| &sub.verbs);
        if !verbs.iter().any(|allowed| allowed == verb.as_str()) {
            return Err(ApiError::method_not_allowed());
        }
        if verb == Verb::Create
            && subresource.is_none()
            && resource.namespaced
            && path.namespace.is_empty()
        {
            return Err(ApiError::method_not_allowed());
        }
        Ok(Self {
            verb,
            resource,
            namespace: path.namespace.clone(),
            name: path.name.clone(),
            subresource,
            query,
            content_type: media_type(request.content_type.as_deref().unwrap_or("")),
            user_agent: user_agent_name(request.user_agent.as_deref().unwrap_or("")),
            body: request.body.clone(),
        })
    }

    /// The name of the subresource, empty for the object itself.
    #[must_use]
    pub fn subresource_name(&self) -> &str {
        self.subresource
            .as_ref()
            .map_or("", |sub| sub.name.as_str())
    }

    /// Whether nothing shall be kept (`dryRun=All`).
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.query.all("dryRun").any(|value| value == "All")
    }

    /// Who the change is written down for in `managedFields`: `fieldManager`,
    /// else the client's name.
    #[must_use]
    pub fn field_manager(&self) -> Text {
        match self.query.get("fieldManager") {
            Some(name) if !name.is_empty() => name.into(),
            _ => self.user_agent.clone(),
        }
    }
}

/// A parameter that means true, as the API reads it: anything but `false`,
/// `0` and absence.
#[must_use]
pub fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0")
}

/// A media type without its parameters, lower case.
#[must_use]
pub fn media_type(header: &str) -> Text {
    header
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase()
        .into()
}

/// The part of a User-Agent before `/`, at most 128 characters, printable.
fn user_agent_name(agent: &str) -> Text {
    agent
        .split('/')
        .next()
        .unwrap_or("")
        .chars()
        .filter(|c| !c.is_control())
        .take(128)
        .collect()
}

fn verb_of(method: &str, path: &ResourcePath, query: &Query) -> Option<Verb> {
    let collection = path.name.is_empty();
    Some(match method {
        "GET" if path.old_watch => Verb::Watch,
        _ if path.old_watch => return None,
        "GET" if collection && is_true(query.get("watch")) => Verb::Watch,
        "GET" if collection => Verb::List,
        "GET" => Verb::Get,
        "POST" if collection || !path.subresource.is_empty() => Verb::Create,
        "PUT" if !collection => Verb::Update,
        "PATCH" if !collection => Verb::Patch,
        "DELETE" if collection => Verb::DeleteCollection,
        "DELETE" => Verb::Delete,
        _ => return None,
    })
}
