//! Discovery: which groups, versions and resources are served.

mod aggregated;
mod plain;
#[cfg(test)]
mod tests;
mod version_order;

pub use version_order::compare_versions;

use super::ApiServer;
use super::encode::encode_value;
use super::negotiation::{
    Answers, Endpoint, Router, aggregated_discovery_version, error_format, negotiate,
};
use super::reply::{JSON, Reply};
use crate::core::{ApiError, Request, Resource, Tables};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use trueup_object::{Text, Value, to_json, value};

/// The built-in groups in the order in which a genuine server lists them.
const BUILTIN_GROUPS: &[&str] = &[
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// Whether a group comes with the server; the core group counts.
#[must_use]
pub fn is_builtin_group(group: &str) -> bool {
    group.is_empty() || BUILTIN_GROUPS.contains(&group)
}

/// One group with its versions, the preferred first.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub name: &'a str,
    pub versions: Vec<Version<'a>>,
}

/// One version of a group with its resources.
#[derive(Debug)]
pub(super) struct Version<'a> {
    pub name: &'a str,
    pub resources: Vec<&'a Arc<Resource>>,
}

impl Version<'_> {
    fn group_version(&self, group: &Group<'_>) -> String {
        if group.name.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}/{}", group.name, self.name)
        }
    }
}

/// All groups in the order of discovery, the core group first.
pub(super) fn groups(tables: &Tables) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in &tables.rows {
        let at = groups
            .iter()
            .position(|group| group.name == row.group)
            .unwrap_or_else(|| {
                groups.push(Group {
                    name: &row.group,
                    versions: Vec::new(),
                });
                groups.len() - 1
            });
        let versions = &mut groups[at].versions;
        match versions
            .iter_mut()
            .find(|version| version.name == row.version)
        {
            Some(version) => version.resources.push(row),
            None => versions.push(Version {
                name: &row.version,
                resources: vec![row],
            }),
        }
    }
    for group in &mut groups {
        group
            .versions
            .sort_by(|left, right| compare_versions(left.name, right.name));
    }
    groups.sort_by_key(|group| (rank(group.name), group.name));
    groups
}

/// The core group, then the built-in ones in their order, then all others.
fn rank(group: &str) -> usize {
    if group.is_empty() {
        return 0;
    }
    let at = BUILTIN_GROUPS.iter().position(|builtin| *builtin == group);
    at.map_or(usize::MAX, |at| at + 1)
}

/// The paths that the root lists.
#[must_use]
pub fn root(tables: &Tables) -> Reply {
    let mut paths: Vec<String> = [
        "/.well-known/openid-configuration",
        "/apis",
        "/healthz",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/openid/v1/jwks",
        "/readyz",
        "/version",
    ]
    .map(str::to_owned)
    .into();
    for group in groups(tables) {
        let base = if group.name.is_empty() {
            "/api".to_owned()
        } else {
            format!("/apis/{}", group.name)
        };
        paths.extend(
            group
                .versions
                .iter()
                .map(|version| format!("{base}/{}", version.name)),
        );
        paths.push(base);
    }
    paths.sort();
    let paths: Value = paths.into_iter().map(Value::from).collect();
    Reply::json_for_people(200, &value!({"paths": paths}))
}

/// Answers below `/api` and `/apis`, except for resources.
pub fn answer(server: &ApiServer, tables: &Tables, request: &Request, segments: &[&str]) -> Reply {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Reply::error(&ApiError::method_not_allowed(), error_format(request));
    }
    if let (["api" | "apis"], Some("v2")) = (segments, aggregated_discovery_version(request)) {
        return server.inner.discovery.aggregated(tables, segments[0]);
    }
    let found = match segments {
        ["api"] => Some(plain::api_versions()),
        ["apis"] => Some(plain::group_list(tables)),
        ["api", version] => plain::resource_list(tables, "", version),
        ["apis", group] => plain::group(tables, group),
        ["apis", group, version] => plain::resource_list(tables, group, version),
        _ => None,
    };
    match (found, segments) {
        (Some(document), _) => negotiated(request, segments, &document),
        (None, [_, group, ..]) if segments[0] == "apis" && !is_builtin_group(group) => {
            Reply::page_not_found()
        }
        (None, _) => Reply::error(&ApiError::unknown_path(), error_format(request)),
    }
}

/// A document in the form that its reader takes. The paths that no router
/// stands before are those that custom resources come and go below.
fn negotiated(request: &Request, segments: &[&str], document: &Value) -> Reply {
    let routed = match segments {
        ["api", ..] => true,
        [_, group, _] => is_builtin_group(group),
        _ => false,
    };
    let endpoint = Endpoint {
        router: routed.then_some(Router::Documents),
        answers: Answers::Documents,
    };
    match negotiate(request, endpoint) {
        Ok(format) => encode_value(200, document, format),
        Err(error) => Reply::error(&error, error_format(request)),
    }
}

/// The aggregated documents of one version of the tables.
#[derive(Debug, Default)]
pub struct DiscoveryCache {
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    version: u64,
    core: (Bytes, String),
    others: (Bytes, String),
}

impl DiscoveryCache {
    fn aggregated(&self, tables: &Tables, root: &str) -> Reply {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept
            .as_ref()
            .is_none_or(|kept| kept.version != tables.version)
        {
            let groups = groups(tables);
            let (core, others): (Vec<_>, Vec<_>) =
                groups.iter().partition(|group| group.name.is_empty());
            *kept = Some(Kept {
                version: tables.version,
                core: document(&aggregated::group_list(&core)),
                others: document(&aggregated::group_list(&others)),
            });
        }
        let Some(kept) = &*kept else {
            return Reply::page_not_found();
        };
        let (body, tag) = if root == "api" {
            &kept.core
        } else {
            &kept.others
        };
        Reply::full(
            200,
            &format!("{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            body.clone(),
        )
        .with_header(http::header::ETAG, tag)
        .with_header(http::header::VARY, "Accept")
    }
}

fn document(value: &Value) -> (Bytes, String) {
    let json = super::reply::line(to_json(value));
    let tag = format!("\"{}\"", hex_upper(&Sha256::digest(&json)));
    (json.into(), tag)
}

/// Bytes in upper-case hexadecimal digits.
pub(super) fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Built-in kinds that a genuine server keeps in another group or version than
/// its newest: group and kind, and what its hash is made of.
const KEPT_OTHERWISE: &[(&str, &str, &str)] = &[
    ("events.k8s.io", "Event", "/v1"),
    ("autoscaling", "HorizontalPodAutoscaler", "autoscaling/v2"),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1beta1",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1beta1",
    ),
    (
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io/v1beta1",
    ),
];

/// What tells clients in which version objects are kept.
pub(super) fn storage_version_hash(resource: &Resource) -> Text {
    use base64::Engine;
    let Resource { group, kind, .. } = resource;
    let otherwise = KEPT_OTHERWISE
        .iter()
        .find(|(of, name, _)| of == group && name == kind);
    let group_version = match otherwise {
        Some((_, _, kept)) => (*kept).to_owned(),
        None => format!("{group}/{}", resource.storage_version),
    };
    let digest = Sha256::digest(format!("{group_version}/{kind}"));
    base64::engine::general_purpose::STANDARD
        .encode(&digest[..8])
        .into()
}
