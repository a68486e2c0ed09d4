//! Rendering, and not rendering again what has not changed.

use super::failure::{Cure, Failure};
use super::memory::{Memory, lock};
use super::target::Target;
use crate::context::{Context, Rendering};
use crate::git_repository::record;
use crate::machine::ObjectKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use trueup_artifact::FileTree;
use trueup_cluster::Placement;
use trueup_kinds::{Artifact, Kustomization, object_id, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text};
use trueup_plan::{Desired, Fingerprint, Owner};
use trueup_render::{Input, Outcome, RenderRequest, Rendered, inputs_unchanged, render_tracked};
use trueup_source::StoreError;

/// One render, with everything that decides whether it may stand for another.
#[derive(Debug)]
pub(crate) struct Build {
    request: RenderRequest,
    inputs: Vec<Input>,
    desired: Vec<Desired>,
    by_id: BTreeMap<Text, usize>,
    failure: Option<(&'static str, String)>,
}

impl Build {
    /// A build of nothing.
    pub(super) fn empty() -> Self {
        let request = RenderRequest::of(&Kustomization::default());
        Self {
            request,
            inputs: Vec::new(),
            desired: Vec::new(),
            by_id: BTreeMap::new(),
            failure: None,
        }
    }

    /// The objects that are wanted.
    pub(crate) fn desired(&self) -> &[Desired] {
        &self.desired
    }

    /// What is wanted of an object.
    pub(crate) fn find(&self, reference: &ObjectRef) -> Option<&Desired> {
        self.by_id
            .get(&object_id(reference))
            .map(|index| &self.desired[*index])
    }

    /// The digest of what is wanted, for the history.
    pub(super) fn digest(&self) -> Text {
        let mut parts: Vec<Fingerprint> = self.desired.iter().map(Desired::fingerprint).collect();
        parts.sort_unstable();
        Fingerprint::of_all(parts).to_string().into()
    }
}

/// A build for this run.
pub(super) enum Made {
    /// What was made before still holds.
    Remembered(Arc<Build>),
    /// It was made now.
    Rendered(Arc<Build>),
}

impl Made {
    pub(super) fn is_remembered(&self) -> bool {
        matches!(self, Self::Remembered(_))
    }

    pub(super) fn into_build(self) -> Arc<Build> {
        match self {
            Self::Remembered(build) | Self::Rendered(build) => build,
        }
    }
}

/// The build of an artifact: the remembered one if nothing that it was made
/// from has changed, also if it failed.
pub(super) async fn build(
    context: &Context,
    target: &Target,
    key: &ObjectKey,
    kustomization: &Kustomization,
    artifact: &Artifact,
    memory: &Mutex<Memory>,
) -> Result<Made, Failure> {
    let request = RenderRequest::of(kustomization);
    let tree = context
        .storage
        .open(&record(artifact))
        .await
        .map_err(|error| not_opened(&error))?;
    let remembered = lock(memory)
        .build
        .clone()
        .filter(|build| still_holds(build, &request, tree.as_ref()));
    let made = match remembered {
        Some(build) => {
            context.metrics.cache_event(key, "cache_hit");
            Made::Remembered(build)
        }
        None => {
            context.metrics.cache_event(key, "cache_miss");
            let build = Arc::new(make(context, target, request, tree).await?);
            lock(memory).build = Some(Arc::clone(&build));
            Made::Rendered(build)
        }
    };
    match &made {
        Made::Remembered(build) | Made::Rendered(build) => match &build.failure {
            Some((reason, text)) => Err(Failure::new(reason, text.clone(), Cure::Retry)),
            None => Ok(made),
        },
    }
}

fn still_holds(build: &Build, request: &RenderRequest, tree: &dyn FileTree) -> bool {
    build.request == *request && inputs_unchanged(tree, &build.inputs).unwrap_or(false)
}

/// An artifact that is not stored any more comes back with the next look of
/// its source.
fn not_opened(error: &StoreError) -> Failure {
    let cure = if matches!(error, StoreError::NotFound { .. }) {
        Cure::Dependency
    } else {
        Cure::Retry
    };
    Failure::new(reason::ARTIFACT_FAILED, error.to_string(), cure)
}

async fn make(
    context: &Context,
    target: &Target,
    request: RenderRequest,
    tree: Arc<dyn FileTree>,
) -> Result<Build, Failure> {
    let outcome = match context.settings.rendering {
        Rendering::Inline => render_tracked(tree.as_ref(), &request),
        Rendering::Blocking => {
            let request = request.clone();
            tokio::task::spawn_blocking(move || render_tracked(tree.as_ref(), &request))
                .await
                .map_err(|_| {
                    let text = "internal error: the build panicked and was contained";
                    Failure::new(reason::BUILD_FAILED, text, Cure::Retry)
                })?
        }
    };
    finish(target, request, outcome).await
}

async fn finish(
    target: &Target,
    request: RenderRequest,
    outcome: Outcome,
) -> Result<Build, Failure> {
    let Outcome { result, inputs } = outcome;
    let mut build = Build {
        request,
        inputs,
        ..Build::empty()
    };
    match result {
        Ok(rendered) => {
            build.desired = desired(target, &build.request, rendered).await?;
            let ids = build.desired.iter().enumerate();
            build.by_id = ids
                .map(|(index, wanted)| (object_id(wanted.reference()), index))
                .collect();
        }
        Err(error) => build.failure = Some((error.reason(), error.to_string())),
    }
    Ok(build)
}

/// The manifests in the form in which they are applied.
async fn desired(
    target: &Target,
    request: &RenderRequest,
    rendered: Rendered,
) -> Result<Vec<Desired>, Failure> {
    let owner = Owner {
        namespace: request.owner_namespace.clone(),
        name: request.owner_name.clone(),
    };
    let catalogue = target
        .session
        .catalogue()
        .await
        .map_err(|error| Failure::api(&error))?;
    let cluster_wide = |value: &trueup_object::Value| {
        GroupVersionKind::of(value)
            .and_then(|kind| {
                catalogue
                    .resource_of(&kind)
                    .map(|row| row.placement == Placement::ClusterWide)
            })
            .unwrap_or(false)
    };
    let manifests = rendered.manifests.into_iter().map(|manifest| {
        let mut value = manifest.value;
        // The API drops it; inventory and watches know the object without.
        if cluster_wide(&value) {
            value.remove_at(&["metadata", "namespace"]);
        }
        value
    });
    Ok(manifests
        .filter_map(|value| Desired::new(value, &owner))
        .collect())
}
