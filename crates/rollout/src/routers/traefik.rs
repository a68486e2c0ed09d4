//! Traefik: a `TraefikService` that an `IngressRoute` of the user's leads to.

use super::RouterError;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::shares::Shares;
use super::subject::Subject;
use super::weights::Weights;
use trueup_object::{ObjectRef, Value, value};

/// Traefik.
pub(super) struct Traefik;

impl TrafficProvider for Traefik {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            ..Abilities::default()
        }
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![traefik_service(subject)]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let services = services(subject, traffic.weights);
        let manifest = Manifest::with_apex_metadata(traefik_service(subject), subject)
            .route(&["spec", "weighted", "services"], Some(services));
        Ok(vec![manifest])
    }

    /// A weight that is absent is none: that is how Flagger writes 0.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = traefik_service(subject);
        let weighted = observed.read(&reference)?.below(&["spec", "weighted"])?;
        let mut shares = Shares::of_services(subject);
        for service in weighted.items("services")? {
            shares.count(
                service.text("name")?,
                service.integer("weight")?.unwrap_or(0),
            );
        }
        shares.weights(&reference)
    }
}

fn traefik_service(subject: &Subject<'_>) -> ObjectRef {
    subject.reference("traefik.io/v1alpha1", "TraefikService", &subject.names.apex)
}

/// The canary is named only where it has traffic. Weights are always written:
/// Traefik takes an absent one for 1.
fn services(subject: &Subject<'_>, weights: Weights) -> Value {
    let primary = service(subject, &subject.names.primary, weights.primary());
    let canary = service(subject, &subject.names.canary, weights.canary());
    if weights.canary() == 0 {
        value!([primary])
    } else {
        value!([primary, canary])
    }
}

fn service(subject: &Subject<'_>, name: &str, weight: u8) -> Value {
    value!({
        "name": name,
        "namespace": subject.namespace(),
        "port": subject.port(),
        "weight": i64::from(weight),
    })
}
