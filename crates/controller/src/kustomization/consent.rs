//! Deletions that wait for a person, and consent that is used once.

use super::execute::Task;
use super::failure::{Cure, Failure};
use super::memory::lock;
use super::report::{self, Goal};
use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, StatusError};
use trueup_kinds::condition_type::{DELETIONS_HELD, HEALTHY, PLANNED};
use trueup_kinds::{Approval, Kustomization, Severity, message, reason};
use trueup_object::{Value, value};
use trueup_plan::{DeletionInput, Deletions, Guard, Held, Removal, deletions};

/// What the Kustomization's annotations ask for. One that is not understood
/// stops this object, and no other.
pub(super) fn guard(kustomization: &Kustomization) -> Result<Guard, Failure> {
    Guard::read(&kustomization.metadata.annotations).map_err(|error| {
        Failure::new(
            reason::INVALID_ANNOTATION,
            error.to_string(),
            Cure::Specification,
        )
    })
}

/// Divides what would be removed into what may be and what waits.
pub(super) fn divide(task: &Task<'_>, removals: &[Removal], object_count: usize) -> Deletions {
    let approval = given(task.kustomization);
    let mut memory = lock(task.memory);
    let divided = deletions(&DeletionInput {
        guard: task.guard,
        removals,
        object_count,
        revision: &task.mark.revision,
        approval: approval.as_ref(),
        approved: memory.approved.as_ref(),
    });
    let is_news = divided.approved.is_some() && divided.approved != memory.approved;
    memory.approved.clone_from(&divided.approved);
    drop(memory);
    if let (true, Some(approval)) = (is_news, approval) {
        tell_use(task, &approval);
    }
    divided
}

/// What a person has consented to. Anything but an approval is none.
fn given(kustomization: &Kustomization) -> Option<Approval> {
    let annotations = &kustomization.metadata.annotations;
    Approval::parse(annotations.get(Approval::ANNOTATION)?)
}

fn tell_use(task: &Task<'_>, approval: &Approval) {
    let text = format!("deletions were approved and are made: {}", approval.digest);
    report::publish(
        task.context,
        task.key,
        Some(task.mark),
        Severity::Info,
        reason::DELETIONS_APPROVED,
        &text,
    );
}

/// Takes off an approval that is used, or that nothing waits for.
pub(super) async fn spend(context: &Context, key: &ObjectKey) -> Result<(), StatusError> {
    status::amend(context, key, &|kustomization: &Kustomization| {
        let annotations = &kustomization.metadata.annotations;
        annotations.contains_key(Approval::ANNOTATION).then(|| {
            let mut patch = value!({});
            let path = ["metadata", "annotations", Approval::ANNOTATION];
            patch.set_at(&path, Value::Null);
            patch
        })
    })
    .await?;
    Ok(())
}

/// Everything is as it should be but for objects that wait to be deleted.
/// Only a person helps, so the object is stalled; it is looked at as ever.
pub(super) async fn tell_held(
    context: &Context,
    key: &ObjectKey,
    goal: &Goal<'_>,
    held: &Held,
) -> Result<Ended, StatusError> {
    let whole = held.message(&key.name, &key.namespace);
    let short = whole.lines().take(2).collect::<Vec<_>>().join(". ");
    let before: Kustomization = status::read(context, key)?;
    let told = before.status.conditions.get(DELETIONS_HELD);
    let is_news = told.is_none_or(|told| told.message != whole);
    let now = context.clock.now();
    let change = |kustomization: &mut Kustomization| {
        report::acknowledge(kustomization);
        let generation = kustomization.metadata.generation;
        let status = &mut kustomization.status;
        status.inventory = Some(goal.inventory.clone());
        status.last_attempted_revision = Some(goal.mark.revision.clone());
        let mut change = status.conditions.change(generation, now);
        change
            .stalled(reason::DELETIONS_HELD, &short)
            .set_true(DELETIONS_HELD, reason::DELETIONS_HELD, &whole)
            .remove(PLANNED);
        match goal.health {
            Some(waited) if is_news => {
                let text = message::health_check_passed(waited);
                change.set_true(HEALTHY, reason::SUCCEEDED, &text);
            }
            Some(_) => {}
            None => {
                change.remove(HEALTHY);
            }
        }
    };
    let holds = report::still_holds(goal.mark, &goal.done.known);
    status::change_where(context, key, &holds, &change).await?;
    if is_news {
        let (mark, reason) = (Some(goal.mark), reason::DELETIONS_HELD);
        report::publish(context, key, mark, Severity::Error, reason, &whole);
    }
    Ok(Ended::success(Next::Interval))
}
