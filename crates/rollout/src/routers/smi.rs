//! Service Mesh Interface: a `TrafficSplit`, for Linkerd and Open Service Mesh.

use super::RouterError;
use super::fields::{Fields, whole};
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::shares::Shares;
use super::subject::Subject;
use super::weights::Weights;
use trueup_object::{ObjectRef, Quantity, Text, Value, to_json, value};

/// Tells SMI's adapter for Istio the gateways of the `VirtualService`.
const ISTIO_GATEWAYS: &str = "VirtualService.v1alpha3.networking.istio.io/spec.gateways";

/// One version of the API.
pub(super) struct TrafficSplit {
    api_version: &'static str,
    weight: fn(u8) -> Value,
}

impl TrafficSplit {
    /// Weights are quantities.
    pub(super) const V1ALPHA1: Self = Self {
        api_version: "split.smi-spec.io/v1alpha1",
        weight: |weight| Value::from(weight.to_string()),
    };
    /// Weights are numbers.
    pub(super) const V1ALPHA2: Self = Self {
        api_version: "split.smi-spec.io/v1alpha2",
        weight: |weight| Value::from(i64::from(weight)),
    };
    /// Weights are numbers.
    pub(super) const V1ALPHA3: Self = Self {
        api_version: "split.smi-spec.io/v1alpha3",
        weight: |weight| Value::from(i64::from(weight)),
    };

    fn reference(&self, subject: &Subject<'_>) -> ObjectRef {
        subject.reference(self.api_version, "TrafficSplit", &subject.names.apex)
    }

    fn backends(&self, subject: &Subject<'_>, weights: Weights) -> Value {
        let canary = (self.weight)(weights.canary());
        let primary = (self.weight)(weights.primary());
        value!([
            {"service": subject.names.canary.clone(), "weight": canary},
            {"service": subject.names.primary.clone(), "weight": primary},
        ])
    }
}

impl TrafficProvider for TrafficSplit {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            ..Abilities::default()
        }
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![self.reference(subject)]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let hosts = &subject.service().hosts;
        let host = hosts.first().unwrap_or(&subject.names.apex).clone();
        let manifest = Manifest::new(self.reference(subject))
            .annotations(gateways_for_istio(subject))
            .field(&["spec", "service"], Some(host.into()))
            .route(
                &["spec", "backends"],
                Some(self.backends(subject, traffic.weights)),
            );
        Ok(vec![manifest])
    }

    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = self.reference(subject);
        let spec = observed.read(&reference)?.section("spec")?;
        let mut shares = Shares::of_services(subject);
        for backend in spec.items("backends")? {
            shares.count(backend.text("service")?, milli_weight(&backend)?);
        }
        shares.weights(&reference)
    }
}

/// A weight in thousandths: a number, or the text of a quantity.
fn milli_weight(backend: &Fields<'_>) -> Result<i64, RouterError> {
    let Some(value) = backend.value("weight") else {
        return Ok(0);
    };
    let milli = match value {
        Value::String(text) => Quantity::parse(text)
            .ok()
            .map(|weight| weight.milli_units()),
        number => whole(number).map(|weight| i128::from(weight) * 1000),
    };
    milli
        .and_then(|milli| i64::try_from(milli).ok())
        .ok_or_else(|| backend.wrong("weight", value, "a quantity"))
}

/// The gateways, where Istio is behind the interface.
fn gateways_for_istio(subject: &Subject<'_>) -> Vec<(Text, Option<Text>)> {
    let gateways = &subject.service().gateways;
    let is_istio = subject.provider_name().ends_with(":istio");
    if !is_istio || gateways.is_empty() {
        return Vec::new();
    }
    let list: Value = gateways.iter().cloned().map(Value::from).collect();
    let json = String::from_utf8_lossy(&to_json(&list)).into_owned();
    vec![(ISTIO_GATEWAYS.into(), Some(json.into()))]
}
