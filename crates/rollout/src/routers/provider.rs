//! The table of providers.

use super::RouterError;
use super::affinity::{Cookies, LiveCookies};
use super::app_mesh::AppMesh;
use super::app_mesh_v1beta2::AppMeshV1beta2;
use super::contour::Contour;
use super::gateway_api::GatewayApi;
use super::gloo::Gloo;
use super::istio::Istio;
use super::kubernetes::Kubernetes;
use super::manifest::Manifest;
use super::nginx::Nginx;
use super::observed::Observed;
use super::smi::TrafficSplit;
use super::subject::Subject;
use super::traefik::Traefik;
use super::weights::Weights;
use super::write::Write;
use trueup_object::{ObjectRef, Text};

/// What a provider can do beyond sharing traffic by weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four answers that depend on nothing of each other"
)]
pub struct Abilities {
    /// It shares traffic by weights at all.
    pub weights: bool,
    /// It tells requests apart by `analysis.match`.
    pub matches: bool,
    /// It gives the canary copies of requests (`analysis.mirror`).
    pub mirror: bool,
    /// It keeps clients where they were sent (`analysis.sessionAffinity`).
    pub affinity: bool,
}

/// How traffic is to be shared; all to the primary where nothing is said.
pub(super) struct Traffic {
    pub(super) weights: Weights,
    pub(super) cookies: Cookies,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            weights: Weights::PRIMARY,
            cookies: Cookies::default(),
        }
    }
}

/// What routes the traffic of a `Canary`: which objects, how they look for
/// which weights, and what weights they have.
pub(super) trait TrafficProvider: Sync {
    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// Refuses what a `Canary` asks for and can't have.
    fn check(&self, _: &Subject<'_>) -> Result<(), RouterError> {
        Ok(())
    }

    /// The objects that are read.
    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef>;

    /// The objects as they should be.
    fn manifests(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError>;

    /// Those of the objects that share the traffic, for a shift, which must not
    /// fail for anything else that is wrong.
    fn routes(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        self.manifests(subject, observed, traffic)
    }

    /// The weights that the live objects have.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError>;

    /// Whether what carries the traffic has taken the live objects over.
    fn check_ready(&self, _: &Subject<'_>, _: &Observed) -> Result<(), RouterError> {
        Ok(())
    }

    /// The cookies that the live objects hand out.
    fn cookies(&self, _: &Subject<'_>, _: &Observed) -> Result<LiveCookies, RouterError> {
        Ok(LiveCookies::default())
    }

    /// What gives objects back that were not ours in the beginning.
    fn restore(&self, _: &Subject<'_>, _: &Observed) -> Result<Vec<Write>, RouterError> {
        Ok(Vec::new())
    }
}

/// A provider under its name in `spec.provider`.
pub(super) struct Registration {
    pub(super) name: &'static str,
    pub(super) provider: &'static dyn TrafficProvider,
}

const fn registered(name: &'static str, provider: &'static dyn TrafficProvider) -> Registration {
    Registration { name, provider }
}

/// The providers that are built here. Each has recorded cases in the folder
/// `cases/NAME` beside this file (`:` becomes `-`), and a test that says so.
pub(super) static PROVIDERS: &[Registration] = &[
    registered("gatewayapi:v1", &GatewayApi::V1),
    registered("gatewayapi:v1beta1", &GatewayApi::V1BETA1),
    registered("istio", &Istio),
    registered("nginx", &Nginx),
    registered("appmesh", &AppMesh),
    registered("appmesh:v1beta2", &AppMeshV1beta2),
    registered("gloo", &Gloo),
    registered("traefik", &Traefik),
    registered("linkerd", &TrafficSplit::V1ALPHA1),
    registered("smi:v1alpha1", &TrafficSplit::V1ALPHA1),
    registered("smi:v1alpha2", &TrafficSplit::V1ALPHA2),
    registered("smi:v1alpha3", &TrafficSplit::V1ALPHA3),
    registered("osm", &TrafficSplit::V1ALPHA2),
    registered("contour", &Contour),
    registered("kubernetes", &Kubernetes),
];

/// The providers of Flagger's that are not built here.
const UNSUPPORTED: &[&str] = &["kuma", "apisix", "skipper", "knative"];
/// A provider of Flagger's that also takes the name of a mesh behind it.
const WITH_MESH: &str = "smi:";

/// The provider of a name.
pub(super) fn find(name: &str) -> Result<&'static Registration, RouterError> {
    let found = PROVIDERS.iter().find(|entry| is_named(entry.name, name));
    found.ok_or_else(|| {
        let name: Text = name.into();
        let supported = supported().join(", ").into();
        if UNSUPPORTED.contains(&name.as_str()) {
            RouterError::Unsupported { name, supported }
        } else {
            RouterError::Unknown { name, supported }
        }
    })
}

/// `smi:v1alpha1:istio` is `smi:v1alpha1` on the mesh `istio`.
fn is_named(entry: &str, name: &str) -> bool {
    match name.strip_prefix(entry) {
        Some("") => true,
        Some(rest) => entry.starts_with(WITH_MESH) && rest.starts_with(':'),
        None => false,
    }
}

/// Refuses a name that `spec.provider` may not have here.
///
/// # Errors
/// The name is one of Flagger's that is not built here, or nobody's.
pub fn check_provider_name(name: &str) -> Result<(), RouterError> {
    find(name).map(|_| ())
}

/// The names that `spec.provider` may have here.
#[must_use]
pub fn supported() -> Vec<&'static str> {
    PROVIDERS.iter().map(|entry| entry.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_found_by_their_names_and_no_others() {
        for entry in PROVIDERS {
            assert_eq!(find(entry.name).map(|found| found.name), Ok(entry.name));
        }
        let on_istio = find("smi:v1alpha1:istio").map(|found| found.name);
        assert_eq!(on_istio, Ok("smi:v1alpha1"));
        for name in [
            "gatewayapi",
            "gatewayapi:v1beta2",
            "istio:v1",
            "smi",
            "",
            "Istio",
        ] {
            assert!(
                matches!(find(name), Err(RouterError::Unknown { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn providers_that_come_later_are_refused_by_name() {
        for name in ["kuma", "apisix", "skipper", "knative"] {
            let error = find(name).map(|found| found.name).unwrap_err();
            let beginning = format!("provider {name} is not supported: ");
            assert!(error.to_string().starts_with(&beginning), "{error}");
            assert!(error.is_permanent());
        }
    }
}
