//! Hooks: what is sent, and what an answer means; and the other side of them,
//! the requests that a load tester understands.

mod answer;
mod checksum;
mod incoming;
mod payload;

pub mod loadtest;

#[cfg(test)]
mod tests;

pub use answer::{
    Attempt, HookOutcome, MAX_HOOK_RETRIES, MAX_RETRY_WAIT_MS, MIN_RETRY_WAIT_MS, judge_hook,
    retry_after_ms,
};
pub use checksum::canary_checksum;
pub use payload::{
    EventHooks, HookError, HookEvent, HookPayload, MAX_HOOK_ANSWER_BYTES, MAX_HOOK_TIMEOUT_MS,
    event_hooks, event_payload, hook_payload, hook_request,
};
