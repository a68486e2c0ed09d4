//! What probes have said of one run of a container.

use super::spec::Probe;
use jiff::{SignedDuration, Timestamp};

/// The three probes of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProbeKind {
    /// Has it started yet? Until then there are no others.
    Startup,
    /// May it get traffic?
    Readiness,
    /// Must it be restarted?
    Liveness,
}

impl ProbeKind {
    pub(crate) const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];

    /// As Events name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }

    /// Its field in a container.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Startup => "startupProbe",
            Self::Readiness => "readinessProbe",
            Self::Liveness => "livenessProbe",
        }
    }
}

/// What one probing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should be.
    Passed,
    /// Not so; why.
    Failed(String),
}

/// The first pause of a readiness probe until it passes for the first time;
/// it doubles up to the probe's period.
const EAGER_PAUSE: SignedDuration = SignedDuration::from_millis(100);

/// One probe during one run of its container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeState {
    /// When it is due; `None` before it begins.
    due: Option<Timestamp>,
    /// Whether it is asked right now.
    asked: bool,
    /// What was said last, and how many times in a row.
    last: Option<(bool, u32)>,
    /// What stands by the thresholds; `None` before either is reached.
    verdict: Option<bool>,
    /// Times it was asked.
    count: u32,
}

impl ProbeState {
    /// Begins, no earlier than `at`.
    pub(crate) fn begin(&mut self, at: Timestamp) {
        if self.due.is_none() && self.count == 0 {
            self.due = Some(at);
        }
    }

    /// What stands by the thresholds.
    pub(crate) fn verdict(&self) -> Option<bool> {
        self.verdict
    }

    /// When to ask next, unless it is asked right now.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due.filter(|_| !self.asked)
    }

    /// Notes that it is asked now.
    pub(crate) fn ask(&mut self) {
        self.asked = true;
    }

    /// Takes in an answer. Tells whether a failure is worth an Event: the
    /// eager questions to a container that is still starting are not.
    pub(crate) fn answer(
        &mut self,
        probe: &Probe,
        kind: ProbeKind,
        passed: bool,
        now: Timestamp,
    ) -> bool {
        self.asked = false;
        let Some(due) = self.due else {
            return false;
        };
        self.count = self.count.saturating_add(1);
        let in_a_row = match self.last {
            Some((last, times)) if last == passed => times.saturating_add(1),
            _ => 1,
        };
        self.last = Some((passed, in_a_row));
        let threshold = if passed {
            probe.success_threshold
        } else {
            probe.failure_threshold
        };
        if in_a_row >= threshold {
            self.verdict = Some(passed);
        }
        let eager = kind == ProbeKind::Readiness && self.verdict != Some(true);
        let pause = if eager {
            self.eager_pause(probe.period)
        } else {
            probe.period
        };
        let next = due.checked_add(pause).unwrap_or(Timestamp::MAX);
        self.due = Some(next.max(now));
        !passed && (!eager || pause == probe.period)
    }

    fn eager_pause(&self, period: SignedDuration) -> SignedDuration {
        let doublings = (self.count - 1).min(20);
        EAGER_PAUSE.saturating_mul(1 << doublings).min(period)
    }
}
