//! What is sent to a hook.

use super::checksum::canary_checksum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_gocompat::parse_duration;
use trueup_kinds::canary::{Canary, CanaryWebhook, Phase, WebhookType};
use trueup_kinds::outgoing::{AddressError, Certificates, HttpAddress, OutgoingRequest};
use trueup_object::Text;

/// The longest that one call of a hook may take.
pub const MAX_HOOK_TIMEOUT_MS: u64 = 3_600_000;
/// The most bytes of a hook's answer that are read.
pub const MAX_HOOK_ANSWER_BYTES: usize = 256 << 10;
/// How long a call may take where nothing is given.
const DEFAULT_TIMEOUT_MS: u64 = 10_000;

/// What a hook is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookPayload {
    /// The Canary's name.
    pub name: Text,
    /// Its namespace.
    pub namespace: Text,
    /// How far it is.
    pub phase: Phase,
    /// See [`canary_checksum`].
    pub checksum: String,
    /// What the hook's `metadata` say, and of an event what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<Text, Text>>,
}

/// An event as a hook is told of it.
#[derive(Clone, Copy, Debug)]
pub struct HookEvent<'a> {
    /// The event's words.
    pub message: &'a str,
    /// `Normal` or `Warning`.
    pub kind: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Why a hook can't be called; never with its address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// `url` is no address.
    #[error("the address of the hook can't be used: {0}")]
    Address(#[from] AddressError),
    /// `timeout` is no duration.
    #[error("{0}")]
    Timeout(#[from] trueup_gocompat::DurationError),
}

/// What a hook of any type but `event` is told in a phase.
#[must_use]
pub fn hook_payload(canary: &Canary, hook: &CanaryWebhook, phase: Phase) -> HookPayload {
    let metadata = hook.metadata.clone().filter(|pairs| !pairs.is_empty());
    HookPayload {
        name: canary.metadata.name.clone(),
        namespace: canary.metadata.namespace.clone(),
        phase,
        checksum: canary_checksum(&canary.status),
        metadata,
    }
}

/// What a hook is told of an event. Of the hook's own metadata only those come
/// along whose names the event doesn't use.
#[must_use]
pub fn event_payload(canary: &Canary, hook: &CanaryWebhook, event: HookEvent<'_>) -> HookPayload {
    let mut metadata = hook.metadata.clone().unwrap_or_default();
    metadata.extend([
        ("eventMessage".into(), event.message.into()),
        ("eventType".into(), event.kind.into()),
        (
            "timestamp".into(),
            event.at.as_millisecond().to_string().into(),
        ),
    ]);
    HookPayload {
        metadata: Some(metadata),
        ..hook_payload(canary, hook, canary.status.phase)
    }
}

/// Who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventHooks<'a> {
    /// The Canary's own hooks.
    Own(Vec<&'a CanaryWebhook>),
    /// The controller's, since the Canary has none.
    Global(CanaryWebhook),
    /// Nobody.
    None,
}

/// Who is told of a Canary's events: its own hooks of that type, or else the
/// controller's, if it has one.
#[must_use]
pub fn event_hooks<'a>(canary: &'a Canary, global_url: Option<&str>) -> EventHooks<'a> {
    let analysis = &canary.spec.analysis;
    let own: Vec<&CanaryWebhook> = analysis.webhooks_of(WebhookType::Event).collect();
    match global_url.filter(|url| !url.is_empty()) {
        _ if !own.is_empty() => EventHooks::Own(own),
        Some(url) => EventHooks::Global(CanaryWebhook {
            kind: WebhookType::Event,
            name: "events".into(),
            url: url.into(),
            ..CanaryWebhook::default()
        }),
        None => EventHooks::None,
    }
}

/// The request that calls a hook.
///
/// # Errors
/// An address that is none, a timeout that is no duration.
pub fn hook_request(
    hook: &CanaryWebhook,
    payload: &HookPayload,
) -> Result<OutgoingRequest, HookError> {
    let address = HttpAddress::parse(&hook.url)?;
    let timeout_ms = timeout_ms(&hook.timeout)?;
    let body = serde_json::to_vec(payload).expect("texts are always JSON");
    let mut request = OutgoingRequest::post(address, "application/json", body, timeout_ms);
    request.max_answer_bytes = MAX_HOOK_ANSWER_BYTES;
    if hook.disable_tls {
        request.certificates = Certificates::Unverified;
    }
    Ok(request)
}

/// A text of fewer than two characters is none; no time at all means as much
/// as there may be, as in Go.
fn timeout_ms(text: &str) -> Result<u64, trueup_gocompat::DurationError> {
    if text.len() < 2 {
        return Ok(DEFAULT_TIMEOUT_MS);
    }
    let given = parse_duration(text)?.milliseconds();
    let given = u64::try_from(given).ok().filter(|given| *given > 0);
    Ok(given
        .unwrap_or(MAX_HOOK_TIMEOUT_MS)
        .min(MAX_HOOK_TIMEOUT_MS))
}
