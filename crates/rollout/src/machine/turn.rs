//! A step while it is being decided.

use super::{
    Alert, AlertDetail, Command, Event, LiveRoutes, Observation, Outcome, Question, Round,
    RoutesSeen, Routing, Step, TargetRevision, TargetSeen,
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use trueup_kinds::EventType;
use trueup_kinds::canary::{
    AlertSeverity, CanaryAnalysis, CanaryStatus, KUBERNETES_PROVIDER, Phase, Strategy, TOTAL_WEIGHT,
};
use trueup_object::Text;

/// Goes on with a value, or ends the step.
pub(super) type Flow<T = ()> = ControlFlow<Wake, T>;

/// When the next step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// At once.
    Now,
    /// At a time.
    At(Timestamp),
    /// When something happens.
    OnEvent,
    /// When something happens, such as an answer; the status is left as it is.
    Silent,
}

/// How many bytes of a digest a cookie's value is made of.
const COOKIE_BYTES: usize = 8;

/// What the conditions say besides the phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// What the phase says.
    Phase,
    /// Something is waited for.
    Waiting,
    /// Nothing is done: a person said so.
    Suspended,
    /// Nothing can be done before a person changes something.
    Refused,
}

/// A step while it is being decided.
pub(super) struct Turn<'a> {
    pub(super) seen: &'a Observation,
    pub(super) now: Timestamp,
    /// The status as it is to be written.
    pub(super) state: CanaryStatus,
    /// The status as it is stored when the commands so far are done.
    pub(super) stored: CanaryStatus,
    pub(super) standing: Standing,
    /// What the conditions say in words, if that is to change.
    pub(super) detail: Option<String>,
    pub(super) commands: Vec<Command>,
    /// The routes as they are when the commands so far are done.
    routes: RoutesSeen,
}

impl<'a> Turn<'a> {
    pub(super) fn new(state: &CanaryStatus, seen: &'a Observation, now: Timestamp) -> Self {
        Self {
            seen,
            now,
            state: state.clone(),
            stored: state.clone(),
            standing: Standing::Phase,
            detail: None,
            commands: Vec::new(),
            routes: seen.routes.clone(),
        }
    }

    /// The step, with the status written if it has changed.
    pub(super) fn finish(mut self, wake: Wake) -> Step {
        if wake != Wake::Silent {
            self.write();
        }
        Step {
            wake_at: match wake {
                Wake::Now => Some(self.now),
                Wake::At(time) => Some(time),
                Wake::OnEvent | Wake::Silent => None,
            },
            state: self.stored,
            commands: self.commands,
        }
    }

    pub(super) fn analysis(&self) -> &'a CanaryAnalysis {
        &self.seen.spec.analysis
    }

    /// `NAME.NAMESPACE` of the `Canary`.
    pub(super) fn name(&self) -> String {
        let metadata = &self.seen.metadata;
        format!("{}.{}", metadata.name, metadata.namespace)
    }

    /// `NAME.NAMESPACE` of the target.
    pub(super) fn target_name(&self) -> String {
        let namespace = &self.seen.metadata.namespace;
        format!("{}.{namespace}", self.seen.spec.target_ref.name)
    }

    /// The target, if it is there.
    pub(super) fn target(&self) -> Option<&'a TargetRevision> {
        match &self.seen.target {
            TargetSeen::Found(target) => Some(target),
            TargetSeen::Missing(_) => None,
        }
    }

    pub(super) fn has_autoscaler(&self) -> bool {
        self.seen.spec.autoscaler_ref.is_some()
    }

    pub(super) fn is_kubernetes(&self) -> bool {
        let default = &self.seen.settings.default_provider;
        self.seen.spec.provider_or(default) == KUBERNETES_PROVIDER
    }

    /// The way in which traffic is shifted: Services alone can only switch.
    pub(super) fn strategy(&self) -> Strategy {
        if self.is_kubernetes() {
            Strategy::BlueGreen
        } else {
            self.seen.spec.strategy()
        }
    }

    /// The routes' weights, if they are in force.
    pub(super) fn live_routes(&self) -> Option<LiveRoutes> {
        match self.routes {
            RoutesSeen::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The canary's weight that was set last.
    pub(super) fn routed_weight(&self) -> i64 {
        self.state.routed_weight.unwrap_or_default()
    }

    /// When the next step of the run is due; `None` for at once.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let least = self.seen.settings.least_interval;
        let interval = self.analysis().interval_or_default(least);
        let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
        let last = self.state.last_step_time?;
        Some(last.saturating_add(interval).unwrap_or(Timestamp::MAX))
    }

    /// Ends the step unless the next step of the run is due.
    pub(super) fn pace(&self) -> Flow {
        match self.due() {
            Some(due) if due > self.now => ControlFlow::Break(Wake::At(due)),
            _ => ControlFlow::Continue(()),
        }
    }

    /// Ends the step; the run has taken one, and the next is due after an
    /// interval.
    pub(super) fn step_taken(&mut self) -> Flow {
        self.state.last_step_time = Some(self.now);
        ControlFlow::Break(self.due().map_or(Wake::Now, Wake::At))
    }

    pub(super) fn info(&mut self, message: String) {
        self.event(EventType::Normal, message, self.state.phase);
    }

    pub(super) fn warn(&mut self, message: String) {
        self.event(EventType::Warning, message, self.state.phase);
    }

    /// Tells that all traffic goes to the canary because only the canary answers.
    pub(super) fn warn_of_lost_primary(&mut self) {
        self.warn(format!(
            "Primary of {} has no ready endpoints, routing all traffic to canary",
            self.name()
        ));
    }

    /// An event of another phase than the present.
    pub(super) fn event(&mut self, kind: EventType, message: String, phase: Phase) {
        self.commands.push(Command::Event(Event {
            kind,
            message: message.into(),
            phase,
        }));
    }

    pub(super) fn alert(&mut self, severity: AlertSeverity, message: String, detail: AlertDetail) {
        self.commands.push(Command::Alert(Alert {
            severity,
            message: message.into(),
            phase: self.state.phase,
            detail,
        }));
    }

    /// What the conditions say in words from now on.
    pub(super) fn say(&mut self, detail: impl Into<String>) {
        self.detail = Some(detail.into());
    }

    /// Sets the routes, unless they say so already, and what the status
    /// remembers of them.
    pub(super) fn set_routing(&mut self, canary_weight: i64, mirrored: bool) {
        let wanted = LiveRoutes {
            canary_weight,
            mirrored: Some(mirrored),
        };
        let fits = match self.routes {
            RoutesSeen::None => return,
            RoutesSeen::Live(live) => say_the_same(live, wanted),
            RoutesSeen::Missing | RoutesSeen::Unusable(_) => false,
        };
        if !fits {
            let cookie_value = self.cookie_value();
            self.commands.push(Command::SetRouting(Routing {
                canary_weight,
                mirrored,
                cookie_value,
            }));
            self.expect_routes(wanted);
        }
        self.state.routed_weight = Some(canary_weight);
        self.state.mirrored = mirrored;
        self.keep_cookies(canary_weight);
    }

    /// Routes that are not in force do not get so by being written.
    fn expect_routes(&mut self, set: LiveRoutes) {
        self.routes = match &self.routes {
            RoutesSeen::Live(live) => RoutesSeen::Live(LiveRoutes {
                mirrored: live.mirrored.and(set.mirrored),
                ..set
            }),
            RoutesSeen::Missing => RoutesSeen::Live(set),
            other => other.clone(),
        };
    }

    /// Whether nobody is sent where nobody answers.
    pub(super) fn can_route(&self, canary_weight: i64) -> bool {
        let needs_canary = canary_weight > 0;
        let needs_primary = canary_weight < TOTAL_WEIGHT || self.strategy() == Strategy::AbTesting;
        (!needs_canary || self.seen.canary.can_serve())
            && (!needs_primary || self.seen.primary.can_serve())
    }

    /// The same all run long, so that a controller that takes over sets the
    /// same cookies.
    fn cookie_value(&self) -> Text {
        let run = format!(
            "{} {} {:?}",
            self.seen.metadata.uid, self.state.last_applied_spec, self.state.run_started_time
        );
        let digest = Sha256::digest(run);
        let bytes = digest.iter().take(COOKIE_BYTES);
        let digits: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        digits.into()
    }

    /// A run has a cookie from its first traffic on; after the last it is the
    /// one that clients are to forget.
    fn keep_cookies(&mut self, canary_weight: i64) {
        let Some(affinity) = &self.seen.spec.analysis.session_affinity else {
            return;
        };
        if canary_weight == 0 {
            let over = std::mem::take(&mut self.state.session_affinity_cookie);
            if !over.is_empty() {
                self.state.previous_session_affinity_cookie = over;
            }
            return;
        }
        let value = self.cookie_value();
        let state = &mut self.state;
        for (cookie, name) in [
            (&mut state.session_affinity_cookie, &affinity.cookie_name),
            (
                &mut state.primary_session_affinity_cookie,
                &affinity.primary_cookie_name,
            ),
        ] {
            if cookie.is_empty() && !name.is_empty() {
                *cookie = format!("{name}={value}").into();
            }
        }
    }

    /// The answer to a question. Without one it is asked, and the step ends.
    /// With one, what was to be done before the question has been done.
    pub(super) fn ask<T>(
        &mut self,
        question: Question,
        pick: impl Fn(&'a Outcome) -> Option<T>,
    ) -> Flow<T> {
        let round = Round::of(&self.stored);
        let answers = self.seen.answers.iter();
        let mut given = answers
            .filter(|answer| answer.question == question && answer.round == round)
            .filter_map(|answer| pick(&answer.outcome));
        if let Some(outcome) = given.next() {
            self.commands.clear();
            self.routes = self.seen.routes.clone();
            return ControlFlow::Continue(outcome);
        }
        self.commands.push(Command::Ask { question, round });
        ControlFlow::Break(Wake::Silent)
    }
}

/// Whether routes say what is wanted, as far as they can tell.
pub(super) fn say_the_same(live: LiveRoutes, wanted: LiveRoutes) -> bool {
    let mirrors = live.mirrored.is_none() || live.mirrored == wanted.mirrored;
    live.canary_weight == wanted.canary_weight && mirrors
}
