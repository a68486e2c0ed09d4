//! Keeps gates in a cluster.

use crate::gate::{GATES, Gate, GateError, gates_reference};
use trueup_cluster::{ApiError, ErrorClass, Form, LiveObject, Patch, Session, WriteOptions};
use trueup_object::{ObjectRef, Value};

/// Field manager of the gates.
const MANAGER: &str = "trueup-loadtest";

/// The gates, in one ConfigMap of one namespace. What the process holds is
/// nothing: each question reads, each change is a patch of one key, so that
/// any number of processes may serve the same gates.
#[derive(Clone, Debug)]
pub struct GateStore {
    session: Session,
    object: ObjectRef,
}

/// Why a gate could not be read or changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GateStoreError {
    /// It can't be kept.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The cluster did not answer, or refused.
    #[error(transparent)]
    Cluster(#[from] ApiError),
}

impl GateStore {
    /// Gates in the ConfigMap [`GATES`] of a namespace.
    #[must_use]
    pub fn new(session: Session, namespace: &str) -> Self {
        Self {
            session,
            object: gates_reference(namespace),
        }
    }

    /// Whether a gate is open.
    ///
    /// # Errors
    /// When the cluster can't be asked: nobody knows then.
    pub async fn is_open(&self, gate: &Gate) -> Result<bool, GateStoreError> {
        Ok(gate.is_open(self.read().await?.as_ref().map(LiveObject::value)))
    }

    /// Opens a gate.
    ///
    /// # Errors
    /// When it could not be kept.
    pub async fn open(&self, gate: &Gate) -> Result<(), GateStoreError> {
        let kept = self.read().await?;
        let patch = gate.opening(kept.as_ref().map(LiveObject::value))?;
        match self.patch(&patch).await {
            Err(error) if error.is_not_found() => self.create(&patch).await,
            outcome => Ok(outcome?),
        }
    }

    /// Closes a gate.
    ///
    /// # Errors
    /// When it could not be kept.
    pub async fn close(&self, gate: &Gate) -> Result<(), GateStoreError> {
        match self.patch(&gate.closing()).await {
            // Nothing is open where nothing is kept.
            Err(error) if error.is_not_found() => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    /// Whether the gates can be read.
    ///
    /// # Errors
    /// When they can't.
    pub async fn check(&self) -> Result<(), GateStoreError> {
        self.read().await?;
        Ok(())
    }

    async fn read(&self) -> Result<Option<LiveObject>, ApiError> {
        self.session.find(&self.object, Form::Full).await
    }

    async fn patch(&self, patch: &Value) -> Result<(), ApiError> {
        let options = WriteOptions::new(MANAGER);
        let patch = Patch::Merge(patch.clone());
        self.session
            .patch(&self.object, &patch, &options)
            .await
            .map(|_| ())
    }

    /// Makes the ConfigMap. Somebody else may have made it at the same time.
    async fn create(&self, patch: &Value) -> Result<(), GateStoreError> {
        let mut object = patch.clone();
        object.set_at(&["apiVersion"], "v1".into());
        object.set_at(&["kind"], "ConfigMap".into());
        object.set_at(&["metadata", "name"], GATES.into());
        object.set_at(
            &["metadata", "namespace"],
            self.object.namespace.clone().into(),
        );
        match self
            .session
            .create(&object, &WriteOptions::new(MANAGER))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.class() == ErrorClass::AlreadyExists => {
                Ok(self.patch(patch).await?)
            }
            Err(error) => Err(error.into()),
        }
    }
}
