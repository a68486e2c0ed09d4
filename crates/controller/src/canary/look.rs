//! One look at a Canary: what it is about, as it was read.

use super::sights;
use crate::context::Context;
use crate::machine::ObjectKey;
use std::collections::BTreeSet;
use std::sync::Arc;
use trueup_cluster::{ApiError, ErrorClass, LiveObject, Patch, WriteOptions};
use trueup_kinds::canary::CanaryStatus;
use trueup_kinds::{Canary, Resource};
use trueup_object::{ObjectRef, Text, Value};
use trueup_rollout::targets::{self, Observed, TargetError, View};

/// How often a decision may ask for more to be read: what the target refers
/// to is known in the second round, what is made of that in the third.
const MAX_READING_ROUNDS: u32 = 8;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The API refused or did not answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It can't be done as things are.
    #[error("{0}")]
    Refused(String),
    /// Somebody else has changed what was looked at.
    #[error("{0} has changed meanwhile")]
    Outdated(String),
}

/// A Canary, and the objects of the cluster that it is about.
pub(super) struct Look<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) key: &'a ObjectKey,
    /// The Canary, with its status as it was written.
    pub(super) canary: Canary,
    /// The status as it is stored, of which some may have been pruned.
    pub(super) stored_status: CanaryStatus,
    /// The revision of the source that the step is about.
    pub(super) source_revision: Text,
    pub(super) observed: Observed,
    used: BTreeSet<ObjectRef>,
}

impl<'a> Look<'a> {
    /// A look at a Canary as it is stored, whose status is `whole`.
    pub(super) fn new(
        context: &'a Arc<Context>,
        key: &'a ObjectKey,
        mut canary: Canary,
        whole: CanaryStatus,
    ) -> Self {
        let stored_status = std::mem::replace(&mut canary.status, whole);
        Self {
            context,
            key,
            source_revision: canary.status.source_revision.clone(),
            canary,
            stored_status,
            observed: Observed::new(),
            used: BTreeSet::new(),
        }
    }

    /// Everything that was looked at is woken for from now on, and nothing
    /// else.
    pub(super) fn settle(&mut self) {
        let used = std::mem::take(&mut self.used);
        self.context.canaries.sights.keep(self.key, used);
    }

    /// An object, if it is there.
    pub(super) async fn read(
        &mut self,
        reference: &ObjectRef,
    ) -> Result<Option<LiveObject>, ApiError> {
        self.used.insert(reference.clone());
        sights::read(self.context, self.key, reference).await
    }

    /// How many ready endpoints a Service has.
    pub(super) async fn ready_endpoints(&mut self, service: &str) -> Result<u32, ApiError> {
        let namespace = self.canary.metadata.namespace.clone();
        let slices = sights::slices(self.context, self.key, &namespace, service).await?;
        let kind = trueup_object::GroupVersionKind::new("discovery.k8s.io/v1", "EndpointSlice");
        self.used.insert(ObjectRef {
            kind,
            namespace,
            name: service.into(),
        });
        let ready = targets::ready_endpoints(service, &slices, &[]);
        Ok(u32::try_from(ready.total).unwrap_or(u32::MAX))
    }

    async fn take_in(&mut self, reference: &ObjectRef) -> Result<(), ApiError> {
        match self.read(reference).await? {
            Some(object) => self.observed.found(object.value().clone()),
            None => self.observed.absent(reference.clone()),
        }
        Ok(())
    }

    /// Reads what every decision needs.
    pub(super) async fn read_first(&mut self) -> Result<(), ApiError> {
        let options = &self.context.canaries.options.targets;
        // A target that is not supported is refused by its decisions.
        let needs = targets::first_needs(&self.canary, options).unwrap_or_default();
        for reference in &needs {
            self.take_in(reference).await?;
        }
        Ok(())
    }

    /// Decides something about the target; reads what the decision asks for.
    /// The inner error says why it can't be decided.
    pub(super) async fn decide<T>(
        &mut self,
        decide: &(dyn Fn(&View<'_>) -> Result<T, TargetError> + Send + Sync),
    ) -> Result<Result<T, String>, ApiError> {
        for _ in 0..MAX_READING_ROUNDS {
            let decided = decide(&View {
                canary: &self.canary,
                options: &self.context.canaries.options.targets,
                observed: &self.observed,
            });
            match decided {
                Ok(decided) => return Ok(Ok(decided)),
                Err(TargetError::Refused(message)) => return Ok(Err(message)),
                Err(TargetError::NeedsRead(references)) => {
                    for reference in &references {
                        self.take_in(reference).await?;
                    }
                }
            }
        }
        Ok(Err("what it is about could not be read".to_owned()))
    }

    /// Decides on writes and does them.
    pub(super) async fn apply(
        &mut self,
        decide: &(dyn Fn(&View<'_>) -> Result<Vec<targets::Write>, TargetError> + Send + Sync),
    ) -> Result<(), Trouble> {
        let writes = self.decide(decide).await?.map_err(Trouble::Refused)?;
        for write in writes {
            self.write(write).await?;
        }
        Ok(())
    }

    /// Does one write.
    pub(super) async fn write(&mut self, write: targets::Write) -> Result<(), Trouble> {
        let Some(reference) = write.object() else {
            return Err(Trouble::Refused("an object has no name".to_owned()));
        };
        let asked_at = self.context.canaries.sights.reached(&reference);
        let session = &self.context.session;
        let options = WriteOptions::new(Canary::STATUS_MANAGER);
        let outcome = match write {
            targets::Write::Create(object) => session.create(&object, &options).await,
            targets::Write::Replace(object) => session.update(&object, &options).await,
            targets::Write::MergePatch { object, patch } => {
                session.patch(&object, &Patch::Merge(patch), &options).await
            }
            targets::Write::Delete(object) => return self.delete(&object).await,
        };
        match outcome {
            Ok(object) => {
                sights::learnt(self.context, self.key, &object, &asked_at);
                self.observed.found(object.value().clone());
                Ok(())
            }
            Err(error) => Err(self.doubted(&reference, error)),
        }
    }

    async fn delete(&mut self, reference: &ObjectRef) -> Result<(), Trouble> {
        let uid = self.observed.get(reference).and_then(uid_of);
        let uid = uid.unwrap_or_default();
        let options = trueup_cluster::DeleteOptions::default();
        match self.context.session.delete(reference, &options).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(self.doubted(reference, error)),
        }
        sights::deleted(self.context, self.key, reference, &uid);
        self.observed.absent(reference.clone());
        Ok(())
    }

    /// What is known of the object may be outdated, whatever has failed.
    fn doubted(&self, reference: &ObjectRef, error: ApiError) -> Trouble {
        self.context.canaries.sights.doubt(reference);
        let is_outdated = matches!(
            error.class(),
            ErrorClass::Conflict | ErrorClass::AlreadyExists
        );
        if is_outdated {
            return Trouble::Outdated(reference.to_string());
        }
        Trouble::Api(error)
    }
}

fn uid_of(object: &Value) -> Option<Text> {
    object.str_at(&["metadata", "uid"]).map(Into::into)
}
