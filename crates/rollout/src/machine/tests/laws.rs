//! What must hold in every history, whatever gets lost in it.

use super::random::Random;
use super::shell::{Fate, Overseer};
use super::workload::Workload;
use super::world::World;
use crate::machine::{
    Command, Outcome, Question, Request, RequestVerb, TargetChange, TargetSeen, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use trueup_kinds::canary::{CanaryStatus, PendingStep, Phase, Strategy, TOTAL_WEIGHT, WebhookType};
use trueup_kinds::names::CANARY_APPROVED;

/// How many iterations a run with Services alone has where none are given.
const DEFAULT_ITERATIONS: i64 = 10;

/// Lets commands get lost, and checks what must hold.
pub(super) struct Watchman {
    random: Random,
    /// Percent of commands that come to grief.
    pub(super) trouble_percent: u64,
    /// Checks that have passed since the routes were raised last.
    looks_since_raise: u32,
    /// Checks that have passed for the revision that is watched.
    pub(super) passes: u32,
    /// The revision that has failed and is still what it was.
    pub(super) failed: Option<String>,
    /// The status before the last write.
    stored: CanaryStatus,
    /// The last live weight.
    weight: i64,
    /// Whether the live weight is one that somebody has set by hand.
    is_by_hand: bool,
    /// When the weight was raised last, and in which run.
    raised: Option<(Option<Timestamp>, Timestamp)>,
    /// Whether a person has asked for something that overrides the checks.
    pub(super) is_asked: bool,
    pub(super) history: Vec<String>,
}

impl Watchman {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            trouble_percent: 8,
            looks_since_raise: 0,
            passes: 0,
            failed: None,
            stored: CanaryStatus::default(),
            weight: 0,
            is_by_hand: false,
            raised: None,
            is_asked: false,
            history: Vec::new(),
        }
    }

    pub(super) fn check(&self, holds: bool, law: &str) {
        assert!(holds, "{law}\n{}", self.history.join("\n"));
    }

    /// Somebody has set the live weight by hand.
    pub(super) fn weight_was_set(&mut self, weight: i64) {
        self.is_by_hand |= self.weight != weight;
        self.weight = weight;
    }

    fn check_routing(&mut self, world: &World, weight: i64, is_mirrored: bool) {
        let (canary, primary) = (serves(&world.target), serves(&world.primary));
        let was = world.status.routed_weight.unwrap_or_default();
        self.check(world.shifts(), "weights were set where there are none");
        self.check(
            weight <= self.weight || canary,
            "traffic was led to a canary without endpoints",
        );
        self.check(
            weight >= self.weight || primary || !canary,
            "traffic was led to a primary without endpoints",
        );
        self.check(
            weight == was || may_follow(world, was, weight),
            "weights moved otherwise than the strategy says",
        );
        self.check(
            !is_mirrored || (world.spec.analysis.mirror && weight == 0),
            "requests were mirrored that should not be",
        );
        self.check(
            weight >= self.weight || self.may_lower(world, was, weight),
            "a weight was lowered without a cause",
        );
        let is_ready = world.primary.as_ref().is_some_and(Workload::is_ready);
        let is_early = world.status.phase == Phase::Promoting && weight < self.weight && !is_ready;
        self.check(
            !is_early || self.is_by_hand || !canary || is_other_revision(world),
            "traffic went back to a primary that was not ready",
        );
        if weight > was {
            self.check_raise(world, was, weight);
        }
        self.weight = weight;
        self.is_by_hand = false;
    }

    /// What the machine has led to the canary stays there, unless there is a
    /// reason.
    fn may_lower(&self, world: &World, was: i64, weight: i64) -> bool {
        let status = &world.status;
        let is_run = matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion);
        // A primary that was lost has come back.
        let is_back = self.weight == TOTAL_WEIGHT && weight == was;
        self.is_by_hand
            || is_back
            || !is_run
            || matches!(
                status.pending_step,
                Some(PendingStep::RollBack | PendingStep::AwaitPrimary)
            )
            || world.spec.skip_analysis
            || !serves(&world.target)
            || is_other_revision(world)
    }

    fn check_raise(&mut self, world: &World, was: i64, weight: i64) {
        let status = &world.status;
        let is_run = matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion);
        // Nobody asks where there is nobody else to serve.
        if is_run && serves(&world.primary) {
            self.check_step(world, was);
        }
        self.check(
            serves(&world.primary) || weight == TOTAL_WEIGHT,
            "a step was taken beside a primary without endpoints",
        );
        self.looks_since_raise = 0;
        self.check_failed(world, "a revision that has failed got traffic again");
        self.check(
            world.spec.autoscaler_ref.is_none() || world.is_held,
            "a primary that loses traffic may lose its replicas, too",
        );
    }

    fn check_step(&mut self, world: &World, was: i64) {
        let status = &world.status;
        let run = status.run_started_time;
        let interval = world.spec.analysis.interval_or_default(LEAST_INTERVAL);
        let interval = SignedDuration::try_from(interval).expect("an interval");
        let is_early = self
            .raised
            .is_some_and(|(same, at)| same == run && world.now < at + interval);
        self.check(!is_early, "a weight was raised before its time");
        self.raised = Some((run, world.now));
        self.check(
            was == 0 || !is_watched(world) || self.looks_since_raise > 0,
            "a weight was raised without a look",
        );
        let is_first = was == 0 && status.iterations == 0 && !status.mirrored;
        let kind = if is_first {
            WebhookType::PreRollout
        } else {
            WebhookType::Rollout
        };
        self.check(consent(world, kind), "a weight was raised against a hook");
        self.check(
            !says_roll_back(world),
            "a weight was raised although a hook wants none",
        );
        let has_gate = world.spec.strategy() == Strategy::Canary && world.shifts();
        let is_gated = has_gate && status.phase == Phase::Progressing && !status.mirrored;
        self.check(
            !is_gated
                || consent(world, WebhookType::ConfirmTrafficIncrease)
                || is_approved(world, status),
            "a weight was raised through a closed gate",
        );
    }

    fn check_failed(&self, world: &World, law: &str) {
        let template = world.target.as_ref().map(|target| &target.template);
        let has_failed = self.failed.is_some() && self.failed.as_ref() == template;
        self.check(!has_failed || self.is_asked, law);
    }

    fn check_status(&mut self, world: &World) {
        let (old, new) = (std::mem::take(&mut self.stored), &world.status);
        self.check(
            old.phase == new.phase || may_become(old.phase, new.phase),
            "a phase followed another that can't",
        );
        let tells_weight = old.routed_weight != new.routed_weight && world.routes.is_some();
        self.check(
            !tells_weight || self.is_by_hand || new.routed_weight == Some(world.live_weight()),
            "the status tells of weights that the routes don't have",
        );
        if new.routed_weight == Some(world.live_weight()) {
            self.is_by_hand = false;
        }
        self.check(
            new.iterations <= old.iterations + 1 || !serves(&world.primary),
            "iterations were left out",
        );
        self.check_promoted(world);
        let is_back = old.phase == Phase::Waiting && new.phase == Phase::Succeeded;
        self.check(
            !is_back
                || (new.last_applied_spec == new.last_promoted_spec
                    && old.routed_weight == Some(0)),
            "a revision that has failed has succeeded",
        );
        if begins(&old, new) {
            self.check_start(world, &old);
        }
        if new.pending_step == Some(PendingStep::Promote) && old.pending_step != new.pending_step {
            self.check_decision(world, &old);
        }
        self.keep(world, &old);
        self.stored = world.status.clone();
    }

    /// The status says truly what the primary is a copy of, or nothing.
    fn check_promoted(&self, world: &World) {
        let status = &world.status;
        let is_over = matches!(
            status.phase,
            Phase::Initialized | Phase::Succeeded | Phase::Failed
        );
        let primary = world.primary.as_ref().map(|it| it.template.as_str());
        let promoted = status.last_promoted_spec.as_str();
        let is_known = status.phase != Phase::Failed || !promoted.is_empty();
        self.check(
            !is_over || !is_known || primary == Some(promoted),
            "the primary is not what was promoted",
        );
    }

    fn check_start(&self, world: &World, old: &CanaryStatus) {
        self.check_failed(world, "a revision that has failed is watched again");
        self.check(
            consent(world, WebhookType::ConfirmRollout) || is_approved(world, old),
            "a run began behind a closed gate",
        );
    }

    /// A run has succeeded when it has taken all of its steps.
    fn check_decision(&self, world: &World, old: &CanaryStatus) {
        let analysis = &world.spec.analysis;
        let all = match analysis.iterations {
            given if given > 0 => given,
            _ => DEFAULT_ITERATIONS,
        };
        let weight = old.routed_weight.unwrap_or_default();
        let is_whole = match strategy(world) {
            Strategy::Canary => weight >= analysis.max_weight_or_default(),
            Strategy::AbTesting => old.iterations >= all,
            Strategy::BlueGreen => old.iterations > all,
        };
        let is_free = self.is_asked || world.spec.skip_analysis || old.phase.is_initial();
        self.check(is_free || is_whole, "a run ended before its last step");
        self.check(
            is_free || consent(world, WebhookType::ConfirmPromotion) || is_approved(world, old),
            "a revision was promoted through a closed gate",
        );
    }

    fn keep(&mut self, world: &World, old: &CanaryStatus) {
        let status = &world.status;
        let has_failed = status.phase == Phase::Failed && old.phase != Phase::Failed;
        // A configuration that has changed meanwhile makes another revision.
        let is_same = status.tracked_configs.as_ref() == Some(&world.configs);
        if has_failed && old.phase != Phase::Waiting && is_same {
            self.failed = Some(status.last_applied_spec.to_string());
        }
        let request = Request::of(&world.metadata).map(|it| it.text);
        let is_open = request.is_some_and(|it| it != status.last_handled_request);
        if is_rest(status.phase) && status.phase != Phase::Waiting && !is_open {
            self.is_asked = false;
        }
        if status.phase == Phase::Progressing && status.run_started_time == Some(world.now) {
            self.passes = 0;
        }
    }

    fn check_copy(&self, world: &World) {
        let status = &world.status;
        self.check_failed(world, "a revision that has failed was promoted");
        if status.phase.is_initial() {
            return;
        }
        self.check(
            !is_watched(world) || self.passes > 0 || self.is_asked,
            "a revision was promoted that nobody has watched",
        );
        let is_decided = status.pending_step == Some(PendingStep::Promote);
        self.check(is_decided, "a promotion was begun that nobody knows of");
    }

    fn check_scale_down(&self, world: &World) {
        self.check(
            world.live_weight() == 0,
            "Pods were taken away that have traffic",
        );
        let phase = world.status.phase;
        let is_handover =
            phase.is_initial() || matches!(phase, Phase::Promoting | Phase::Finalising);
        self.check(
            !is_handover || world.primary.as_ref().is_some_and(Workload::is_ready),
            "Pods were taken away before the primary was ready",
        );
        self.check(
            !phase.is_initial() || world.apex_leads_to_primary,
            "Pods were taken away that the apex Service leads to",
        );
    }

    /// Whoever stands still changes nothing.
    fn check_suspension(&self, world: &World, command: &Command) {
        let is_quiet = match command {
            Command::Event(_) | Command::AddFinalizer | Command::RemoveFinalizer => true,
            Command::WriteStatus(status) => {
                status.phase == self.stored.phase
                    && status.routed_weight == self.stored.routed_weight
            }
            _ => false,
        };
        let stands = world.spec.suspend && !world.metadata.is_deleting();
        self.check(!stands || is_quiet, "something was done while suspended");
    }

    /// Where the machine finds nothing to do everything is as it should be.
    fn check_rest(&self, world: &World) {
        let status = &world.status;
        if world.spec.suspend || world.metadata.is_deleting() || status.phase.is_initial() {
            return;
        }
        let (canary, primary) = (serves(&world.target), serves(&world.primary));
        self.check(
            world.live_weight() == 0 || canary || !primary || !world.are_routes_in_force,
            "a canary without endpoints keeps its traffic",
        );
        let routed = status.routed_weight.unwrap_or_default();
        let can_be_set = world.shifts() && world.are_routes_in_force && canary && primary;
        self.check(
            !can_be_set || routed == world.live_weight(),
            "routes are left that say something else than was set",
        );
        self.check(
            world.apex_leads_to_primary && world.services,
            "Services are missing",
        );
        if status.phase.is_under_way() {
            let limit = world.spec.analysis.threshold_or_default();
            let is_decided = status.pending_step.is_some()
                || status.phase == Phase::Promoting
                || status.phase == Phase::Finalising;
            self.check(
                is_decided || status.failed_checks < limit || world.target.is_none(),
                "a run goes on that has failed",
            );
            return;
        }
        let is_promotion = status.last_applied_spec == status.last_promoted_spec;
        let can_take =
            world.primary.as_ref().is_some_and(Workload::is_ready) && world.are_routes_in_force;
        self.check(
            status.phase != Phase::Failed || is_promotion || routed == 0 || !can_take,
            "a revision that has failed keeps its traffic",
        );
        // A run that has begun waits for its routes with the primary held.
        self.check(
            !world.is_held || status.pending_step == Some(PendingStep::ScaleUp),
            "a primary is held that has its traffic",
        );
        let replicas = world.target.as_ref().map_or(0, |target| target.replicas);
        self.check(
            replicas == 0 || routed > 0 || is_other_revision(world),
            "Pods are left that have no traffic",
        );
    }

    /// What must be so when all is over.
    pub(super) fn check_end(&self, world: &World) {
        if world.metadata.is_deleting() {
            return self.check_deletion(world);
        }
        let phase = world.status.phase;
        let templates = [&world.target, &world.primary].into_iter().flatten();
        let mut templates = templates.map(|workload| &workload.template);
        let is_hopeless = templates.any(|template| world.broken.contains(template));
        let is_over = matches!(phase, Phase::Initialized | Phase::Succeeded | Phase::Failed);
        self.check(
            is_over || (phase.is_initial() && is_hopeless),
            "a run has no end",
        );
        self.check(
            phase.is_initial() || world.status.pending_step.is_none(),
            "something is left undone",
        );
        if phase == Phase::Succeeded || phase == Phase::Initialized {
            self.check(world.live_weight() == 0, "a run is over and has traffic");
        }
    }

    fn check_deletion(&self, world: &World) {
        let target = world.target.as_ref().expect("it comes back");
        let is_hopeless = world.broken.contains(&target.template);
        self.check(world.is_gone || is_hopeless, "a deletion has no end");
        let is_served = target.serving.is_some() && !world.apex_leads_to_primary;
        self.check(
            !world.is_gone || is_served,
            "a Canary has gone, and nobody serves",
        );
    }

    fn note(&mut self, world: &World, command: &Command) {
        let shown = match command {
            Command::WriteStatus(status) => format!(
                "write {} weight {} routed {:?} iterations {} failed {} pending {:?} applied {} promoted {}",
                status.phase,
                status.canary_weight,
                status.routed_weight,
                status.iterations,
                status.failed_checks,
                status.pending_step,
                status.last_applied_spec,
                status.last_promoted_spec,
            ),
            other => format!("{other:?}"),
        };
        self.history
            .push(format!("{:>5}s {shown}", world.seconds()));
    }
}

/// The shortest interval in these worlds.
const LEAST_INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);

fn serves(workload: &Option<Workload>) -> bool {
    workload.as_ref().is_some_and(|it| it.serving.is_some())
}

fn is_watched(world: &World) -> bool {
    !world.spec.analysis.metrics.is_empty() && !world.spec.skip_analysis
}

fn strategy(world: &World) -> Strategy {
    if world.shifts() {
        world.spec.strategy()
    } else {
        Strategy::BlueGreen
    }
}

/// Whether the target, or a configuration, is other than what was looked at
/// last.
fn is_other_revision(world: &World) -> bool {
    match world.target_seen() {
        TargetSeen::Missing(_) => true,
        TargetSeen::Found(target) => {
            target.change != TargetChange::Same
                || world.status.tracked_configs.as_ref() != Some(&world.configs)
        }
    }
}

/// Whether all hooks of a type consent.
fn consent(world: &World, kind: WebhookType) -> bool {
    let mut hooks = world.spec.analysis.webhooks_of(kind);
    hooks.all(|hook| !world.refusing.contains(hook.name.as_str()))
}

fn says_roll_back(world: &World) -> bool {
    let mut hooks = world.spec.analysis.webhooks_of(WebhookType::Rollback);
    hooks.any(|hook| !world.refusing.contains(hook.name.as_str()))
}

/// Whether a person has approved, and the status does not say that this was
/// used.
fn is_approved(world: &World, status: &CanaryStatus) -> bool {
    let approved = world.metadata.annotations.get(CANARY_APPROVED);
    let template = world.target.as_ref().map(|it| it.template.as_str());
    let request = Request::of(&world.metadata);
    let is_open = request.is_some_and(|it| {
        it.verb == Some(RequestVerb::Approve) && it.text != status.last_handled_request
    });
    is_open || approved.is_some_and(|it| Some(it.as_str()) == template)
}

/// Whether a run is decided on by this write: what is done about it comes in
/// later ones, when the consent may have been used up.
fn begins(old: &CanaryStatus, new: &CanaryStatus) -> bool {
    let was_decided = old.pending_step == Some(PendingStep::ScaleUp);
    let is_decided = new.pending_step == Some(PendingStep::ScaleUp);
    let is_under_way = new.phase == Phase::Progressing && is_rest(old.phase);
    !was_decided && (is_decided || is_under_way)
}

fn is_rest(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
    )
}

fn may_become(old: Phase, new: Phase) -> bool {
    let by_strategy = match old {
        Phase::Unset => new == Phase::Initializing,
        Phase::Initializing => new == Phase::Initialized,
        Phase::Initialized | Phase::Succeeded | Phase::Failed => {
            matches!(new, Phase::Waiting | Phase::Progressing)
        }
        Phase::Waiting => matches!(new, Phase::Progressing | Phase::Succeeded | Phase::Failed),
        Phase::Progressing => matches!(
            new,
            Phase::WaitingPromotion | Phase::Promoting | Phase::Succeeded | Phase::Failed
        ),
        Phase::WaitingPromotion => {
            matches!(new, Phase::Progressing | Phase::Promoting | Phase::Failed)
        }
        Phase::Promoting => matches!(new, Phase::Finalising | Phase::Failed),
        Phase::Finalising => matches!(new, Phase::Succeeded | Phase::Failed),
        Phase::Terminating | Phase::Terminated => false,
    };
    by_strategy || new == Phase::Terminating
}

fn may_follow(world: &World, was: i64, weight: i64) -> bool {
    let (status, analysis) = (&world.status, &world.spec.analysis);
    let is_run = matches!(status.phase, Phase::Progressing | Phase::WaitingPromotion);
    let back = (was - analysis.step_weight_promotion).max(0);
    let by_strategy = match world.spec.strategy() {
        Strategy::Canary => is_run && weight == analysis.next_weight(was),
        Strategy::AbTesting | Strategy::BlueGreen => is_run && weight == TOTAL_WEIGHT,
    };
    let is_promoting = matches!(status.phase, Phase::Promoting | Phase::Finalising);
    weight == 0
        || by_strategy
        || (status.phase == Phase::Promoting && weight == back)
        // The primary is lost, or will not get ready.
        || (weight == TOTAL_WEIGHT && (is_promoting || !serves(&world.primary)))
}

impl Overseer for Watchman {
    fn fate(&mut self, _: &Command) -> Fate {
        if !self.random.chance(self.trouble_percent) {
            return Fate::Done;
        }
        *self
            .random
            .pick(&[Fate::Fails, Fate::AnswerLost, Fate::Killed, Fate::Twice])
    }

    fn done(&mut self, world: &World, command: &Command) {
        self.note(world, command);
        self.check_suspension(world, command);
        match command {
            Command::SetRouting(routing) => {
                self.check_routing(world, routing.canary_weight, routing.mirrored);
            }
            Command::WriteStatus(_) => self.check_status(world),
            Command::CopyToPrimary { .. } => self.check_copy(world),
            Command::ScaleToZero => self.check_scale_down(world),
            Command::Ask {
                question: Question::Checks,
                ..
            } => {
                let answer = world.answers.last().map(|answer| &answer.outcome);
                if let Some(Outcome::Checks {
                    verdict: Verdict::Passed,
                    ..
                }) = answer
                {
                    self.looks_since_raise += 1;
                    self.passes += 1;
                }
            }
            _ => {}
        }
    }

    fn rests(&self, world: &World) {
        self.check_rest(world);
    }

    fn restless(&self, _: &World) {
        self.check(false, "the machine does not come to rest");
    }
}
