//! No mesh: the Service of the apex is all that routes, and it always leads to
//! the primary.

use super::RouterError;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::subject::Subject;
use super::weights::Weights;
use trueup_object::ObjectRef;

/// No mesh.
pub(super) struct Kubernetes;

impl TrafficProvider for Kubernetes {
    fn abilities(&self) -> Abilities {
        Abilities::default()
    }

    fn needs(&self, _: &Subject<'_>) -> Vec<ObjectRef> {
        Vec::new()
    }

    fn manifests(
        &self,
        _: &Subject<'_>,
        _: &Observed,
        _: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        Ok(Vec::new())
    }

    /// A run is under way once it has been looked at.
    fn weights(&self, subject: &Subject<'_>, _: &Observed) -> Result<Weights, RouterError> {
        let is_looked_at = subject.canary.status.iterations > 0;
        Ok(Weights::of_canary(if is_looked_at { 100 } else { 0 }))
    }
}
