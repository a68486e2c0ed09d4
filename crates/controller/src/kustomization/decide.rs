//! What is to be done about a Kustomization; pure.

use super::memory::{Mark, Memory};
use crate::machine::{Cause, Causes};
use crate::objects::is_ready;
use trueup_kinds::{Kustomization, Resource, UnservedField, message};
use trueup_plan::{Forcing, PlanOptions, Pruning};

/// What a run does.
#[derive(Debug, PartialEq)]
pub(super) enum Course {
    /// Nothing at all: suspended.
    Nothing,
    /// The object is being deleted.
    Finalize,
    /// It asks for what is not served.
    Refuse(String),
    /// Make the cluster match.
    Reconcile,
}

pub(super) fn course(kustomization: &Kustomization, unserved: &[UnservedField]) -> Course {
    if kustomization.metadata.is_deleting() {
        return Course::Finalize;
    }
    if kustomization.is_suspended() {
        return Course::Nothing;
    }
    if !unserved.is_empty() {
        return Course::Refuse(message::fields_not_served(unserved));
    }
    Course::Reconcile
}

/// What a revision means for a Kustomization that was built from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// There may be something to do.
    Affected,
    /// Nothing that it is made from has changed: to be noted later.
    NoteLater,
    /// Nothing has changed, and now is later.
    NoteNow,
}

/// A revision leaves a Kustomization alone if the build is the one that was
/// applied, and that went well. Whoever else wants something of the run,
/// such as a change of a live object, gets a whole one.
pub(super) fn effect(
    kustomization: &Kustomization,
    mark: &Mark,
    memory: &Memory,
    causes: &Causes,
) -> Effect {
    const IDLE: [Cause; 4] = [
        Cause::Source,
        Cause::Trailing,
        Cause::Dependency,
        Cause::Interval,
    ];
    let applied = kustomization.status.last_applied_revision.as_ref();
    let settled = memory.settled.as_ref().filter(|settled| {
        settled.generation == mark.generation && settled.revision != mark.revision
    });
    let stands = settled.is_some_and(|settled| Some(&settled.revision) == applied);
    if !stands || !is_ready(kustomization) || !causes.iter().all(|cause| IDLE.contains(cause)) {
        return Effect::Affected;
    }
    if causes.contains(&Cause::Trailing) {
        Effect::NoteNow
    } else {
        Effect::NoteLater
    }
}

/// Whether a run corrects drift only as fast as the brake lets it: it was
/// woken by live changes alone.
pub(super) fn is_braked_run(causes: &Causes) -> bool {
    causes.iter().all(|cause| {
        matches!(
            cause,
            Cause::Live | Cause::Deadline | Cause::Dependency | Cause::Trailing
        )
    })
}

pub(super) fn plan_options(kustomization: &Kustomization) -> PlanOptions {
    PlanOptions {
        force: if kustomization.spec.force {
            Forcing::Always
        } else {
            Forcing::WhereMarked
        },
        prune: if kustomization.spec.prune {
            Pruning::On
        } else {
            Pruning::Off
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn applied(revision: &str) -> Kustomization {
        Kustomization::read(&value!({
            "metadata": {"name": "apps", "namespace": "fleet", "generation": 2},
            "spec": {"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
            "status": {"observedGeneration": 2, "lastAppliedRevision": revision, "conditions": [
                {"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            ]},
        }))
        .unwrap()
    }

    fn mark(revision: &str) -> Mark {
        Mark {
            generation: 2,
            revision: revision.into(),
            origin_revision: None,
        }
    }

    #[test]
    fn an_unaffected_kustomization_is_noted_after_the_affected_ones() {
        let memory = Memory {
            settled: Some(mark("a")),
            ..Memory::default()
        };
        let source = Causes::from([Cause::Source]);
        assert_eq!(
            effect(&applied("a"), &mark("b"), &memory, &source),
            Effect::NoteLater
        );
        let trailing = Causes::from([Cause::Trailing]);
        assert_eq!(
            effect(&applied("a"), &mark("b"), &memory, &trailing),
            Effect::NoteNow
        );
    }

    #[test]
    fn whoever_was_not_applied_whole_or_is_wanted_otherwise_is_affected() {
        let memory = Memory {
            settled: Some(mark("a")),
            ..Memory::default()
        };
        let source = Causes::from([Cause::Source]);
        assert_eq!(
            effect(&applied("z"), &mark("b"), &memory, &source),
            Effect::Affected
        );
        assert_eq!(
            effect(&applied("a"), &mark("b"), &Memory::default(), &source),
            Effect::Affected
        );
        assert_eq!(
            effect(&applied("a"), &mark("a"), &memory, &source),
            Effect::Affected
        );
        let live = Causes::from([Cause::Source, Cause::Live]);
        assert_eq!(
            effect(&applied("a"), &mark("b"), &memory, &live),
            Effect::Affected
        );
        let other_spec = Mark {
            generation: 3,
            ..mark("b")
        };
        assert_eq!(
            effect(&applied("a"), &other_spec, &memory, &source),
            Effect::Affected
        );
    }

    #[test]
    fn suspension_goes_before_refusal_and_deletion_before_both() {
        let unserved = [UnservedField {
            path: "spec.decryption".into(),
            value: None,
        }];
        let mut kustomization = applied("a");
        assert!(
            matches!(course(&kustomization, &unserved), Course::Refuse(text) if text.contains("spec.decryption"))
        );
        kustomization.spec.suspend = true;
        assert_eq!(course(&kustomization, &unserved), Course::Nothing);
        kustomization.metadata.deletion_timestamp = Some(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(course(&kustomization, &unserved), Course::Finalize);
    }
}
