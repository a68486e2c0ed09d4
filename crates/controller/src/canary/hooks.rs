//! Calling hooks.

use super::query::Inquirer;
use std::time::Duration;
use trueup_kinds::canary::{CanaryWebhook, Phase, WebhookType};
use trueup_kinds::outgoing::{OutgoingRequest, ReceivedAnswer};
use trueup_rollout::machine::HookOutcome;
use trueup_rollout::webhooks::{
    self, Attempt, hook_payload, hook_request, judge_hook, retry_after_ms,
};
use trueup_source::{SendRequest, Unanswered};

/// Calls the hooks of a type one after the other, up to the first that
/// decides.
pub(super) async fn call_all(
    inquirer: &Inquirer,
    kind: WebhookType,
    phase: Phase,
) -> Vec<HookOutcome> {
    let hooks = inquirer.canary.spec.analysis.webhooks_of(kind);
    let hooks: Vec<CanaryWebhook> = hooks.cloned().collect();
    let mut outcomes = Vec::new();
    for hook in hooks {
        let refusal = call(inquirer, &hook, phase).await;
        let decides = match kind {
            WebhookType::Rollback => refusal.is_none(),
            _ => refusal.is_some(),
        };
        outcomes.push(HookOutcome {
            name: hook.name,
            refusal: refusal.map(Into::into),
        });
        if decides {
            break;
        }
    }
    outcomes
}

/// Why a hook does not consent; `None` if it does.
async fn call(inquirer: &Inquirer, hook: &CanaryWebhook, phase: Phase) -> Option<String> {
    let payload = hook_payload(&inquirer.canary, hook, phase);
    let request = match hook_request(hook, &payload) {
        Ok(request) => request,
        Err(error) => return Some(error.to_string()),
    };
    let sender = &*inquirer.context.canaries.options.sender;
    match send_with_retries(sender, &request, hook.retries).await {
        webhooks::HookOutcome::Passed => None,
        webhooks::HookOutcome::Failed { reason } => Some(reason),
    }
}

/// Sends a request until it is answered, or was tried often enough.
pub(super) async fn send_with_retries(
    sender: &dyn SendRequest,
    request: &OutgoingRequest,
    retries: i64,
) -> webhooks::HookOutcome {
    let mut retries_done = 0;
    loop {
        let answer = sender.send(request.clone()).await;
        let attempt = attempt(&answer);
        match retry_after_ms(attempt, retries_done, retries) {
            None => return judge_hook(attempt),
            Some(wait_ms) => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
        }
        retries_done += 1;
    }
}

fn attempt(answer: &Result<ReceivedAnswer, Unanswered>) -> Attempt<'_> {
    match answer {
        Ok(answer) => Attempt::Answered(answer),
        Err(Unanswered::Failed(words)) => Attempt::Unanswered(words),
        Err(Unanswered::Refused(words)) => Attempt::Refused(words),
    }
}
