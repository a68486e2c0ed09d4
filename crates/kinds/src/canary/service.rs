//! `spec.service`: the Services and routes that are made.

use super::number;
use super::{
    CorsPolicy, Headers, HttpMatch, HttpRetry, HttpRewrite, MirrorFilter, ParentReference,
};
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use trueup_object::{Map, Text, Value};

/// The name of the port where `service.portName` is not given.
const DEFAULT_PORT_NAME: &str = "http";

/// How the Services and routes of a `Canary` look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryService {
    /// Name of the apex Service; that of the target where it is empty.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub name: Text,
    /// Port of the Services; 0 where it is not given.
    #[serde(deserialize_with = "number::port")]
    pub port: u16,
    /// Name of the port.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub port_name: Text,
    /// Port of the containers; that of the Services without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<TargetPort>,
    /// Protocol spoken on the port.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub app_protocol: Text,
    /// Which endpoints are preferred.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub traffic_distribution: Text,
    /// Whether all ports of the containers are added.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub port_discovery: bool,
    /// Whether the Services have no address of their own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub headless: bool,
    /// How long a request may take.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub timeout: Text,
    /// How long a request to a backend may take (Gateway API).
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub backend_timeout: Text,
    /// Gateways of the `VirtualService` (Istio).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Text>,
    /// Parents of the route (Gateway API).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway_refs: Vec<ParentReference>,
    /// Hosts of the route.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Text>,
    /// Whether the `VirtualService` is delegated to by another (Istio).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delegation: bool,
    /// Traffic policy of the `DestinationRule`s (Istio), as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<Map>,
    /// Which requests the route is for.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpMatch>,
    /// What requests are changed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<HttpRewrite>,
    /// How failed requests are tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<HttpRetry>,
    /// Changes of headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
    /// Who gets a copy of every request (Gateway API).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirror: Vec<MirrorFilter>,
    /// Cross-origin resource sharing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_policy: Option<CorsPolicy>,
    /// Name of the mesh (App Mesh).
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub mesh_name: Text,
    /// Backends of the virtual nodes (App Mesh).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Text>,
    /// Labels and annotations of the apex Service and the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apex: Option<CustomMetadata>,
    /// Labels and annotations of the primary's Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<CustomMetadata>,
    /// Labels and annotations of the canary's Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CustomMetadata>,
    /// Keys that are left to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmanaged_metadata: Option<UnmanagedMetadata>,
}

impl CanaryService {
    /// The name of the port, `http` where none is given.
    #[must_use]
    pub fn port_name_or_default(&self) -> &str {
        if self.port_name.is_empty() {
            DEFAULT_PORT_NAME
        } else {
            &self.port_name
        }
    }

    /// The port of the containers; that of the Services where none is given.
    #[must_use]
    pub fn target_port_or_default(&self) -> TargetPort {
        match &self.target_port {
            None | Some(TargetPort::Number(0)) => TargetPort::Number(self.port),
            Some(TargetPort::Name(name)) if name.is_empty() => TargetPort::Number(self.port),
            Some(given) => given.clone(),
        }
    }
}

/// A port of a container by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// Its number.
    Number(u16),
    /// Its name.
    Name(Text),
}

impl From<TargetPort> for Value {
    fn from(port: TargetPort) -> Self {
        match port {
            TargetPort::Number(number) => Self::Integer(number.into()),
            TargetPort::Name(name) => Self::String(name),
        }
    }
}

impl Serialize for TargetPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u16(*number),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for TargetPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetPortVisitor)
    }
}

struct TargetPortVisitor;

impl Visitor<'_> for TargetPortVisitor {
    type Value = TargetPort;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the number or name of a port")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<TargetPort, E> {
        number::to_port(number).map(TargetPort::Number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<TargetPort, E> {
        number::to_port(i64::try_from(number).unwrap_or(i64::MAX)).map(TargetPort::Number)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<TargetPort, E> {
        Ok(TargetPort::Name(name.into()))
    }
}

/// Labels and annotations that are added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Text, Text>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Text, Text>,
}

/// Keys of labels and annotations that others set and nobody removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnmanagedMetadata {
    /// Keys of annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Text>,
    /// Keys of labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Text>,
}
