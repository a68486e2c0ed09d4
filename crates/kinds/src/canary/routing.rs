//! Parts of routes: matches, rewrites, headers, mirrors, parents.

use super::number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_object::Text;

/// A condition on requests, as Istio's `HTTPMatchRequest`: all parts that are
/// given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// Name of the condition.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub name: Text,
    /// Path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,
    /// Scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<StringMatch>,
    /// Method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// Host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<StringMatch>,
    /// Headers by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Text, StringMatch>,
    /// Port of the host that is called.
    #[serde(
        deserialize_with = "number::port_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub port: Option<u16>,
    /// Labels of the workload that calls.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub source_labels: BTreeMap<Text, Text>,
    /// Gateways for which the condition counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Text>,
    /// Parameters of the query by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query_params: BTreeMap<Text, StringMatch>,
    /// Whether upper and lower case of the path are alike.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_uri_case: bool,
    /// Headers that must not match, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub without_headers: BTreeMap<Text, StringMatch>,
    /// Namespace of the workload that calls.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub source_namespace: Text,
}

/// How a text is compared; at most one of them is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StringMatch {
    /// The whole text.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub exact: Text,
    /// Its beginning.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub prefix: Text,
    /// Its end.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub suffix: Text,
    /// A regular expression (RE2) of the whole text.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub regex: Text,
}

/// What requests are changed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRewrite {
    /// Path.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub uri: Text,
    /// Host.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub authority: Text,
    /// `ReplacePrefixMatch`, or anything else for the whole path (Gateway API).
    #[serde(rename = "type", skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
}

/// How failed requests are tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRetry {
    /// How often.
    #[serde(deserialize_with = "number::whole")]
    pub attempts: i64,
    /// How long each try may take.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub per_try_timeout: Text,
    /// On which failures.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub retry_on: Text,
}

/// Changes of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// Of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOperations>,
    /// Of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HeaderOperations>,
}

/// Changes of the headers of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeaderOperations {
    /// Headers that replace those of the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Text, Text>,
    /// Headers that are added.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<Text, Text>,
    /// Names of headers that are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<Text>,
}

/// Cross-origin resource sharing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Origins, literally; the older form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origin: Vec<Text>,
    /// Origins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<StringMatch>,
    /// Methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<Text>,
    /// Headers of requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<Text>,
    /// Headers of responses that scripts may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<Text>,
    /// How long an answer may be kept, as a duration.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub max_age: Text,
    /// Whether credentials may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
}

/// A backend that gets a copy of every request, whatever the weights are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MirrorFilter {
    /// The backend.
    pub backend_ref: MirrorBackend,
}

/// The backend of a mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MirrorBackend {
    /// Group; that of Services without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Kind; `Service` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// Name.
    pub name: Text,
    /// Namespace; that of the `Canary` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Port; required of Services.
    #[serde(
        deserialize_with = "number::port_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub port: Option<u16>,
}

/// A parent of a route, such as a `Gateway`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParentReference {
    /// Group; `gateway.networking.k8s.io` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Kind; `Gateway` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// Namespace; that of the `Canary` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Name.
    pub name: Text,
    /// Listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section_name: Option<Text>,
    /// Port of the listener.
    #[serde(
        deserialize_with = "number::port_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub port: Option<u16>,
}
