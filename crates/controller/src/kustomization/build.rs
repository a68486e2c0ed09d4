//! Rendering, and not rendering again what has not changed.

use super::failure::{Cure, Failure, Stop};
use super::memory::{Memory, lock};
use super::observe::Source;
use super::target::Target;
use crate::context::{Context, Rendering};
use crate::external_artifact::{self, Unavailable};
use crate::git_repository::record;
use crate::machine::{Cause, Kind, ObjectKey};
use crate::metrics::{CACHE_HIT, CACHE_MISS};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trueup_artifact::FileTree;
use trueup_cluster::Placement;
use trueup_kinds::{Kustomization, message, object_id, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text};
use trueup_plan::{Desired, Fingerprint, IgnoreRules, Owner};
use trueup_render::{
    Answer, Answers, Inputs, Outcome, RenderRequest, Rendered, inputs_unchanged, render_tracked,
};
use trueup_source::StoreError;

/// How long a run waits for its turn at rendering before it ends and comes
/// again: those of one namespace must not hold up all that is worked on.
const TURN_PATIENCE_MS: u64 = 2_000;

/// On which terms manifests are applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Terms {
    /// What is left to others.
    pub ignore: IgnoreRules,
    /// Managers that are taken over from beside the usual ones.
    pub override_managers: Arc<[Text]>,
}

/// One render, with everything that decides whether it may stand for another.
#[derive(Debug)]
pub(crate) struct Build {
    request: RenderRequest,
    terms: Terms,
    inputs: Inputs,
    desired: Vec<Desired>,
    by_id: BTreeMap<Text, usize>,
    /// Objects that hold values of Secrets, and so are shown without values.
    tainted: BTreeSet<Text>,
    /// Texts that must not be shown.
    hidden: BTreeSet<Text>,
    failure: Option<(&'static str, String)>,
}

impl Build {
    /// A build of nothing.
    pub(super) fn empty() -> Self {
        let request = RenderRequest::of(&Kustomization::default());
        Self {
            request,
            terms: Terms::default(),
            inputs: Inputs::default(),
            desired: Vec::new(),
            by_id: BTreeMap::new(),
            tainted: BTreeSet::new(),
            hidden: BTreeSet::new(),
            failure: None,
        }
    }

    /// The objects that are wanted.
    pub(crate) fn desired(&self) -> &[Desired] {
        &self.desired
    }

    /// What is wanted of an object.
    pub(crate) fn find(&self, reference: &ObjectRef) -> Option<&Desired> {
        self.find_id(&object_id(reference))
    }

    /// The same by the id of the object in inventories.
    pub(super) fn find_id(&self, id: &str) -> Option<&Desired> {
        let index = self.by_id.get(id)?;
        self.desired.get(*index)
    }

    /// Whether the values of Secrets went into an object that is wanted.
    pub(super) fn is_tainted(&self, reference: &ObjectRef) -> bool {
        self.tainted.contains(&object_id(reference))
    }

    /// Texts that must not be shown: what variables from Secrets hold, and
    /// what became of them.
    pub(super) fn hidden(&self) -> &BTreeSet<Text> {
        &self.hidden
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

/// What a build took from elsewhere. It is looked at again at the interval, on
/// demand, and where it failed; not for every new revision of the source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere {
    answers: Answers,
    fetched_ms: u64,
}

/// What a build is made for.
pub(super) struct Order<'a> {
    pub target: &'a Target,
    pub key: &'a ObjectKey,
    pub kustomization: &'a Kustomization,
    pub request: RenderRequest,
    pub source: &'a Source,
    pub causes: &'a BTreeSet<Cause>,
    pub terms: Terms,
}

/// The build of an artifact: the remembered one if nothing that it was made
/// from has changed, also if it failed.
pub(super) async fn build(
    context: &Arc<Context>,
    order: &Order<'_>,
    memory: &Mutex<Memory>,
) -> Result<Made, Stop> {
    let tree = opened(context, order).await?;
    let before = lock(memory).elsewhere.clone();
    let elsewhere = current(context, order, before).await;
    let remembered = lock(memory)
        .build
        .clone()
        .filter(|build| build.terms == order.terms)
        .filter(|build| still_holds(build, &order.request, tree.as_ref(), &elsewhere.answers));
    let made = match remembered {
        Some(build) => {
            context.metrics.cache_event(order.key, CACHE_HIT);
            lock(memory).elsewhere = elsewhere;
            Made::Remembered(build)
        }
        None => {
            context.metrics.cache_event(order.key, CACHE_MISS);
            let (build, elsewhere) = make(context, order, memory, tree, elsewhere).await?;
            let build = Arc::new(build);
            let mut memory = lock(memory);
            memory.built(&build);
            memory.elsewhere = elsewhere;
            Made::Rendered(build)
        }
    };
    match &made {
        Made::Remembered(build) | Made::Rendered(build) => match &build.failure {
            Some((reason, text)) => Err(Failure::new(reason, text.clone(), Cure::Retry).into()),
            None => Ok(made),
        },
    }
}

/// The files of the source's artifact.
async fn opened(context: &Arc<Context>, order: &Order<'_>) -> Result<Arc<dyn FileTree>, Stop> {
    let source = order.source;
    if source.key.kind == Kind::ExternalArtifact {
        let opened = external_artifact::open(
            context,
            order.key,
            &source.key,
            &source.artifact,
            order.causes,
        );
        return opened.await.map_err(|why| unavailable(context, why));
    }
    let opened = context.storage.open(&record(&source.artifact)).await;
    opened.map_err(|error| not_opened(&error).into())
}

fn unavailable(context: &Context, why: Unavailable) -> Stop {
    match why {
        Unavailable::Pending => Stop::AwaitsArchive,
        Unavailable::NotFound => {
            let requeue = Duration::from_millis(context.settings.requeue_dependency_ms);
            let text = message::archive_not_found(requeue);
            Failure::new(reason::ARTIFACT_FAILED, text, Cure::Dependency)
                .quiet()
                .into()
        }
        Unavailable::Failed { message, again_ms } => {
            let now_ms = context.clock.now_ms();
            let cure = again_ms.map_or(Cure::Retry, |at_ms| Cure::Within {
                delay_ms: at_ms.saturating_sub(now_ms).max(1),
            });
            Failure::new(reason::ARTIFACT_FAILED, message, cure).into()
        }
    }
}

/// What is known from elsewhere, fetched again where it is time.
async fn current(context: &Context, order: &Order<'_>, before: Elsewhere) -> Elsewhere {
    let now_ms = context.clock.now_ms();
    let interval = order.kustomization.spec.interval_or_least().as_millis();
    let age_ms = now_ms.saturating_sub(before.fetched_ms);
    let is_asked = [Cause::Request, Cause::Interval]
        .iter()
        .any(|cause| order.causes.contains(cause));
    let all = is_asked || u128::from(age_ms) >= interval;
    let is_due = |answer: &Answer| all || matches!(answer, Answer::Failed(_));
    let due = before.answers.iter().filter(|(_, answer)| is_due(answer));
    let due: Vec<_> = due.map(|(need, _)| need.clone()).collect();
    if due.is_empty() {
        return before;
    }
    let mut answers = before.answers;
    context.remote_bases.answer_again(due, &mut answers).await;
    Elsewhere {
        answers,
        fetched_ms: if all { now_ms } else { before.fetched_ms },
    }
}

fn still_holds(
    build: &Build,
    request: &RenderRequest,
    tree: &dyn FileTree,
    answers: &Answers,
) -> bool {
    build.request == *request && inputs_unchanged(tree, answers, &build.inputs).unwrap_or(false)
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

/// Renders, and fetches what the render needs until it needs no more. Each
/// round adds an answer, and a build may ask for no more than so many.
async fn make(
    context: &Context,
    order: &Order<'_>,
    memory: &Mutex<Memory>,
    tree: Arc<dyn FileTree>,
    mut elsewhere: Elsewhere,
) -> Result<(Build, Elsewhere), Stop> {
    if elsewhere.answers.is_empty() {
        elsewhere.fetched_ms = context.clock.now_ms();
    }
    loop {
        let outcome = rendered(context, order, &tree, &elsewhere.answers).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(stop) => {
                // What was fetched need not be fetched for the next run again.
                lock(memory).elsewhere = elsewhere;
                return Err(stop);
            }
        };
        let needs = match &outcome.result {
            Err(error) => error.needs().to_vec(),
            Ok(_) => Vec::new(),
        };
        if needs.is_empty() {
            let used = outcome.inputs.fetched.iter().map(|input| &input.need);
            elsewhere.answers = elsewhere.answers.only(used);
            return Ok((finish(order, outcome).await?, elsewhere));
        }
        context
            .remote_bases
            .answer(&needs, &mut elsewhere.answers)
            .await;
    }
}

async fn rendered(
    context: &Context,
    order: &Order<'_>,
    tree: &Arc<dyn FileTree>,
    answers: &Answers,
) -> Result<Outcome, Stop> {
    match context.settings.rendering {
        Rendering::Inline => Ok(render_tracked(tree.as_ref(), &order.request, answers)),
        Rendering::Blocking => {
            let (tree, request) = (Arc::clone(tree), order.request.clone());
            let answers = answers.clone();
            let turn = context.renders.turn(&order.key.namespace);
            let patience = Duration::from_millis(TURN_PATIENCE_MS);
            let turn = tokio::time::timeout(patience, turn).await;
            let turn = turn.map_err(|_| Stop::AwaitsTurn)?;
            let render = move || {
                // A run that is broken off ends no render: the turn is its own.
                let _turn = turn;
                render_tracked(tree.as_ref(), &request, &answers)
            };
            tokio::task::spawn_blocking(render).await.map_err(|_| {
                let text = "internal error: the build panicked and was contained";
                Failure::new(reason::BUILD_FAILED, text, Cure::Retry).into()
            })
        }
    }
}

async fn finish(order: &Order<'_>, outcome: Outcome) -> Result<Build, Failure> {
    let Outcome { result, inputs } = outcome;
    let mut build = Build {
        hidden: secret_values(&order.request),
        request: order.request.clone(),
        terms: order.terms.clone(),
        inputs,
        ..Build::empty()
    };
    match result {
        Ok(rendered) => {
            build.hidden.extend(texts(rendered.secrets.iter()));
            build.tainted = rendered.tainted.iter().flat_map(ids).collect();
            build.desired = desired(order.target, &build, rendered).await?;
            let ids = build.desired.iter().enumerate();
            build.by_id = ids
                .map(|(index, wanted)| (object_id(wanted.reference()), index))
                .collect();
        }
        Err(error) => build.failure = Some((error.reason(), error.to_string())),
    }
    Ok(build)
}

/// The ids that an object may have: one of the whole cluster loses its
/// namespace later.
fn ids(reference: &ObjectRef) -> [Text; 2] {
    let without = ObjectRef {
        namespace: Text::new(),
        ..reference.clone()
    };
    [object_id(reference), object_id(&without)]
}

fn secret_values(request: &RenderRequest) -> BTreeSet<Text> {
    let substitutions = request.substitution.iter();
    let values = substitutions.flat_map(|it| it.variables.secret_values());
    texts(values).collect()
}

/// Messages are text: what is none can't be in them.
fn texts<'a, B: AsRef<[u8]> + ?Sized + 'a>(
    values: impl Iterator<Item = &'a B>,
) -> impl Iterator<Item = Text> {
    values.filter_map(|bytes| std::str::from_utf8(bytes.as_ref()).ok().map(Text::from))
}

/// The manifests in the form in which they are applied.
async fn desired(
    target: &Target,
    build: &Build,
    rendered: Rendered,
) -> Result<Vec<Desired>, Failure> {
    let owner = Owner {
        namespace: build.request.owner_namespace.clone(),
        name: build.request.owner_name.clone(),
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
        .map(|desired| {
            desired
                .leaving(&build.terms.ignore)
                .overriding(Arc::clone(&build.terms.override_managers))
        })
        .collect())
}
