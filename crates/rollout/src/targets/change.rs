//! Whether the target is a new revision.

use super::fence::Fence;
use super::snapshot::{Counter, HASH_PREFIX, Snapshot, content_hash, take_snapshot};
use super::template::origin_template;
use super::{TargetError, TargetKind, View};
use std::collections::BTreeMap;
use trueup_kinds::canary::Phase;
use trueup_object::{Text, Value};

/// Whether the target is a new revision, and why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A run has to start, or to start again.
    NewRevision,
    /// What was looked at last.
    Same,
    /// The digest differs, but nothing was written to the target since: the
    /// way of computing it, or the server's defaults, have changed.
    DriftAbsorbed,
    /// The target went back to what the primary is a copy of.
    BackToPromoted,
    /// The status is of an earlier Flagger; what is there is where we begin.
    TakenOver,
}

/// What the status has to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// `status.lastAppliedSpec`.
    pub last_applied_spec: Text,
    /// `status.lastPromotedSpec`.
    pub last_promoted_spec: Text,
    /// `status.lastTrackedRevision`.
    pub last_tracked_revision: Text,
}

/// The outcome of looking for a new revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// What was found.
    pub change: Change,
    /// What was seen, for the status that a new run begins with.
    pub snapshot: Snapshot,
    /// What the status should say from now on although no run begins; `None`
    /// where it says so already. If it can't be written the finding stays as
    /// it is and is made again.
    pub tracking: Option<Tracking>,
}

impl Detection {
    /// Whether a run has to start, or to start again.
    #[must_use]
    pub fn is_new_revision(&self) -> bool {
        self.change == Change::NewRevision
    }
}

/// Compares the target with what the status remembers. A status that an
/// earlier Flagger wrote is taken over without a run, unless the target's
/// images differ from the primary's while nothing was going on.
pub fn detect_change(view: &View<'_>) -> Result<Detection, TargetError> {
    let snapshot = take_snapshot(view)?;
    let status = &view.canary.status;
    let change = if status.last_applied_spec.is_empty() {
        Change::NewRevision
    } else if is_foreign(view) {
        take_over(view, &snapshot)?
    } else {
        compare(view, &snapshot)?
    };
    let tracking = next_tracking(view, &snapshot, change)?;
    Ok(Detection {
        change,
        snapshot,
        tracking,
    })
}

/// Whether the status has a digest that can't be computed here.
fn is_foreign(view: &View<'_>) -> bool {
    let status = &view.canary.status;
    !status.last_applied_spec.starts_with(HASH_PREFIX) || status.last_tracked_revision.is_empty()
}

fn compare(view: &View<'_>, snapshot: &Snapshot) -> Result<Change, TargetError> {
    let status = &view.canary.status;
    let stored = Fence::parse(&status.last_tracked_revision);
    if stored.uid != snapshot.fence.uid {
        // Deleted and made anew.
        return Ok(Change::NewRevision);
    }
    if snapshot.hash == status.last_applied_spec {
        return Ok(Change::Same);
    }
    if snapshot.fence.proves_unchanged_since(&stored) {
        return Ok(Change::DriftAbsorbed);
    }
    if is_promoted(view, snapshot)? {
        return Ok(Change::BackToPromoted);
    }
    Ok(Change::NewRevision)
}

/// Whether the primary is a copy of the target as it is now. While the digest
/// of the promoted revision is one of an earlier Flagger, the primary itself is
/// looked at.
fn is_promoted(view: &View<'_>, snapshot: &Snapshot) -> Result<bool, TargetError> {
    let promoted = &view.canary.status.last_promoted_spec;
    if promoted.is_empty() || promoted.starts_with(HASH_PREFIX) {
        return Ok(*promoted == snapshot.hash);
    }
    is_like_primary(view)
}

fn take_over(view: &View<'_>, snapshot: &Snapshot) -> Result<Change, TargetError> {
    let changed = match view.canary.status.phase {
        Phase::Initialized | Phase::Succeeded => images_differ(view)?,
        _ => {
            let stored = Fence::parse(&view.canary.status.last_tracked_revision);
            snapshot.fence.shows_change_since(&stored) && !is_like_primary(view)?
        }
    };
    Ok(if changed {
        Change::NewRevision
    } else {
        Change::TakenOver
    })
}

/// What the status has to remember of a target that starts no run.
fn next_tracking(
    view: &View<'_>,
    snapshot: &Snapshot,
    change: Change,
) -> Result<Option<Tracking>, TargetError> {
    let status = &view.canary.status;
    let together = status.last_promoted_spec == status.last_applied_spec;
    let promoted = match change {
        Change::NewRevision => return Ok(None),
        Change::Same if snapshot.counter == Counter::EveryWrite => return Ok(None),
        Change::BackToPromoted => true,
        Change::TakenOver => together || is_like_primary(view)?,
        Change::Same | Change::DriftAbsorbed => together,
    };
    let last_promoted_spec = if promoted {
        snapshot.hash.clone()
    } else {
        status.last_promoted_spec.clone()
    };
    let tracking = Tracking {
        last_applied_spec: snapshot.hash.clone(),
        last_promoted_spec,
        last_tracked_revision: snapshot.fence.to_string().into(),
    };
    let remembered = Tracking {
        last_applied_spec: status.last_applied_spec.clone(),
        last_promoted_spec: status.last_promoted_spec.clone(),
        last_tracked_revision: status.last_tracked_revision.clone(),
    };
    Ok((tracking != remembered).then_some(tracking))
}

/// Whether the images of the target's containers are not those of the
/// primary's. A Service has none.
fn images_differ(view: &View<'_>) -> Result<bool, TargetError> {
    if view.kind()? == TargetKind::Service {
        return Ok(false);
    }
    Ok(images(view.target()?) != images(view.primary()?))
}

/// The images by the list and name of their container.
fn images(workload: &Value) -> BTreeMap<(&'static str, &str), &str> {
    let mut images = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        let containers = workload
            .at(&["spec", "template", "spec", list])
            .and_then(Value::as_list);
        for container in containers.unwrap_or_default() {
            let name = container.str_at(&["name"]).unwrap_or_default();
            images.insert(
                (list, name),
                container.str_at(&["image"]).unwrap_or_default(),
            );
        }
    }
    images
}

/// Whether the primary is a copy of the target as it is now, apart from what
/// copying changes.
fn is_like_primary(view: &View<'_>) -> Result<bool, TargetError> {
    let kind = view.kind()?;
    if kind == TargetKind::Service {
        return Ok(false);
    }
    let origin = |workload| content_hash(&origin_template(view, kind, workload));
    Ok(origin(view.target()?) == origin(view.primary()?))
}
