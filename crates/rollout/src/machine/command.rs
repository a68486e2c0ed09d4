//! What the shell is asked to do.

use super::{Question, Round};
use trueup_kinds::EventType;
use trueup_kinds::canary::{AlertSeverity, CanaryStatus, Phase, Strategy, TOTAL_WEIGHT};
use trueup_object::Text;

/// One thing to do. Commands are executed in their order; where one fails the
/// rest is left, and another step is asked for. Every one may be executed
/// twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Makes generated objects as they should be.
    Ensure(Part),
    /// Sets what the routes say. Where they are missing they are made so.
    SetRouting(Routing),
    /// Keeps the target's autoscaler from scaling it.
    PauseTargetScaler,
    /// Lets the target's autoscaler scale it.
    ResumeTargetScaler,
    /// Keeps the primary's autoscaler from taking replicas of it while a run
    /// takes its traffic.
    HoldPrimaryScaler,
    /// Ends that.
    ReleasePrimaryScaler,
    /// Gives the target no replicas. A target that is gone has none.
    ScaleToZero,
    /// Gives the target replicas, if it has none.
    ScaleFromZero,
    /// Makes the primary a copy of the target, its configs too, and its
    /// autoscaler a copy of the target's. Refused if the target is no longer
    /// of this revision; nothing is written where it is one already.
    CopyToPrimary {
        /// The revision that was decided upon.
        revision: Text,
    },
    /// Asks hooks or metrics. The answer goes into the next [`Observation`],
    /// with the round.
    ///
    /// [`Observation`]: super::Observation
    Ask {
        /// What to ask.
        question: Question,
        /// What the answer belongs to.
        round: Round,
    },
    /// Tells an event.
    Event(Event),
    /// Tells an alert.
    Alert(Alert),
    /// Counts the end of a run.
    Count(RunResult),
    /// Writes the status.
    WriteStatus(Box<CanaryStatus>),
    /// Puts Flagger's finalizer on the `Canary`.
    AddFinalizer,
    /// Takes it off.
    RemoveFinalizer,
    /// Gives the target as many replicas as the primary has.
    RestoreTarget,
    /// Makes the apex Service what it was.
    RestoreServices,
    /// Makes the routes what they were.
    RestoreRoutes,
}

/// Generated objects that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The Services of primary and canary.
    Services,
    /// The primary with its configs; made once, then left.
    Primary,
    /// The primary's autoscaler; made once, then left.
    PrimaryScaler,
    /// The apex Service, leading to the primary.
    Apex,
    /// The routes; their weights stay, and are all the primary's where there
    /// are none.
    Routes,
}

/// What the routes are to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The canary's weight.
    pub canary_weight: i64,
    /// Whether the canary gets copies of requests.
    pub mirrored: bool,
    /// Value for cookies that have to be made: the same one all run long.
    pub cookie_value: Text,
}

impl Routing {
    /// The primary's weight.
    #[must_use]
    pub const fn primary_weight(&self) -> i64 {
        TOTAL_WEIGHT - self.canary_weight
    }
}

/// An event of the `Canary`, in Flagger's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether something is wrong.
    pub kind: EventType,
    /// What happened.
    pub message: Text,
    /// The phase in the payload of event hooks.
    pub phase: Phase,
}

/// An alert, in Flagger's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How much it matters.
    pub severity: AlertSeverity,
    /// What happened.
    pub message: Text,
    /// The phase at that time.
    pub phase: Phase,
    /// What is told along.
    pub detail: AlertDetail,
}

/// What is told along with an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertDetail {
    /// Nothing.
    None,
    /// The target, the thresholds and the way in which traffic is shifted.
    Settings,
}

/// How a run ended, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunResult {
    /// [`Phase::Succeeded`] or [`Phase::Failed`].
    pub phase: Phase,
    /// The way in which traffic was shifted.
    pub strategy: Strategy,
    /// Whether it was watched.
    pub analysis: AnalysisDone,
}

/// Whether a run was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnalysisDone {
    /// It was.
    Completed,
    /// `skipAnalysis` was set.
    Skipped,
}
