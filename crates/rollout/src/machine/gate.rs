//! Hooks, and gates that they keep closed.

use super::request::RequestVerb;
use super::turn::{Flow, Turn};
use super::{HookOutcome, Outcome, Question};
use std::ops::ControlFlow;
use trueup_kinds::canary::{Phase, Strategy, WebhookType};
use trueup_object::Text;

/// Whether a gate is open.
pub(super) enum Gate {
    /// It is.
    Open,
    /// A hook keeps it closed.
    Closed {
        /// The name of the hook.
        hook: Text,
        /// What the hook said.
        refusal: Text,
    },
}

impl<'a> Turn<'a> {
    /// What the hooks of a type answer: nothing where there are none.
    pub(super) fn hooks(&mut self, kind: WebhookType, phase: Phase) -> Flow<&'a [HookOutcome]> {
        let count = self.analysis().webhooks_of(kind).count();
        if count == 0 {
            return ControlFlow::Continue(&[]);
        }
        let pick = |outcome: &'a Outcome| match outcome {
            Outcome::Hooks(outcomes) if is_whole(outcomes, count, kind) => {
                Some(outcomes.as_slice())
            }
            _ => None,
        };
        self.ask(Question::Hooks { kind, phase }, pick)
    }

    /// Asks the hooks of a type, and tells of those that consent.
    pub(super) fn gate(&mut self, kind: WebhookType, phase: Phase) -> Flow<Gate> {
        for outcome in self.hooks(kind, phase)? {
            let HookOutcome { name, refusal } = outcome;
            if let Some(refusal) = refusal {
                return ControlFlow::Continue(Gate::Closed {
                    hook: name.clone(),
                    refusal: refusal.clone(),
                });
            }
            self.info(format!("{} check {name} passed", title(kind)));
        }
        ControlFlow::Continue(Gate::Open)
    }

    /// A gate that a person may open, too.
    pub(super) fn confirm(&mut self, kind: WebhookType, phase: Phase) -> Flow<Gate> {
        let is_kept = self.analysis().webhooks_of(kind).next().is_some();
        if is_kept && self.is_approved() {
            self.info(format!("{} of {} approved", title(kind), self.name()));
            if !self.comes_again(kind) {
                self.use_up_approval(kind);
            }
            return ControlFlow::Continue(Gate::Open);
        }
        self.gate(kind, phase)
    }

    /// Remembers that an approval has opened the gate of a type, if there is
    /// one: it opens no other.
    pub(super) fn use_up_approval(&mut self, kind: WebhookType) {
        let is_kept = self.analysis().webhooks_of(kind).next().is_some();
        if is_kept && self.is_asked_to(RequestVerb::Approve) {
            self.request_is_done();
        }
    }

    /// Whether the run comes to the same gate once more: blue/green asks before
    /// the canary gets all traffic, and again before it is promoted. Who
    /// consents means both.
    fn comes_again(&self, kind: WebhookType) -> bool {
        kind == WebhookType::ConfirmPromotion
            && self.strategy() == Strategy::BlueGreen
            && self.state.iterations <= self.iterations()
    }

    /// Whether nobody is told that a hook waits.
    pub(super) fn is_muted(&self, kind: WebhookType, hook: &str) -> bool {
        let mut hooks = self.analysis().webhooks_of(kind);
        hooks.any(|webhook| webhook.name == hook && webhook.mute_alert)
    }
}

/// Whether hooks were called as far as they have to be: an answer that breaks
/// off opens no gate.
fn is_whole(outcomes: &[HookOutcome], count: usize, kind: WebhookType) -> bool {
    let ends = |outcome: &HookOutcome| match kind {
        WebhookType::Rollback => outcome.refusal.is_none(),
        _ => outcome.refusal.is_some(),
    };
    outcomes.len() >= count || outcomes.last().is_some_and(ends)
}

/// How events name a type of hook.
const fn title(kind: WebhookType) -> &'static str {
    match kind {
        WebhookType::ConfirmRollout => "Confirm-rollout",
        WebhookType::PreRollout => "Pre-rollout",
        WebhookType::ConfirmTrafficIncrease => "Confirm-traffic-increase",
        WebhookType::ConfirmPromotion => "Confirm-promotion",
        WebhookType::PostRollout => "Post-rollout",
        WebhookType::Rollback => "Rollback",
        WebhookType::Rollout => "External",
        WebhookType::Event => "Event",
    }
}
