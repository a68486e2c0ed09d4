//! Traffic providers as tables of manifests and weights.
//!
//! A [`Router`] says which objects it wants to see ([`Router::needs`]), what
//! makes them right ([`Router::reconcile`]), what shares traffic otherwise
//! ([`Router::shift`]), how it is shared ([`Router::routes`]), and what gives
//! back what was not ours ([`Router::finalize`]). Nothing here reads or
//! writes: what was read is an [`Observed`], what is to be written a list of
//! [`Write`]s.
//!
//! Each provider is a table of the objects that it makes for given weights.
//! What is done with the table is the same for all:
//!
//! - only the fields named in it are ours, the rest of an object is left as it
//!   is;
//! - an object that is missing is made with everything on the primary;
//! - one that differs is corrected with the weights that it has;
//! - a shift touches only what shares traffic.

mod affinity;
mod app_mesh;
mod app_mesh_v1beta2;
mod contour;
mod duration;
mod error;
mod fields;
mod gateway_api;
mod gloo;
mod istio;
mod kubernetes;
mod manifest;
mod nginx;
mod observed;
mod provider;
mod requests;
mod settings;
mod shares;
mod smi;
mod subject;
mod traefik;
mod weights;
mod write;

#[cfg(test)]
mod tests;

pub use affinity::{Cookies, FreshCookieValues};
pub use error::RouterError;
pub use istio::MAX_ORIGINAL_CONFIGURATION_BYTES;
pub use observed::Observed;
pub use provider::{Abilities, check_provider_name, supported};
pub use requests::MAX_REQUEST_MATCHES;
pub use settings::{
    DEFAULT_INGRESS_ANNOTATIONS_PREFIX, DEFAULT_PROVIDER, DEFAULT_SELECTOR_LABELS, Ownership,
    RouterSettings,
};
pub use weights::Weights;
pub use write::Write;

use provider::{Registration, Traffic};
use subject::Subject;
use trueup_kinds::canary::{Canary, ServiceNames, SessionAffinity};
use trueup_object::ObjectRef;

/// What routes the traffic of one `Canary`.
pub struct Router<'a> {
    registration: &'static Registration,
    canary: &'a Canary,
    names: ServiceNames,
    settings: &'a RouterSettings,
}

/// A shift: what to write, and the cookies that the status is to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// What to write.
    pub writes: Vec<Write>,
    /// What the status is to keep; what it has, without session affinity.
    pub cookies: Cookies,
}

impl<'a> Router<'a> {
    /// The router of a `Canary`: an error if there is no such provider, or if
    /// the `Canary` asks for what it can't do.
    pub fn of(canary: &'a Canary, settings: &'a RouterSettings) -> Result<Self, RouterError> {
        let router = Self {
            registration: provider::find(canary.spec.provider_or(&settings.default_provider))?,
            canary,
            names: canary.spec.service_names(),
            settings,
        };
        router.check()?;
        Ok(router)
    }

    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.registration.name
    }

    /// What the provider can do.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        self.registration.provider.abilities()
    }

    /// The objects to read for an [`Observed`].
    #[must_use]
    pub fn needs(&self) -> Vec<ObjectRef> {
        self.registration.provider.needs(&self.subject())
    }

    /// What makes the objects right. Missing ones are made with everything on
    /// the primary; weights, mirroring and cookies that are there stay.
    pub fn reconcile(&self, observed: &Observed) -> Result<Vec<Write>, RouterError> {
        let subject = self.subject();
        let traffic = self.present_traffic(observed)?;
        let provider = self.registration.provider;
        let manifests = provider.manifests(&subject, observed, &traffic)?;
        let writes = manifests
            .iter()
            .map(|manifest| manifest.reconcile(observed.get(manifest.reference()), &subject));
        writes.filter_map(Result::transpose).collect()
    }

    /// What shares traffic so. Cookies that are missing get `fresh` values.
    pub fn shift(
        &self,
        observed: &Observed,
        weights: Weights,
        fresh: &FreshCookieValues,
    ) -> Result<Shift, RouterError> {
        let weights = weights.with_found_mirror(weights.is_mirrored() && self.abilities().mirror);
        let mut cookies = self.present_cookies(observed)?;
        if let Some(affinity) = self.sticky_affinity() {
            cookies = cookies.or_fresh(weights, affinity, fresh).settled(weights);
        }
        let traffic = Traffic { weights, cookies };
        let provider = self.registration.provider;
        let manifests = provider.routes(&self.subject(), observed, &traffic)?;
        let writes = manifests
            .iter()
            .map(|manifest| manifest.shift(observed.get(manifest.reference())));
        let writes = writes
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        let cookies = traffic.cookies;
        Ok(Shift { writes, cookies })
    }

    /// How traffic is shared, or why that can't be said.
    pub fn routes(&self, observed: &Observed) -> Result<Weights, RouterError> {
        let provider = self.registration.provider;
        provider.check_ready(&self.subject(), observed)?;
        provider.weights(&self.subject(), observed)
    }

    /// What gives back what was not ours, for a `Canary` that is about to go
    /// and undoes what it did. All else goes with the `Canary` that owns it.
    /// [`RouterError::Missing`] says that what would be given back is gone.
    pub fn finalize(&self, observed: &Observed) -> Result<Vec<Write>, RouterError> {
        let provider = self.registration.provider;
        provider.restore(&self.subject(), observed)
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            canary: self.canary,
            names: &self.names,
            settings: self.settings,
        }
    }

    fn check(&self) -> Result<(), RouterError> {
        let subject = self.subject();
        let abilities = self.abilities();
        if abilities.weights && subject.is_matched() && !abilities.matches {
            return Err(RouterError::invalid(format!(
                "A/B testing is not supported when using the {} provider",
                self.provider()
            )));
        }
        if let Some(affinity) = self.sticky_affinity() {
            affinity::check(affinity, &subject.analysis().interval)?;
        }
        self.registration.provider.check(&subject)
    }

    fn sticky_affinity(&self) -> Option<&SessionAffinity> {
        let able = self.abilities().affinity;
        self.subject().affinity().filter(|_| able)
    }

    /// How traffic is shared now; where nobody can say, all of it goes to the
    /// primary.
    fn present_traffic(&self, observed: &Observed) -> Result<Traffic, RouterError> {
        let provider = self.registration.provider;
        let weights = match provider.weights(&self.subject(), observed) {
            Ok(weights) => weights,
            Err(RouterError::Missing(_) | RouterError::NoRoutes(_)) => Weights::PRIMARY,
            Err(other) => return Err(other),
        };
        let cookies = self.present_cookies(observed)?;
        Ok(Traffic { weights, cookies })
    }

    fn present_cookies(&self, observed: &Observed) -> Result<Cookies, RouterError> {
        let subject = self.subject();
        let kept = Cookies::of(&subject);
        if self.sticky_affinity().is_none() {
            return Ok(kept);
        }
        let live = self.registration.provider.cookies(&subject, observed)?;
        Ok(kept.or_live(live))
    }
}
