//! What a run needs to know: source, dependencies, live objects.

use super::failure::{Cure, Failure};
use super::memory::{Mark, Memory};
use super::target::Target;
use crate::context::{Context, CrossNamespace};
use crate::live::{self, Sight, Subject};
use crate::machine::{Kind, ObjectKey};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trueup_cluster::{ErrorClass, Form, Identity, LiveObject};
use trueup_health::Expression;
use trueup_kinds::{
    Artifact, ExternalArtifact, GitRepository, Inventory, KindError, Kustomization, Resource,
    message, reason,
};
use trueup_object::{ObjectRef, Text};
use trueup_plan::{
    DependencyCheck, DependencyProblem, Desired, NamespacedName, Observation, Observed,
    check_dependency, check_ready_expression,
};

/// How many objects are read at once.
const READS_AT_ONCE: usize = 8;

/// What a Kustomization is made from.
pub(super) struct Source {
    /// The source.
    pub key: ObjectKey,
    /// Its artifact.
    pub artifact: Artifact,
}

/// The source of the Kustomization, where it may be used and has an artifact.
pub(super) fn source(context: &Context, kustomization: &Kustomization) -> Result<Source, Failure> {
    let key = source_key(context, kustomization);
    may_be_used(context, kustomization, &key)?;
    let not_found = || {
        let text = message::source_not_found(key.kind.name(), &key.namespace, &key.name);
        Failure::new(reason::ARTIFACT_FAILED, text, Cure::Retry).quiet()
    };
    let object = context.objects.get(&key).ok_or_else(not_found)?;
    let artifact = artifact_of(key.kind, &object)
        .map_err(|error| Failure::new(reason::ARTIFACT_FAILED, error.to_string(), Cure::Retry))?;
    let artifact = artifact.ok_or_else(|| {
        let text = message::artifact_not_found(requeue(context));
        Failure::new(reason::ARTIFACT_FAILED, text, Cure::Dependency).quiet()
    })?;
    Ok(Source { key, artifact })
}

fn may_be_used(
    context: &Context,
    kustomization: &Kustomization,
    key: &ObjectKey,
) -> Result<(), Failure> {
    let denied = |text| Failure::new(reason::ACCESS_DENIED, text, Cure::Specification);
    if context.settings.cross_namespace == CrossNamespace::Refused
        && key.namespace != kustomization.metadata.namespace
    {
        return Err(denied(message::cross_namespace_denied(key)));
    }
    if key.kind == Kind::ExternalArtifact && !context.downloads.are_allowed() {
        return Err(denied(message::gate_closed(key, ExternalArtifact::KIND)));
    }
    Ok(())
}

fn artifact_of(kind: Kind, object: &LiveObject) -> Result<Option<Artifact>, KindError> {
    if kind == Kind::ExternalArtifact {
        let external = ExternalArtifact::read(object.value())?;
        return Ok(external.status.artifact);
    }
    let repository = GitRepository::read(object.value())?;
    Ok(repository.status.artifact)
}

fn requeue(context: &Context) -> std::time::Duration {
    std::time::Duration::from_millis(context.settings.requeue_dependency_ms)
}

fn source_key(context: &Context, kustomization: &Kustomization) -> ObjectKey {
    let source = &kustomization.spec.source_ref;
    let home = &kustomization.metadata.namespace;
    ObjectKey {
        cluster: context.session.cluster().key().clone(),
        kind: Kind::of_source(&source.kind).unwrap_or(Kind::GitRepository),
        namespace: source
            .namespace
            .as_ref()
            .filter(|it| !it.is_empty())
            .unwrap_or(home)
            .clone(),
        name: source.name.clone(),
    }
}

/// Whether everything that it depends on lets it go on.
pub(super) fn dependencies(
    context: &Context,
    kustomization: &Kustomization,
    revision: &str,
    cycle: Option<&[ObjectKey]>,
    ready: &[Option<Expression>],
) -> Result<(), Failure> {
    if let Some(cycle) = cycle {
        let text = message::dependency_cycle(cycle);
        return Err(Failure::new(
            reason::DEPENDENCY_CYCLE,
            text,
            Cure::Dependency,
        ));
    }
    let names = NamespacedName::dependencies_of(kustomization);
    for (name, expression) in names.iter().zip(ready) {
        dependency(context, kustomization, name, expression.as_ref(), revision)?;
    }
    Ok(())
}

fn dependency(
    context: &Context,
    kustomization: &Kustomization,
    name: &NamespacedName,
    expression: Option<&Expression>,
    revision: &str,
) -> Result<(), Failure> {
    if context.settings.cross_namespace == CrossNamespace::Refused
        && name.namespace != kustomization.metadata.namespace
    {
        let text = message::cross_namespace_denied(name);
        return Err(Failure::new(
            reason::ACCESS_DENIED,
            text,
            Cure::Specification,
        ));
    }
    let key = ObjectKey {
        cluster: context.session.cluster().key().clone(),
        kind: Kind::Kustomization,
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    };
    let object = context.objects.get(&key);
    if let Some(expression) = expression {
        by_expression(context, kustomization, name, expression, object.as_ref())
            .map_err(|problem| not_ready(&problem))?;
        if context.settings.dependency_check == DependencyCheck::Replaced {
            return Ok(());
        }
    }
    let found = object.and_then(|object| Kustomization::read(object.value()).ok());
    let found = found.map(|found| as_if_written(context, &key, found, revision));
    check_dependency(kustomization, name, found.as_ref(), revision)
        .map_err(|problem| not_ready(&problem))
}

fn not_ready(problem: &DependencyProblem) -> Failure {
    Failure::new(
        reason::DEPENDENCY_NOT_READY,
        problem.to_string(),
        Cure::Dependency,
    )
}

/// Whether the expression for a dependency lets the dependent go on.
fn by_expression(
    context: &Context,
    kustomization: &Kustomization,
    name: &NamespacedName,
    expression: &Expression,
    dependency: Option<&LiveObject>,
) -> Result<(), DependencyProblem> {
    let not_found = || DependencyProblem::NotFound(name.clone());
    let own = ObjectKey {
        cluster: context.session.cluster().key().clone(),
        kind: Kind::Kustomization,
        namespace: kustomization.metadata.namespace.clone(),
        name: kustomization.metadata.name.clone(),
    };
    let dependency = dependency.ok_or_else(not_found)?;
    let dependent = context.objects.get(&own).ok_or_else(not_found)?;
    check_ready_expression(expression, name, dependent.value(), dependency.value())
}

/// A dependency that a revision does not affect counts as having applied it:
/// only the note of it in its status comes later.
fn as_if_written(
    context: &Context,
    key: &ObjectKey,
    mut found: Kustomization,
    revision: &str,
) -> Kustomization {
    let is_this =
        |mark: &Mark| mark.generation == found.metadata.generation && mark.revision == revision;
    if context
        .memories
        .unaffected_by(key)
        .as_ref()
        .is_some_and(is_this)
    {
        found.status.last_applied_revision = Some(revision.into());
    }
    found
}

/// The watches over the objects of a Kustomization, one for each kind, and
/// that of what leads to their cluster.
fn shared(target: &Target, desired: &[Desired], inventory: &Inventory) -> BTreeSet<Subject> {
    let wanted = desired.iter().map(|it| it.reference().kind.clone());
    let listed = inventory.objects().map(|reference| reference.kind);
    wanted
        .chain(listed)
        .map(|kind| Subject::owned(target.cluster(), kind))
        .chain(target.led_by.clone())
        .collect()
}

/// The watches by name over objects that are only waited for.
pub(super) fn waited_for(
    target: &Target,
    desired: &[Desired],
    waited: &[ObjectRef],
) -> BTreeSet<Subject> {
    let is_wanted = |object: &ObjectRef| desired.iter().any(|it| it.reference() == object);
    let named = waited.iter().filter(|object| !is_wanted(object));
    named
        .map(|object| Subject::named(&target.session, object.clone()))
        .collect()
}

/// Starts the watches that show what concerns a Kustomization: those over its
/// objects, and `more`.
pub(super) async fn track(
    context: &Arc<Context>,
    target: &Target,
    desired: &[Desired],
    inventory: &Inventory,
    more: BTreeSet<Subject>,
) {
    let user = &target.viewer.owner;
    let substitutes = || substitutes(context, target, desired, inventory);
    let mut subjects = more;
    subjects.extend(shared(target, desired, inventory));
    subjects.extend(substitutes());
    live::track(context, user, &subjects).await;
    let found_out = substitutes();
    if !found_out.is_subset(&subjects) {
        subjects.extend(found_out);
        live::track(context, user, &subjects).await;
    }
}

/// How many watches one Kustomization's account makes for itself. Objects of
/// further kinds and namespaces are looked at at the interval.
const MAX_SUBSTITUTES: usize = 100;

/// The watches that an account makes for itself, of those kinds whose shared
/// watches are forbidden to the controllers. Whether they are is known once
/// they were tried.
fn substitutes(
    context: &Context,
    target: &Target,
    desired: &[Desired],
    inventory: &Inventory,
) -> BTreeSet<Subject> {
    if *target.session.identity() == Identity::Controller {
        return BTreeSet::new();
    }
    let wanted = desired.iter().map(|it| it.reference().clone());
    let mut kinds = BTreeMap::new();
    let mut found = BTreeSet::new();
    for reference in inventory.objects().chain(wanted) {
        let is_forbidden = kinds.entry(reference.kind.clone()).or_insert_with(|| {
            let shared = Subject::owned(target.cluster(), reference.kind.clone());
            context.live.is_forbidden(&shared)
        });
        if *is_forbidden {
            found.insert(Subject::owned_beside(&target.session, &reference));
        }
        // Who asks for objects in ever more namespaces gets no more watches.
        if found.len() >= MAX_SUBSTITUTES {
            break;
        }
    }
    found
}

/// What the watches know of the objects. An object of which nothing is
/// remembered and that no watch shows is taken for absent: the dry-run that
/// it needs anyway tells if it is there after all. An object that was there
/// is asked for: one that lost its labels looks the same as one that is gone.
pub(super) fn known(
    context: &Context,
    target: &Target,
    memory: &Memory,
    desired: &[Desired],
    inventory: &Inventory,
) -> Observed {
    let mut observed = Observed::new();
    for reference in inventory.objects() {
        if let Sight::Seen(object) = context.live.find(&target.viewer, &reference) {
            observed.insert(&reference, Observation::Live(object.value().clone()));
        }
    }
    for reference in desired.iter().map(Desired::reference) {
        if observed.get(reference).live().is_some() {
            continue;
        }
        match context.live.find(&target.viewer, reference) {
            Sight::Seen(object) => {
                observed.insert(reference, Observation::Live(object.value().clone()))
            }
            _ if memory.records.get(reference).is_none() => {
                observed.insert(reference, Observation::Absent)
            }
            _ => {}
        }
    }
    observed
}

/// Reads objects and adds what was found.
pub(super) async fn read(
    context: &Context,
    target: &Target,
    references: &[ObjectRef],
    observed: &mut Observed,
) -> Result<(), Failure> {
    let reads: Vec<BoxFuture<'_, _>> = references
        .iter()
        .map(|reference| read_one(context, target, reference).boxed())
        .collect();
    let found: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).collect().await;
    for (reference, observation) in references.iter().zip(found) {
        observed.insert(reference, observation?);
    }
    Ok(())
}

async fn read_one(
    context: &Context,
    target: &Target,
    reference: &ObjectRef,
) -> Result<Observation, Failure> {
    match target.session.find(reference, Form::Full).await {
        Ok(Some(object)) => {
            live::answered(context, &target.viewer, &object);
            Ok(Observation::Live(object.value().clone()))
        }
        Ok(None) => {
            context.live.confirmed_gone(&target.viewer, reference);
            Ok(Observation::Absent)
        }
        Err(error) => match error.class() {
            ErrorClass::KindMissing => Ok(Observation::KindUnknown),
            // Without a namespace there is no such object; the apply says so.
            ErrorClass::Unbuildable => Ok(Observation::Absent),
            _ => Err(Failure::api(&error)),
        },
    }
}

/// The ids of everything that is or may be in the cluster because of us.
pub(super) fn owned_ids(desired: &[Desired], inventory: &Inventory) -> BTreeSet<Text> {
    let wanted = desired
        .iter()
        .map(|it| trueup_kinds::object_id(it.reference()));
    wanted
        .chain(inventory.entries().iter().map(|entry| entry.id.clone()))
        .collect()
}
