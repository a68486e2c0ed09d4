//! Plan, check, write, wait: making the cluster match one build.

use super::apply::{self, Checked, Done, Hands};
use super::build::Build;
use super::decide;
use super::failure::{Cure, Failure, Stop};
use super::health::{self, Judged};
use super::memory::{Mark, Memory, Purpose, Waiting, lock};
use super::target::Target;
use super::{consent, events, observe, references, report};
use crate::context::Context;
use crate::live::Sight;
use crate::machine::{Causes, ObjectKey};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trueup_kinds::{Inventory, Kustomization, message, reason};
use trueup_object::ObjectRef;
use trueup_plan::{
    Action, BrakeVerdict, ExitCondition, Guard, HealthVerdict, KeepReason, Observation, Observed,
    Owner, Plan, PlanInput, PlanOptions, Planned, Reason, Records, Refusal, RemovalVerb, Stage,
    StageKind, Verb, health_targets, plan,
};

/// The stages in their order.
const STAGES: [StageKind; 3] = [
    StageKind::ClusterDefinitions,
    StageKind::Classes,
    StageKind::Rest,
];
/// How often a stage is planned anew because objects were found that no
/// watch had shown.
const MAX_PLANS_OF_A_STAGE: usize = 3;

/// What the run works on.
pub(super) struct Task<'a> {
    pub context: &'a Arc<Context>,
    pub target: &'a Target,
    pub key: &'a ObjectKey,
    pub kustomization: &'a Kustomization,
    pub guard: &'a Guard,
    pub mark: &'a Mark,
    pub build: &'a Build,
    pub memory: &'a Mutex<Memory>,
    pub causes: &'a Causes,
    pub cancel: &'a CancellationToken,
    /// When the run began; the time-out is counted from here.
    pub began_ms: u64,
}

/// How far the cluster is.
#[derive(Debug)]
pub(super) enum Reached {
    /// Everything is as it should be.
    Goal {
        /// What the inventory is now.
        inventory: Inventory,
        /// How long health was waited for, if it was looked at.
        health: Option<Duration>,
    },
    /// Written, and not there yet.
    Waiting {
        /// What the inventory is now.
        inventory: Inventory,
        /// What for.
        purpose: Purpose,
        /// When to look again at the latest.
        look_again_ms: u64,
    },
}

impl Task<'_> {
    /// Brings the cluster as far as it goes now.
    pub(super) async fn run(&self, done: &mut Done) -> Result<Reached, Stop> {
        let status = &self.kustomization.status;
        let mut inventory = status.inventory.clone().unwrap_or_default();
        done.known = inventory.clone();
        self.track(&inventory).await;
        health::resume(self.context, self.memory, self.kustomization, self.mark);
        let mut observed = observe::known(
            self.context,
            self.target,
            &lock(self.memory),
            self.build.desired(),
            &inventory,
        );
        for kind in STAGES {
            let waiting = self.stage(kind, &mut inventory, &mut observed, done);
            if let Some(waiting) = waiting.await? {
                return Ok(waiting);
            }
        }
        self.finish(&inventory, &mut observed, done).await
    }

    /// Starts the watches that show what concerns this Kustomization.
    pub(super) async fn track(&self, inventory: &Inventory) {
        let desired = self.build.desired();
        let mut more = observe::waited_for(self.target, desired, &self.listed_targets());
        more.extend(references::subjects(self.context, self.kustomization));
        lock(self.memory).owned = observe::owned_ids(desired, inventory);
        observe::track(self.context, self.target, desired, inventory, more).await;
    }

    /// Objects of `spec.healthChecks`, whether they are ours or not.
    fn listed_targets(&self) -> Vec<ObjectRef> {
        if self.kustomization.spec.wait {
            return Vec::new();
        }
        let owner = self.owner();
        let nothing = plan(&PlanInput {
            owner: &owner,
            desired: &[],
            observed: &Observed::new(),
            inventory: &Inventory::default(),
            records: &Records::new(),
            options: PlanOptions::default(),
        });
        match nothing {
            Planned::Plan(nothing) => health_targets(&self.kustomization.spec, &owner, &nothing),
            Planned::NeedsReads(_) | Planned::Refused(_) => Vec::new(),
        }
    }

    fn owner(&self) -> Owner {
        Owner {
            namespace: self.key.namespace.clone(),
            name: self.key.name.clone(),
        }
    }

    /// The status names an object before the cluster has it: whatever
    /// happens in between, none is forgotten.
    async fn write_inventory(
        &self,
        plan: &Plan,
        actions: &[Action],
        inventory: &mut Inventory,
        done: &mut Done,
    ) -> Result<(), Stop> {
        if let Some(union) = plan.inventory_before(actions) {
            report::writing(
                self.context,
                self.key,
                self.mark,
                self.kustomization,
                &union,
            )
            .await?;
            done.known = done.known.union(&union);
            *inventory = union;
        }
        Ok(())
    }

    /// Makes the plan, reading what it asks for.
    pub(super) async fn plan(
        &self,
        inventory: &Inventory,
        observed: &mut Observed,
    ) -> Result<Plan, Stop> {
        let owner = self.owner();
        loop {
            let planned = plan(&PlanInput {
                owner: &owner,
                desired: self.build.desired(),
                observed,
                inventory,
                records: &lock(self.memory).records,
                options: decide::plan_options(self.kustomization),
            });
            match planned {
                Planned::Plan(plan) => return Ok(plan),
                Planned::NeedsReads(references) => {
                    observe::read(self.context, self.target, &references, observed).await?
                }
                Planned::Refused(refusal) => return Err(refused(&refusal).into()),
            }
        }
    }

    /// Carries one stage out, and says if the next one must wait for it.
    async fn stage(
        &self,
        kind: StageKind,
        inventory: &mut Inventory,
        observed: &mut Observed,
        done: &mut Done,
    ) -> Result<Option<Reached>, Stop> {
        let mut absent = BTreeSet::new();
        for _ in 0..MAX_PLANS_OF_A_STAGE {
            let plan = self.plan(inventory, observed).await?;
            let Some(stage) = plan.stages.iter().find(|stage| stage.kind == kind) else {
                return Ok(None);
            };
            let stage = self.braked(stage);
            if stage.is_done() {
                self.write_inventory(&plan, &stage.actions, inventory, done)
                    .await?;
                return self.exit(&stage, &plan, inventory, done).await;
            }
            let hands = self.hands();
            match hands.check(&stage, observed, &absent).await? {
                Checked::Found(references) => {
                    observe::read(self.context, self.target, &references, observed).await?;
                    absent.extend(
                        references
                            .into_iter()
                            .filter(|it| *observed.get(it) == Observation::Absent),
                    );
                }
                Checked::Actions { actions, refused } => {
                    done.refused.extend(refused);
                    self.write_inventory(&plan, &actions, inventory, done)
                        .await?;
                    let written = hands.write(&actions, observed, done).await;
                    self.look_again(&actions, observed);
                    written?;
                    return self.exit(&stage, &plan, inventory, done).await;
                }
            }
        }
        let text = "objects keep appearing and vanishing while they are applied";
        Err(Failure::new(reason::RECONCILIATION_FAILED, text, Cure::Soon).into())
    }

    pub(super) fn hands(&self) -> Hands<'_> {
        Hands {
            context: self.context,
            owner: self.owner(),
            target: self.target,
            memory: self.memory,
            build: self.build,
            force: decide::plan_options(self.kustomization).force,
            extent: self.guard.extent,
            cancel: self.cancel,
        }
    }

    /// What was written is now as the server answered.
    fn look_again(&self, actions: &[Action], observed: &mut Observed) {
        for action in actions.iter().filter(|action| action.writes()) {
            let viewer = &self.target.viewer;
            if let Sight::Seen(object) = self.context.live.find(viewer, &action.object) {
                observed.insert(&action.object, Observation::Live(object.value().clone()));
            }
        }
    }

    /// Leaves alone what is fought over, until the interval.
    fn braked(&self, stage: &Stage) -> Stage {
        let now = self.context.clock.now();
        let mut stage = stage.clone();
        for action in stage
            .actions
            .iter_mut()
            .filter(|action| !action.drift.is_empty())
        {
            if !decide::is_braked_run(self.causes) {
                let mut memory = lock(self.memory);
                action
                    .drift
                    .iter()
                    .for_each(|drift| memory.brake.on_interval(drift, now));
                continue;
            }
            // Telling of it needs the memory again.
            let (verdict, newly) = lock(self.memory).brake.on_drifts(&action.drift, now);
            if verdict == BrakeVerdict::BrakeNow {
                events::braked(self.context, self.key, &newly);
            }
            if verdict != BrakeVerdict::Correct {
                action.verb = Verb::Skip;
            }
        }
        stage
    }

    /// Whether what comes after a stage must wait for its objects.
    async fn exit(
        &self,
        stage: &Stage,
        plan: &Plan,
        inventory: &Inventory,
        done: &Done,
    ) -> Result<Option<Reached>, Stop> {
        let ExitCondition::Ready { within } = stage.exit else {
            return Ok(None);
        };
        let more = plan
            .stages
            .iter()
            .any(|later| later.kind > stage.kind && !later.is_done());
        if !more {
            return Ok(None);
        }
        let objects: Vec<ObjectRef> = stage
            .actions
            .iter()
            .filter(|it| it.verb != Verb::Skip && !done.is_refused(&it.object))
            .map(|it| it.object.clone())
            .collect();
        let health = health::of(self.context, self.target, self.memory, &objects).await?;
        let is_waited_for = |waiting: &Waiting| waiting.is_for(self.mark, Purpose::Stage);
        let is_news = !stage.is_done()
            || lock(self.memory)
                .waiting
                .as_ref()
                .is_some_and(is_waited_for);
        let judged = health::judge(
            self.context,
            self.memory,
            self.mark,
            (Purpose::Stage, self.spent_ms()),
            within,
            &health,
        );
        match judged.verdict {
            HealthVerdict::Passed => {
                // Told once: whoever misses a kind is woken by it.
                if is_news
                    && objects
                        .iter()
                        .any(|object| object.kind.kind == "CustomResourceDefinition")
                {
                    self.target.session.cluster().invalidate_discovery();
                }
                Ok(None)
            }
            HealthVerdict::Waiting(_) => Ok(Some(Reached::Waiting {
                inventory: inventory.clone(),
                purpose: Purpose::Stage,
                look_again_ms: judged.look_again_ms,
            })),
            HealthVerdict::Failed(text) => {
                Err(Failure::new(reason::HEALTH_CHECK_FAILED, text, Cure::Retry).into())
            }
        }
    }

    /// Prunes, then looks at health. Where something was left out nothing is
    /// pruned: what replaces an object may be what was refused.
    async fn finish(
        &self,
        inventory: &Inventory,
        observed: &mut Observed,
        done: &mut Done,
    ) -> Result<Reached, Stop> {
        if !done.refused.is_empty() {
            return Err(apply::left_out(&done.refused).into());
        }
        let plan = self.plan(inventory, observed).await?;
        let divided = consent::divide(self, &plan.prune, inventory.len());
        let failures = self.hands().prune(&divided.now, done).await?;
        done.held = divided.held;
        let inventory = plan.inventory_after(&done.gone);
        lock(self.memory).owned = observe::owned_ids(self.build.desired(), &inventory);
        if !failures.is_empty() {
            report::pruned(self.context, self.key, (&done.known, &inventory)).await?;
            return Err(
                Failure::new(reason::PRUNE_FAILED, failures.join("\n"), Cure::Retry).into(),
            );
        }
        self.tell_unknown_kinds(&plan);
        self.health(&plan, inventory, done).await
    }

    /// Tells once of objects that left the source and can't be deleted,
    /// because the cluster has no such kind at present.
    fn tell_unknown_kinds(&self, plan: &Plan) {
        let unknown = plan
            .prune
            .iter()
            .filter(|removal| removal.verb == RemovalVerb::Keep(KeepReason::KindUnknown))
            .map(|removal| removal.object.clone());
        let unknown: BTreeSet<ObjectRef> = unknown.collect();
        let known = std::mem::replace(&mut lock(self.memory).unknown_kinds, unknown.clone());
        let news: Vec<&ObjectRef> = unknown.difference(&known).collect();
        if !news.is_empty() {
            events::unknown_kinds(self.context, self.key, self.mark, &news);
        }
    }

    /// What is left of the time-out when health begins to be waited for.
    fn health_timeout(&self) -> Duration {
        let timeout = self.kustomization.spec.timeout_or_default();
        let spent_ms = match &lock(self.memory).waiting {
            Some(waiting) if waiting.is_for(self.mark, Purpose::Health) => waiting.spent_ms,
            _ => self.spent_ms(),
        };
        timeout.saturating_sub(Duration::from_millis(spent_ms))
    }

    fn spent_ms(&self) -> u64 {
        let now_ms = self.context.clock.now_ms();
        now_ms.saturating_sub(self.began_ms)
    }

    async fn health(
        &self,
        plan: &Plan,
        inventory: Inventory,
        done: &mut Done,
    ) -> Result<Reached, Stop> {
        let mut targets = health_targets(&self.kustomization.spec, &self.owner(), plan);
        let looked_at = !targets.is_empty();
        let being_deleted = plan
            .actions()
            .filter(|action| action.reason == Reason::BeingDeleted);
        for object in being_deleted.map(|action| &action.object) {
            if !targets.contains(object) {
                targets.push(object.clone());
            }
        }
        let health = health::of(self.context, self.target, self.memory, &targets).await?;
        let timeout = self.health_timeout();
        let Judged {
            verdict,
            waited,
            look_again_ms,
        } = health::judge(
            self.context,
            self.memory,
            self.mark,
            (Purpose::Health, self.spent_ms()),
            timeout,
            &health,
        );
        done.waited = waited;
        match verdict {
            HealthVerdict::Passed => Ok(Reached::Goal {
                inventory,
                health: looked_at.then_some(waited),
            }),
            HealthVerdict::Waiting(_) => Ok(Reached::Waiting {
                inventory,
                purpose: Purpose::Health,
                look_again_ms,
            }),
            HealthVerdict::Failed(text) => {
                Err(Failure::new(reason::HEALTH_CHECK_FAILED, text, Cure::Retry).into())
            }
        }
    }
}

fn refused(refusal: &Refusal) -> Failure {
    let reason = match refusal {
        Refusal::Twice(_) => reason::BUILD_FAILED,
        Refusal::OwnNamespace(_) | Refusal::Itself(_) => reason::PRUNE_FAILED,
        Refusal::TooMany { .. } => reason::RECONCILIATION_FAILED,
    };
    Failure::new(reason, refusal.to_string(), Cure::Retry)
}

/// What `Reconciling` says while an early stage or health is waited for.
pub(super) fn waiting_text(purpose: Purpose, revision: &str, timeout: Duration) -> String {
    match purpose {
        Purpose::Stage => message::detecting_drift(revision, timeout),
        Purpose::Health => message::running_health_checks(revision, timeout),
    }
}
