//! The end of a Kustomization: what becomes of its objects.

use super::apply::Done;
use super::failure::{Failure, Stop};
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use super::target::Target;
use super::{apply, kubeconfig, observe, report, target};
use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trueup_cluster::Form;
use trueup_gocompat::format_duration;
use trueup_kinds::{Inventory, Kustomization, Severity, message, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text};
use trueup_plan::{
    Extent, Finalization, Forcing, Guard, Observed, Owner, PlanInput, PlanOptions, Planned,
    Pruning, Records, Refusal, Removal, finalization, plan,
};

/// How soon a failed deletion is tried again.
const RETRY_MS: u64 = 5_000;
/// How many objects that stay behind an event names.
const MAX_ORPHANS_NAMED: usize = 50;

/// Deletes what is to be deleted, then lets the object go.
pub(super) async fn run(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
    done: &mut Done,
) -> Result<Ended, Stop> {
    let course = if Guard::keeps_objects(&kustomization.metadata.annotations) {
        Finalization::Keep
    } else {
        finalization(kustomization)
    };
    if course != Finalization::Keep && kustomization.metadata.has_finalizer() {
        let inventory = kustomization.status.inventory.clone().unwrap_or_default();
        let target = match way_to(context, key, kustomization, memory, &inventory).await? {
            Some(target) => target,
            None => return release(context, key, &inventory).await,
        };
        let left = delete_all(context, &target, key, kustomization, memory, done).await?;
        if course == Finalization::DeleteAndWait
            && !left.is_empty()
            && let Some(ended) = wait(context, key, kustomization, (memory, done), left)
        {
            return Ok(ended);
        }
    }
    let dealt_with = kustomization.status.inventory.clone().unwrap_or_default();
    release(context, key, &dealt_with).await
}

/// Lets the object go, whose objects were dealt with, unless it has more by now.
async fn release(
    context: &Arc<Context>,
    key: &ObjectKey,
    dealt_with: &Inventory,
) -> Result<Ended, Stop> {
    let holds = report::names_only(dealt_with);
    status::remove_finalizer_where::<Kustomization>(context, key, &holds).await?;
    Ok(Ended::success(Next::Never))
}

/// Where the objects are to be deleted. `None` if there is no way any more
/// to do so: the objects stay, and an event names them.
async fn way_to(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
    inventory: &Inventory,
) -> Result<Option<Target>, Stop> {
    if inventory.is_empty() {
        return Ok(None);
    }
    let target = match target::of(context, key, kustomization, memory).await {
        Ok(target) => target,
        Err(Stop::Failed(failure)) => {
            return gone_for_good(context, key, kustomization, inventory, failure).await;
        }
        Err(stop) => return Err(stop),
    };
    lock(memory).work_at(&target);
    if let Some(account) = target.missing_account().await {
        let (namespace, name) = (&account.namespace, &account.name);
        let why = format!("the service account '{namespace}/{name}' does not exist");
        orphaned(context, key, inventory, &why);
        return Ok(None);
    }
    Ok(Some(target))
}

/// A kubeconfig that is gone together with its namespace comes never back.
/// As long as the namespace stays it may: the deletion is tried again.
async fn gone_for_good(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    inventory: &Inventory,
    failure: Failure,
) -> Result<Option<Target>, Stop> {
    let reference = kustomization.spec.kube_config.as_ref();
    let origin = reference.and_then(|it| kubeconfig::Origin::of(key, it).ok());
    let Some(origin) = origin else {
        return Err(failure.into());
    };
    if is_gone(context, origin.reference()).await && is_ending(context, &key.namespace).await {
        orphaned(context, key, inventory, &failure.message);
        return Ok(None);
    }
    let news = lock(&context.memories.of(key)).tells(&failure.message);
    if news {
        let (reason, text) = (reason::PRUNE_FAILED, &failure.message);
        report::publish(context, key, None, Severity::Error, reason, text);
    }
    Err(failure.into())
}

async fn is_gone(context: &Context, reference: &ObjectRef) -> bool {
    let found = context.session.find(reference, Form::Metadata).await;
    matches!(found, Ok(None))
}

async fn is_ending(context: &Context, namespace: &Text) -> bool {
    let reference = ObjectRef {
        kind: GroupVersionKind::new("v1", "Namespace"),
        namespace: Text::new(),
        name: namespace.clone(),
    };
    match context.session.find(&reference, Form::Metadata).await {
        Ok(Some(found)) => found.deletion_timestamp().is_some(),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Says which objects stay behind, in Flux's words, and why.
fn orphaned(context: &Context, key: &ObjectKey, inventory: &Inventory, why: &str) {
    let objects: Vec<ObjectRef> = inventory.objects().collect();
    let lines = message::capped(objects.iter(), MAX_ORPHANS_NAMED);
    let text = format!(
        "unable to prune objects: \n{}\nThey stay in the cluster: {why}",
        lines.join("\n")
    );
    let reason = reason::PRUNE_FAILED;
    report::publish(context, key, None, Severity::Error, reason, &text);
}

/// Deletes every object that is ours; answers those that are not gone yet.
async fn delete_all(
    context: &Arc<Context>,
    target: &Target,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
    done: &mut Done,
) -> Result<Vec<ObjectRef>, Stop> {
    let inventory = kustomization.status.inventory.clone().unwrap_or_default();
    let applied = Mark::applied(kustomization);
    lock(memory).owned = observe::owned_ids(&[], &inventory);
    observe::track(context, target, &[], &inventory, BTreeSet::new()).await;
    let records = lock(memory).records.clone();
    let removals = removals(context, target, key, applied.as_ref(), inventory, &records).await?;
    let cancel = CancellationToken::new();
    let build = super::build::Build::empty();
    let hands = apply::Hands {
        context,
        owner: Owner {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        },
        target,
        memory,
        build: &build,
        force: Forcing::WhereMarked,
        extent: Extent::Whole,
        cancel: &cancel,
    };
    let failures = hands.prune(&removals, done).await?;
    if !failures.is_empty() {
        // Perhaps nobody answers any more.
        context.clusters.doubt(target.cluster());
        let text = failures.join("\n");
        report::publish(
            context,
            key,
            applied.as_ref(),
            Severity::Error,
            reason::PRUNE_FAILED,
            &text,
        );
        return Err(Failure::new(reason::PRUNE_FAILED, text, super::failure::Cure::Soon).into());
    }
    let left = removals
        .into_iter()
        .filter(Removal::is_pending)
        .map(|removal| removal.object);
    Ok(left.filter(|object| !done.gone.contains(object)).collect())
}

/// What is to be deleted. The namespace that the Kustomization lives in is
/// kept: deleting it would take along what was never ours.
async fn removals(
    context: &Context,
    target: &Target,
    key: &ObjectKey,
    applied: Option<&Mark>,
    mut inventory: Inventory,
    records: &Records,
) -> Result<Vec<Removal>, Failure> {
    let owner = Owner {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    };
    let mut observed = Observed::new();
    let options = PlanOptions {
        force: Forcing::WhereMarked,
        prune: Pruning::On,
    };
    loop {
        let input = PlanInput {
            owner: &owner,
            desired: &[],
            observed: &observed,
            inventory: &inventory,
            records,
            options,
        };
        match plan(&input) {
            Planned::Plan(plan) => return Ok(plan.prune),
            Planned::NeedsReads(references) => {
                observe::read(context, target, &references, &mut observed).await?
            }
            Planned::Refused(refusal) => {
                let kept = kept(&refusal, &inventory);
                report::publish(
                    context,
                    key,
                    applied,
                    Severity::Error,
                    reason::PRUNE_FAILED,
                    &kept_text(&refusal),
                );
                inventory = inventory.without(&Inventory::of(&kept));
            }
        }
    }
}

fn kept(refusal: &Refusal, inventory: &Inventory) -> Vec<ObjectRef> {
    let is_kept = |object: &ObjectRef| match refusal {
        Refusal::OwnNamespace(namespace) => {
            object.kind.kind == "Namespace" && object.name == *namespace
        }
        Refusal::Itself(owner) => {
            object.kind.kind == "Kustomization"
                && object.name == owner.name
                && object.namespace == owner.namespace
        }
        Refusal::Twice(twice) => object == twice,
        // Nothing is added at the end: what is stored fits.
        Refusal::TooMany { .. } => false,
    };
    inventory.objects().filter(is_kept).collect()
}

fn kept_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::OwnNamespace(namespace) => {
            format!("Namespace/{namespace} is kept: this Kustomization lives in it")
        }
        other => other.to_string(),
    }
}

/// Waits until everything is gone, for the timeout of the Kustomization.
/// `None` when the time is up; then an event says what is still there.
fn wait(
    context: &Context,
    key: &ObjectKey,
    kustomization: &Kustomization,
    (memory, done): (&Mutex<Memory>, &Done),
    left: Vec<ObjectRef>,
) -> Option<Ended> {
    let now_ms = context.clock.now_ms();
    let since_ms = waits_since(context, kustomization, done);
    let mark = Mark {
        generation: kustomization.metadata.generation,
        revision: "deleted".into(),
        origin_revision: None,
    };
    let since_ms = await_end(&mut lock(memory), mark, &left, since_ms);
    let timeout = kustomization.spec.timeout_or_default();
    let time_left = timeout.saturating_sub(super::health::waited(now_ms, since_ms));
    if time_left.is_zero() {
        let text = not_terminated(timeout, &left);
        report::publish(
            context,
            key,
            None,
            Severity::Error,
            reason::PRUNE_FAILED,
            &text,
        );
        return None;
    }
    let delay_ms = u64::try_from(time_left.as_millis()).unwrap_or(u64::MAX);
    Some(Ended::success(Next::Deadline { delay_ms }))
}

/// Remembers what is waited for, and answers since when.
fn await_end(memory: &mut Memory, mark: Mark, left: &[ObjectRef], since_ms: i64) -> i64 {
    memory.owned = left.iter().map(trueup_kinds::object_id).collect();
    let begun = memory.waiting.take().filter(|waiting| waiting.mark == mark);
    let since_ms = begun.map_or(since_ms, |waiting| waiting.since_ms);
    memory.waiting = Some(Waiting {
        mark,
        purpose: Purpose::Health,
        since_ms,
        spent_ms: 0,
    });
    since_ms
}

/// Since when the end of the objects is waited for: from now if some were
/// deleted by this run, else, as after a restart, from the deletion of the
/// Kustomization.
fn waits_since(context: &Context, kustomization: &Kustomization, done: &Done) -> i64 {
    let deleted = kustomization.metadata.deletion_timestamp;
    match deleted.filter(|_| done.changes.is_empty()) {
        Some(since) => context.clock.ms_at(since),
        None => context.clock.ms_at(context.clock.now()),
    }
}

/// How many objects a message names.
const MAX_OBJECTS_NAMED: usize = 10;

fn not_terminated(timeout: Duration, left: &[ObjectRef]) -> String {
    let names = message::capped(left.iter(), MAX_OBJECTS_NAMED);
    format!(
        "failed to wait for resources termination: still there after {}: {}",
        format_duration(timeout),
        names.join(", ")
    )
}

/// A deletion that failed is tried again soon.
pub(super) fn retry(text: String) -> Ended {
    Ended::failed(Next::After { delay_ms: RETRY_MS }, text)
}
