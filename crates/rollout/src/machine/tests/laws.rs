//! What must hold in every history, whatever gets lost in it.

mod rest;
mod routing;
mod status;
mod work;

use super::random::Random;
use super::shell::{Fate, Overseer};
use super::world::World;
use crate::machine::{
    Command, Outcome, Question, Readiness, Request, RequestVerb, TargetChange, TargetSeen, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use trueup_kinds::canary::{CanaryStatus, Phase, Strategy, WebhookType};
use trueup_kinds::names::CANARY_APPROVED;

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
    /// What the canary had before it got everything because the primary was
    /// lost.
    left: Option<Left>,
    /// In which run the live weight was set.
    run: Option<Timestamp>,
    /// When the primary was seen last that was ready and had endpoints.
    whole_at: Option<Timestamp>,
    /// When it was seen last otherwise.
    lost_at: Option<Timestamp>,
    /// When the promotion began.
    promoting_since: Option<Timestamp>,
    /// Whether a person has asked for something that overrides the checks.
    pub(super) is_asked: bool,
    pub(super) history: Vec<String>,
}

/// A weight that the canary has lost to all traffic.
#[derive(Clone, Copy)]
struct Left {
    weight: i64,
    /// In which run it was set.
    run: Option<Timestamp>,
    /// When it was left.
    at: Timestamp,
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
            left: None,
            run: None,
            whole_at: None,
            lost_at: None,
            promoting_since: None,
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
        // Nobody who was killed before could remember what was set.
        self.raised = None;
    }

    fn look_at_primary(&mut self, world: &World) {
        let is_whole = world.is_primary_ready() && world.primary_serves();
        let seen = if is_whole {
            &mut self.whole_at
        } else {
            &mut self.lost_at
        };
        *seen = Some(world.now);
    }

    /// Whether the primary is not waited for any longer.
    fn is_given_up(&self, world: &World) -> bool {
        let seen = world.primary.as_ref().map(|it| it.seen(world.now));
        let deadline = world.spec.progress_deadline_or_default();
        let deadline = SignedDuration::try_from(deadline).expect("a deadline");
        let is_late = self.whole_at.is_none_or(|at| world.now >= at + deadline);
        seen.is_none_or(|it| matches!(it.readiness, Readiness::Failed(_))) || is_late
    }

    /// Whether the primary was ready for as long as it must be to be trusted.
    fn is_calm(&self, world: &World) -> bool {
        let calm = SignedDuration::try_from(LEAST_INTERVAL).expect("an interval");
        self.lost_at.is_none_or(|at| world.now >= at + calm)
    }

    fn check_failed(&self, world: &World, law: &str) {
        let template = world.target.as_ref().map(|target| &target.template);
        let has_failed = self.failed.is_some() && self.failed.as_ref() == template;
        self.check(!has_failed || self.is_asked, law);
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
const LEAST_INTERVAL: Duration = Duration::from_secs(10);

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

fn is_promotion(phase: Phase) -> bool {
    matches!(phase, Phase::Promoting | Phase::Finalising)
}

fn is_run(phase: Phase) -> bool {
    matches!(phase, Phase::Progressing | Phase::WaitingPromotion)
}

fn is_rest(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Initialized | Phase::Succeeded | Phase::Failed | Phase::Waiting
    )
}

impl Overseer for Watchman {
    fn fate(&mut self, _: &Command) -> Fate {
        if !self.random.chance(self.trouble_percent) {
            return Fate::Done;
        }
        *self.random.pick(&[
            Fate::Fails,
            Fate::AnswerLost,
            Fate::Killed,
            Fate::Down,
            Fate::Twice,
        ])
    }

    fn done(&mut self, world: &World, command: &Command) {
        self.note(world, command);
        self.look_at_primary(world);
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

    fn rests(&mut self, world: &World) {
        self.look_at_primary(world);
        self.check_rest(world);
    }

    fn restless(&self, _: &World) {
        self.check(false, "the machine does not come to rest");
    }
}
