//! The end of a Kustomization: what becomes of its objects.

use super::apply::Done;
use super::failure::{Failure, Stop};
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use super::{apply, observe, report};
use crate::context::Context;
use crate::live;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trueup_kinds::{Inventory, Kustomization, Severity, reason};
use trueup_object::ObjectRef;
use trueup_plan::{
    Finalization, Forcing, Observed, Owner, PlanInput, PlanOptions, Planned, Pruning, Records,
    Refusal, Removal, finalization, plan,
};

/// How soon a failed deletion is tried again.
const RETRY_MS: u64 = 5_000;

/// Deletes what is to be deleted, then lets the object go.
pub(super) async fn run(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
    done: &mut Done,
) -> Result<Ended, Stop> {
    let course = finalization(kustomization);
    if course != Finalization::Keep && kustomization.metadata.has_finalizer() {
        let inventory = kustomization.status.inventory.clone().unwrap_or_default();
        let left = delete_all(context, key, inventory, memory, done).await?;
        if course == Finalization::DeleteAndWait
            && !left.is_empty()
            && let Some(ended) = wait(context, kustomization, memory, left)
        {
            return Ok(ended);
        }
    }
    status::remove_finalizer::<Kustomization>(context, key).await?;
    Ok(Ended::success(Next::Never))
}

/// Deletes every object that is ours; answers those that are not gone yet.
async fn delete_all(
    context: &Arc<Context>,
    key: &ObjectKey,
    inventory: Inventory,
    memory: &Mutex<Memory>,
    done: &mut Done,
) -> Result<Vec<ObjectRef>, Stop> {
    let subjects = observe::subjects(&[], &inventory, &[]);
    lock(memory).owned = observe::owned_ids(&[], &inventory);
    live::track(context, key, &subjects).await;
    let records = lock(memory).records.clone();
    let removals = removals(context, key, inventory, &records).await?;
    let cancel = CancellationToken::new();
    let build = super::build::Build::empty();
    let hands = apply::Hands {
        context,
        key,
        memory,
        build: &build,
        force: Forcing::WhereMarked,
        cancel: &cancel,
    };
    let failures = hands.prune(&removals, done).await?;
    if !failures.is_empty() {
        let text = failures.join("\n");
        report::publish(
            context,
            key,
            None,
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
    key: &ObjectKey,
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
                observe::read(context, key, &references, &mut observed).await?
            }
            Planned::Refused(refusal) => {
                let kept = kept(&refusal, &inventory);
                report::publish(
                    context,
                    key,
                    None,
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
fn wait(
    context: &Context,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
    left: Vec<ObjectRef>,
) -> Option<Ended> {
    let now_ms = context.clock.now_ms();
    let mark = Mark {
        generation: kustomization.metadata.generation,
        revision: "deleted".into(),
    };
    let mut memory = lock(memory);
    memory.owned = left.iter().map(trueup_kinds::object_id).collect();
    let waiting = memory.waiting.get_or_insert_with(|| Waiting {
        mark: mark.clone(),
        purpose: Purpose::Health,
        since_ms: now_ms,
        spent_ms: 0,
    });
    if waiting.mark != mark {
        *waiting = Waiting {
            mark,
            purpose: Purpose::Health,
            since_ms: now_ms,
            spent_ms: 0,
        };
    }
    let timeout = kustomization.spec.timeout_or_default();
    let waited = Duration::from_millis(now_ms.saturating_sub(waiting.since_ms));
    let left = timeout.checked_sub(waited).filter(|left| !left.is_zero())?;
    let delay_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    Some(Ended::success(Next::Deadline { delay_ms }))
}

/// A deletion that failed is tried again soon.
pub(super) fn retry(text: String) -> Ended {
    Ended::failed(Next::After { delay_ms: RETRY_MS }, text)
}
