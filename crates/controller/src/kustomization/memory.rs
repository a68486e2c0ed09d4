//! What the process remembers of a Kustomization between two runs. A cache:
//! losing it costs work, never correctness.

use super::build::Build;
use super::target::Target;
use crate::live::{Change, LiveSet, Sight, Viewer};
use crate::machine::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use trueup_cluster::{ClusterKey, LiveObject};
use trueup_health::{CustomChecks, HealthStatus};
use trueup_kinds::{Artifact, Kustomization, object_id};
use trueup_object::{ObjectRef, Text, hide_values};
use trueup_plan::{Approved, Brake, Desired, Judgement, Record, Records, judge};

/// The memories of all Kustomizations.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    by_key: Mutex<BTreeMap<ObjectKey, Arc<Mutex<Memory>>>>,
}

/// What is remembered of one.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Where, and as whom, all of this was found.
    pub(super) viewer: Option<Viewer>,
    /// The last build, or why there is none.
    pub build: Option<Arc<Build>>,
    /// What the last build took from elsewhere.
    pub(super) elsewhere: super::build::Elsewhere,
    /// The objects as they were when they were right.
    pub records: Records,
    /// Who fights whom.
    pub brake: Brake,
    /// What the fights are about.
    pub(super) fought_at: Option<Mark>,
    /// What is waited for, and since when.
    pub waiting: Option<Waiting>,
    /// The last revision that was applied whole, and at which generation.
    pub settled: Option<Mark>,
    /// A revision that leaves everything as it was applied.
    pub unaffected: Option<Mark>,
    /// Objects whose health decides, as last judged.
    pub targets: BTreeMap<ObjectRef, HealthStatus>,
    /// Texts that must not be shown, of this build and the one before.
    pub hidden: [BTreeSet<Text>; 2],
    /// How kinds are judged that say for themselves how.
    pub checks: Arc<CustomChecks>,
    /// The inventory as last known.
    pub owned: BTreeSet<Text>,
    /// The objects that say how it is done, in the versions that were read;
    /// `None` for one that was not to be had.
    pub(super) inputs: BTreeMap<ObjectRef, Option<Text>>,
    /// Deletions that a person has consented to and that may not be done yet.
    pub(super) approved: Option<Approved>,
    /// The last failure to end that an event told of.
    pub(super) told: Option<Text>,
    /// Whether one of these changed during the run.
    pub(super) inputs_changed: bool,
    /// Objects that can't be deleted because their kind is not known.
    pub unknown_kinds: BTreeSet<ObjectRef>,
    /// Whether a run is under way.
    pub(super) working: bool,
    /// What changed during the run.
    pub(super) touched: BTreeSet<ObjectRef>,
}

/// A specification and a source, by generation and identity of the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// `metadata.generation`.
    pub generation: i64,
    /// The artifact's revision.
    pub revision: Text,
    /// Its revision at its origin, where the source names one.
    pub origin_revision: Option<Text>,
}

/// The artifact's metadata that names its revision at its origin, as OCI
/// images do.
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

impl Mark {
    /// The specification of a Kustomization and an artifact of its source.
    pub(super) fn of(kustomization: &Kustomization, artifact: &Artifact) -> Self {
        let origin = artifact.metadata.get(ORIGIN_REVISION);
        Self {
            generation: kustomization.metadata.generation,
            revision: artifact.revision.clone(),
            origin_revision: origin.filter(|it| !it.is_empty()).cloned(),
        }
    }

    /// What was applied last, by the status.
    pub(super) fn applied(kustomization: &Kustomization) -> Option<Self> {
        let status = &kustomization.status;
        Some(Self {
            generation: status.observed_generation,
            revision: status.last_applied_revision.clone()?,
            origin_revision: status.last_applied_origin_revision.clone(),
        })
    }
}

/// A state of waiting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    /// For what state of the world.
    pub mark: Mark,
    /// For which part of it.
    pub purpose: Purpose,
    /// Since when, on the controller's clock; below zero if it began before
    /// this process.
    pub since_ms: i64,
    /// How much of the time-out was spent before.
    pub spent_ms: u64,
}

impl Waiting {
    /// Whether this is a waiting for the same as now.
    pub(super) fn is_for(&self, mark: &Mark, purpose: Purpose) -> bool {
        self.mark == *mark && self.purpose == purpose
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An early stage to become ready.
    Stage,
    /// Everything to become healthy.
    Health,
}

impl Memories {
    pub(crate) fn of(&self, key: &ObjectKey) -> Arc<Mutex<Memory>> {
        Arc::clone(self.all().entry(key.clone()).or_default())
    }

    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.all().remove(key);
    }

    /// Forgets everything, as a restart would: others have acted since.
    pub(crate) fn forget_all(&self) {
        self.all().clear();
    }

    /// The revision that a Kustomization is known to be unaffected by.
    pub(crate) fn unaffected_by(&self, key: &ObjectKey) -> Option<Mark> {
        let memory = self.all().get(key).cloned()?;
        lock(&memory).unaffected.clone()
    }

    /// The revision that a Kustomization is being brought to at this moment.
    pub(crate) fn applying(&self, key: &ObjectKey) -> Option<Text> {
        let memory = self.all().get(key).cloned()?;
        let memory = lock(&memory);
        let mark = memory.fought_at.as_ref().filter(|_| memory.working)?;
        Some(mark.revision.clone())
    }

    /// A message about a Kustomization without the texts that must not be
    /// shown.
    pub(crate) fn masked(&self, key: &ObjectKey, message: &str) -> String {
        let memory = self.all().get(key).cloned();
        memory.map_or_else(|| message.to_owned(), |it| lock(&it).masked(message))
    }

    /// Whether a change of a live object makes work. During a run it is noted
    /// and judged at its end, by which time our own writes are known.
    pub(crate) fn is_concerned(
        &self,
        key: &ObjectKey,
        cluster: &ClusterKey,
        change: &Change,
    ) -> bool {
        let Some(memory) = self.all().get(key).cloned() else {
            return false;
        };
        let mut memory = lock(&memory);
        if *cluster == key.cluster && memory.has_other_input(change) {
            memory.inputs_changed = memory.working;
            return !memory.working;
        }
        if memory
            .viewer
            .as_ref()
            .is_none_or(|it| it.cluster != *cluster)
        {
            return false;
        }
        let reference = match change {
            Change::Applied { now, .. } => now.reference(),
            Change::Gone { before } => before.reference(),
        };
        if memory.working {
            memory.touched.insert(reference.clone());
            return false;
        }
        match change {
            Change::Applied { now, .. } => memory.differs(now),
            Change::Gone { .. } => memory.misses(reference),
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Arc<Mutex<Memory>>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A memory that a panic left behind is forgotten as a whole, so the lock
/// itself need not be poisoned.
pub(crate) fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(crate) fn begin(&mut self) {
        self.working = true;
        self.inputs_changed = false;
        self.touched.clear();
    }

    /// A run begins to apply a build. The first one of another specification or
    /// revision tells the brake what that wants otherwise than what was applied.
    pub(super) fn apply_at(&mut self, mark: &Mark, build: &Build) {
        self.settled = None;
        if self.fought_at.as_ref() == Some(mark) {
            return;
        }
        self.fought_at = Some(mark.clone());
        let records = &self.records;
        self.brake.on_revision(|id| {
            build.find_id(id).is_none_or(|desired| {
                let applied = records.get(desired.reference()).map(Record::desired);
                applied != Some(desired.fingerprint())
            })
        });
    }

    /// Begins to work at a target. What was found elsewhere, or as somebody
    /// else, says nothing here.
    pub(super) fn work_at(&mut self, target: &Target) {
        if self.viewer.as_ref() == Some(&target.viewer) {
            return;
        }
        *self = Self {
            viewer: Some(target.viewer.clone()),
            inputs: std::mem::take(&mut self.inputs),
            hidden: std::mem::take(&mut self.hidden),
            inputs_changed: self.inputs_changed,
            working: self.working,
            ..Self::default()
        };
    }

    /// Notes that an object was read to know how it is done.
    pub(super) fn reads_input(&mut self, reference: &ObjectRef, version: Option<Text>) {
        self.inputs.insert(reference.clone(), version);
    }

    /// Whether a failure to end is news.
    pub(super) fn tells(&mut self, message: &str) -> bool {
        let told = self.told.as_deref() == Some(message);
        self.told = Some(message.into());
        !told
    }

    /// Whether an input is not what was read.
    fn has_other_input(&self, change: &Change) -> bool {
        let (reference, version) = match change {
            Change::Applied { now, .. } => (now.reference(), Some(now.resource_version())),
            Change::Gone { before } => (before.reference(), None),
        };
        let known = self.inputs.get(reference);
        known.is_some_and(|known| known.as_ref() != version)
    }

    /// Ends a run. Whether something that changed meanwhile makes work.
    pub(crate) fn end(&mut self, live: &LiveSet) -> bool {
        self.working = false;
        let touched = std::mem::take(&mut self.touched);
        if std::mem::take(&mut self.inputs_changed) {
            return true;
        }
        let Some(viewer) = &self.viewer else {
            return false;
        };
        touched
            .iter()
            .any(|reference| match live.find(viewer, reference) {
                Sight::Seen(object) => self.differs(&object),
                Sight::NotSeen => self.misses(reference),
                Sight::Unknown => false,
            })
    }

    /// Keeps a new build, and what must not be shown of it.
    pub(super) fn built(&mut self, build: &Arc<Build>) {
        let [current, previous] = &mut self.hidden;
        if current != build.hidden() {
            *previous = std::mem::replace(current, build.hidden().clone());
        }
        self.build = Some(Arc::clone(build));
    }

    /// A message without the texts that must not be shown.
    pub(super) fn masked(&self, message: &str) -> String {
        let texts = self.hidden.iter().flatten();
        hide_values(message, texts.map(Text::as_str))
    }

    fn desired(&self, reference: &ObjectRef) -> Option<&Desired> {
        self.build.as_deref()?.find(reference)
    }

    /// Whether an object is not what was left there. What was never right
    /// does not count: the run that failed on it is tried again by itself.
    fn differs(&self, now: &LiveObject) -> bool {
        let reference = now.reference();
        if self
            .targets
            .get(reference)
            .is_some_and(|known| *known != self.checks.assess(now.value()).status)
        {
            return true;
        }
        let Some(record) = self.records.get(reference) else {
            return false;
        };
        let Some(desired) = self.desired(reference) else {
            return false;
        };
        !matches!(
            judge(desired, now.value(), Some(record)),
            Judgement::Unchanged | Judgement::NewManifest | Judgement::NoRecord
        )
    }

    /// Whether an object that is gone should be there, or is waited to go.
    fn misses(&self, reference: &ObjectRef) -> bool {
        self.owned.contains(&object_id(reference)) || self.targets.contains_key(reference)
    }
}
