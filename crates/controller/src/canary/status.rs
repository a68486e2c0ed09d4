//! The Canary's own writes: its status and finalizer.

use super::Stop;
use super::look::{Look, Trouble};
use super::memory::{Memory, lock};
use crate::status::{self as stored, StatusError};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use trueup_kinds::canary::CanaryStatus;
use trueup_kinds::{Canary, names};
use trueup_object::{Text, Value, value};

/// Writes a status that was decided upon. Where somebody else has written
/// another status meanwhile, what was decided no longer holds, and nothing is
/// written; where only the rest of the object has changed, it does.
pub(super) async fn write(
    look: &mut Look<'_>,
    memory: &Mutex<Memory>,
    next: &CanaryStatus,
) -> Result<(), Stop> {
    let before = look.stored_status.clone();
    let is_outdated = AtomicBool::new(false);
    let mut written = stored::change(look.context, look.key, &|canary: &mut Canary| {
        if canary.status == before {
            canary.status = next.clone();
        } else {
            is_outdated.store(true, Ordering::Relaxed);
        }
    })
    .await?;
    if is_outdated.load(Ordering::Relaxed) {
        return Err(Trouble::Outdated(format!("the status of {}", look.key)).into());
    }
    lock(memory).wrote(next, &written.status);
    look.stored_status = std::mem::replace(&mut written.status, next.clone());
    look.canary = written;
    Ok(())
}

/// Puts Flagger's finalizer on the Canary.
pub(super) async fn add_finalizer(look: &mut Look<'_>) -> Result<(), Stop> {
    change_finalizers(look, &|finalizers| {
        if !finalizers.iter().any(|it| it == names::FLAGGER_FINALIZER) {
            finalizers.push(names::FLAGGER_FINALIZER.into());
        }
    })
    .await?;
    Ok(())
}

/// Takes it off: the Canary may go. One that is gone already is no error.
pub(super) async fn remove_finalizer(look: &mut Look<'_>) -> Result<(), Stop> {
    let outcome = change_finalizers(look, &|finalizers| {
        finalizers.retain(|it| it != names::FLAGGER_FINALIZER);
    })
    .await;
    match outcome {
        Err(StatusError::Gone(_)) => Ok(()),
        outcome => Ok(outcome?),
    }
}

async fn change_finalizers(
    look: &Look<'_>,
    change: &(dyn Fn(&mut Vec<Text>) + Send + Sync),
) -> Result<(), StatusError> {
    stored::amend(look.context, look.key, &|canary: &Canary| {
        let before = &canary.metadata.finalizers;
        let mut after = before.clone();
        change(&mut after);
        let list = || after.iter().cloned().map(Value::from).collect::<Value>();
        (*before != after).then(|| value!({"metadata": {"finalizers": list()}}))
    })
    .await?;
    Ok(())
}
