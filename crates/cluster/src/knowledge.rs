//! The kept catalogue of a cluster: when it is read, and when again.

use crate::discovery::{AGGREGATED, DiscoveryDocument, OldResourceList};
use crate::error::{Secrecy, Subject};
use crate::pace::Pace;
use crate::resource::version_path;
use crate::transport::Call;
use crate::{
    ApiError, Catalogue, ChangeCount, Changes, ErrorClass, RateLimit, ResourceInfo, Session, Verb,
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::time::Instant;
use trueup_object::{GroupVersionKind, Text};

/// How often discovery is read again because a kind was not found: three at
/// once, then one in ten seconds.
pub const MISS_REFRESHES: RateLimit = RateLimit {
    per_second: 0.1,
    burst: 3,
};

#[derive(Debug)]
pub(crate) struct Knowledge {
    kept: RwLock<Kept>,
    /// One reader at a time; the others wait for what it finds.
    reading: tokio::sync::Mutex<()>,
    misses: Pace,
    changes: ChangeCount,
}

#[derive(Debug, Default)]
struct Kept {
    catalogue: Option<Arc<Catalogue>>,
    /// Counts readings, so that a waiter sees that another one has read.
    reading: u64,
    /// Counts invalidations.
    invalidated: u64,
    /// The invalidation count when the kept catalogue was begun to be read.
    read_at: u64,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self {
            kept: RwLock::default(),
            reading: tokio::sync::Mutex::default(),
            misses: Pace::new(MISS_REFRESHES),
            changes: ChangeCount::default(),
        }
    }
}

impl Knowledge {
    pub fn invalidate(&self) {
        self.kept
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .invalidated += 1;
        self.changes.raise();
    }

    pub fn changes(&self) -> Changes {
        self.changes.changes()
    }

    /// The kept catalogue, unless it is missing or invalidated, and the
    /// number of readings so far.
    fn current(&self) -> (Option<Arc<Catalogue>>, u64) {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = kept
            .catalogue
            .clone()
            .filter(|_| kept.read_at == kept.invalidated);
        (fresh, kept.reading)
    }

    fn invalidations(&self) -> u64 {
        self.kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .invalidated
    }

    fn keep(&self, catalogue: Catalogue, read_at: u64) -> Arc<Catalogue> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.reading += 1;
        kept.read_at = read_at;
        let unchanged = kept.catalogue.as_deref() == Some(&catalogue);
        let first = kept.catalogue.is_none();
        let catalogue = Arc::new(catalogue);
        kept.catalogue = Some(catalogue.clone());
        drop(kept);
        if !unchanged && !first {
            self.changes.raise();
        }
        catalogue
    }
}

impl Session {
    /// What the cluster serves. Discovery is read as the controller, once for
    /// all identities.
    pub async fn catalogue(&self) -> Result<Arc<Catalogue>, ApiError> {
        match self.knowledge().current() {
            (Some(catalogue), _) => Ok(catalogue),
            (None, reading) => self.read_discovery(reading).await,
        }
    }

    /// How a kind is served; `None` if it is not. A kind that is missing is
    /// looked for anew, but not too often ([`MISS_REFRESHES`]).
    pub async fn resource_of(
        &self,
        kind: &GroupVersionKind,
    ) -> Result<Option<ResourceInfo>, ApiError> {
        let (kept, reading) = self.knowledge().current();
        let catalogue = match kept {
            Some(catalogue) => catalogue,
            None => {
                return Ok(self
                    .read_discovery(reading)
                    .await?
                    .resource_of(kind)
                    .cloned());
            }
        };
        if let Some(row) = catalogue.resource_of(kind) {
            return Ok(Some(row.clone()));
        }
        if !self.knowledge().misses.try_permit(Instant::now()) {
            return Ok(None);
        }
        Ok(self
            .read_discovery(reading)
            .await?
            .resource_of(kind)
            .cloned())
    }

    /// As [`Session::resource_of`], with [`ErrorClass::KindMissing`] for a
    /// kind that is not served, in the words of kubectl's clients.
    pub async fn resource(&self, kind: &GroupVersionKind) -> Result<ResourceInfo, ApiError> {
        self.resource_of(kind).await?.ok_or_else(|| {
            let message = format!(
                "no matches for kind \"{}\" in version \"{}\"",
                kind.kind,
                kind.api_version()
            );
            ApiError::local(
                Verb::Discover,
                &kind.kind,
                ErrorClass::KindMissing,
                &message,
            )
        })
    }

    fn knowledge(&self) -> &Knowledge {
        &self.cluster().inner.knowledge
    }

    /// Reads discovery, unless somebody else has since reading number `seen`.
    async fn read_discovery(&self, seen: u64) -> Result<Arc<Catalogue>, ApiError> {
        let _alone = self.knowledge().reading.lock().await;
        if let (Some(catalogue), reading) = self.knowledge().current()
            && reading != seen
        {
            return Ok(catalogue);
        }
        let invalidations = self.knowledge().invalidations();
        let reader = self.cluster().session();
        let mut catalogue = Catalogue::default();
        for root in ["/api", "/apis"] {
            let document: DiscoveryDocument = reader.discover(root, AGGREGATED).await?;
            if document.is_aggregated() {
                document.into_rows().for_each(|row| catalogue.add(row));
            } else {
                reader.read_old_discovery(document, &mut catalogue).await?;
            }
        }
        Ok(self.knowledge().keep(catalogue, invalidations))
    }

    /// One request per group version. A group whose server does not answer
    /// is left out, as its kinds can't be used now anyway.
    async fn read_old_discovery(
        &self,
        root: DiscoveryDocument,
        catalogue: &mut Catalogue,
    ) -> Result<(), ApiError> {
        let core = root
            .versions
            .iter()
            .map(|version| (Text::new(), version.clone()));
        let groups = root.groups.iter().flat_map(|group| {
            group
                .versions()
                .into_iter()
                .map(|version| (group.name.clone(), version))
        });
        for (group, version) in core.chain(groups) {
            let path = version_path(&group, &version);
            match self
                .discover::<OldResourceList>(&path, "application/json")
                .await
            {
                Ok(list) => list
                    .into_rows(&group, &version)
                    .into_iter()
                    .for_each(|row| catalogue.add(row)),
                Err(error)
                    if matches!(
                        error.class(),
                        ErrorClass::Unavailable | ErrorClass::NotFound
                    ) =>
                {
                    tracing::warn!(%group, %version, %error, "API group left out of discovery");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn discover<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<T, ApiError> {
        let subject = Subject {
            verb: Verb::Discover,
            object: path.into(),
            secrecy: Secrecy::Open,
        };
        let call = Call::read(subject, path.to_owned(), path.into()).accepting(accept);
        let body = self.call(&call).await?;
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::of(
                &call.subject,
                ErrorClass::Undecodable,
                &format!("no discovery document: {error}"),
            )
        })
    }
}
