//! Carrying out a plan, as far as it deletes what left the source.

use super::apply::{Done, Hands, line};
use super::failure::Stop;
use super::memory::lock;
use crate::live::{self, Sight};
use trueup_cluster::{ApiError, DeleteOptions, Deletion, ErrorClass, Form, Propagation};
use trueup_object::ObjectRef;
use trueup_plan::{ChangeVerb, Consent, Removal, RemovalVerb};

/// How often an object that keeps changing is tried to be deleted in one run.
const DELETE_ATTEMPTS: u32 = 5;

impl Hands<'_> {
    /// Deletes what left the source. What can't be deleted stays in the
    /// inventory and is named; the others go on.
    pub(super) async fn prune(
        &self,
        removals: &[Removal],
        done: &mut Done,
    ) -> Result<Vec<String>, Stop> {
        let mut failures = Vec::new();
        for removal in removals {
            if self.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            match self.remove(removal, done).await {
                Ok(()) => {}
                Err(Unremoved::Failed(text)) => failures.push(text),
                Err(Unremoved::Outdated) => return Err(Stop::Cancelled),
            }
        }
        Ok(failures)
    }

    async fn remove(&self, removal: &Removal, done: &mut Done) -> Result<(), Unremoved> {
        if removal.verb != RemovalVerb::Delete {
            if removal.verb == RemovalVerb::Forget {
                lock(self.memory).records.remove(&removal.object);
            }
            return Ok(());
        }
        match self.delete(removal).await {
            Ok(Removed::Now(Deletion::Gone)) => self.gone(&removal.object, done),
            Ok(Removed::Now(Deletion::Pending(object))) => {
                live::answered(self.context, &self.target.viewer, &object)
            }
            Ok(Removed::ByOthers) => return Ok(()),
            Ok(Removed::LeftAlone) => {
                lock(self.memory).records.remove(&removal.object);
                done.gone.push(removal.object.clone());
                return Ok(());
            }
            Ok(Removed::Asks) => return Err(Unremoved::Outdated),
            Err(error) if error.is_not_found() => self.gone(&removal.object, done),
            Err(error) => {
                let text = format!("{} delete failed: {}", removal.object, error.message());
                return Err(Unremoved::Failed(text));
            }
        }
        done.changes
            .push(line(&removal.object, ChangeVerb::Deleted));
        Ok(())
    }

    /// Deletes an object as it was last seen. One that has changed meanwhile is
    /// looked at anew: another Kustomization may have taken it over, or a person
    /// have marked it.
    async fn delete(&self, removal: &Removal) -> Result<Removed, ApiError> {
        let session = &self.target.session;
        let mut known = match self.context.live.find(&self.target.viewer, &removal.object) {
            Sight::Seen(object) => Some(object),
            Sight::NotSeen | Sight::Unknown => None,
        };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let object = match known.take() {
                Some(object) => object,
                None => {
                    let object = session.get(&removal.object, Form::Full).await?;
                    live::answered(self.context, &self.target.viewer, &object);
                    object
                }
            };
            let now = removal.of_newer(object.value(), &self.owner);
            match now.verb {
                RemovalVerb::Delete
                    if now.consent == Consent::Asked && removal.consent == Consent::Implied =>
                {
                    return Ok(Removed::Asks);
                }
                RemovalVerb::Delete => {}
                RemovalVerb::AwaitDeletion => return Ok(Removed::ByOthers),
                RemovalVerb::Keep(_) | RemovalVerb::Forget => return Ok(Removed::LeftAlone),
            }
            let options = DeleteOptions {
                propagation: Propagation::Background,
                resource_version: Some(object.resource_version().clone()),
                ..DeleteOptions::of_uid(&removal.uid)
            };
            match session.delete(&removal.object, &options).await {
                Err(error)
                    if error.class() == ErrorClass::Conflict && attempts < DELETE_ATTEMPTS => {}
                deleted => return deleted.map(Removed::Now),
            }
        }
    }

    fn gone(&self, reference: &ObjectRef, done: &mut Done) {
        let viewer = &self.target.viewer;
        self.context.live.confirmed_gone(viewer, reference);
        lock(self.memory).records.remove(reference);
        done.gone.push(reference.clone());
    }
}

/// What came of deleting an object.
enum Removed {
    /// It was deleted.
    Now(Deletion),
    /// Others have deleted it, and it is not gone yet.
    ByOthers,
    /// It is not to be deleted any more, or is another one by now.
    LeftAlone,
    /// It wants a person to be asked, and did not when that was decided.
    Asks,
}

/// Why an object is still there.
enum Unremoved {
    /// It could not be deleted: why.
    Failed(String),
    /// What was decided holds no longer.
    Outdated,
}
