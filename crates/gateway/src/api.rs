//! The fields of Gateway API objects that are read, with the API's defaults.

use serde::Deserialize;
use trueup_object::{Text, Value};

/// The group of the API.
pub(crate) const GROUP: &str = "gateway.networking.k8s.io";
/// Group and version of the objects that are served.
pub(crate) const API_VERSION: &str = "gateway.networking.k8s.io/v1";

/// `spec` of a `Gateway`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GatewaySpec {
    pub gateway_class_name: Text,
    pub listeners: Vec<ListenerSpec>,
}

/// What a `Gateway` listens for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListenerSpec {
    pub name: Text,
    pub hostname: Text,
    pub port: i64,
    pub protocol: Text,
    pub allowed_routes: AllowedRoutes,
}

/// Which routes may attach to a listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AllowedRoutes {
    pub namespaces: RouteNamespaces,
    pub kinds: Vec<RouteKind>,
}

/// From which namespaces routes may attach.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RouteNamespaces {
    pub from: AllowedFrom,
    pub selector: Option<Value>,
}

/// The namespaces by a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum AllowedFrom {
    All,
    Selector,
    #[default]
    Same,
    None,
}

/// A kind of route.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RouteKind {
    #[serde(default = "group")]
    pub group: Text,
    pub kind: Text,
}

/// `spec` of an `HTTPRoute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RouteSpec {
    pub parent_refs: Vec<ParentReference>,
    pub hostnames: Vec<Text>,
    pub rules: Option<Vec<RuleSpec>>,
}

/// What a route wants to attach to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParentReference {
    #[serde(default = "group")]
    pub group: Text,
    #[serde(default = "gateway")]
    pub kind: Text,
    #[serde(default)]
    pub namespace: Option<Text>,
    #[serde(default)]
    pub name: Text,
    #[serde(default)]
    pub section_name: Option<Text>,
    #[serde(default)]
    pub port: Option<i64>,
}

fn group() -> Text {
    GROUP.into()
}

fn gateway() -> Text {
    "Gateway".into()
}

/// One rule of a route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RuleSpec {
    pub matches: Vec<MatchSpec>,
    pub filters: Vec<FilterSpec>,
    pub backend_refs: Vec<BackendSpec>,
    pub timeouts: TimeoutsSpec,
    pub retry: Option<Value>,
    pub session_persistence: Option<Value>,
}

/// Which requests a rule is for; all conditions must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MatchSpec {
    pub path: PathSpec,
    pub headers: Vec<TextSpec>,
    pub query_params: Vec<TextSpec>,
    pub method: Option<Text>,
}

/// A condition on the path.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct PathSpec {
    #[serde(default, rename = "type")]
    pub kind: PathKind,
    #[serde(default)]
    pub value: Option<Text>,
}

/// How paths are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum PathKind {
    Exact,
    #[default]
    PathPrefix,
    RegularExpression,
}

/// A condition on a named text: a header or a parameter of the query.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TextSpec {
    #[serde(default, rename = "type")]
    pub kind: TextKind,
    pub name: Text,
    pub value: Text,
}

/// How texts are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TextKind {
    #[default]
    Exact,
    RegularExpression,
}

/// What is done to requests and answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FilterSpec {
    #[serde(rename = "type")]
    pub kind: Text,
    pub request_header_modifier: HeaderChangesSpec,
    pub response_header_modifier: HeaderChangesSpec,
    pub request_mirror: Option<MirrorSpec>,
    pub request_redirect: Option<RedirectSpec>,
    pub url_rewrite: Option<RewriteSpec>,
}

/// Changes of headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderChangesSpec {
    pub set: Vec<HeaderSpec>,
    pub add: Vec<HeaderSpec>,
    pub remove: Vec<Text>,
}

/// A header.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HeaderSpec {
    pub name: Text,
    pub value: Text,
}

/// Who gets copies of requests, and of how many.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MirrorSpec {
    pub backend_ref: BackendSpec,
    #[serde(default)]
    pub percent: Option<u64>,
    #[serde(default)]
    pub fraction: Option<FractionSpec>,
}

/// A share.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct FractionSpec {
    pub numerator: u64,
    #[serde(default = "hundred")]
    pub denominator: u64,
}

fn hundred() -> u64 {
    100
}

/// Where requests are sent instead.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RedirectSpec {
    pub scheme: Option<Text>,
    pub hostname: Option<Text>,
    pub path: Option<PathChangeSpec>,
    pub port: Option<u16>,
    pub status_code: Option<u16>,
}

/// What becomes of host and path on the way to the backend.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RewriteSpec {
    pub hostname: Option<Text>,
    pub path: Option<PathChangeSpec>,
}

/// A change of the path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PathChangeSpec {
    #[serde(rename = "type")]
    pub kind: Text,
    pub replace_full_path: Option<Text>,
    pub replace_prefix_match: Option<Text>,
}

/// Who may answer requests, and how many of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BackendSpec {
    pub group: Option<Text>,
    pub kind: Option<Text>,
    pub namespace: Option<Text>,
    pub name: Text,
    pub port: Option<i64>,
    pub weight: Option<i64>,
    pub filters: Vec<FilterSpec>,
}

/// How long things may take, in the API's notation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TimeoutsSpec {
    pub request: Option<Text>,
    pub backend_request: Option<Text>,
}
