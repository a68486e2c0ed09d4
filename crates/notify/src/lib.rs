//! Alerts as the payloads of their providers: Slack, Microsoft Teams, Discord,
//! Rocket.Chat and Google Chat, in Flagger's wording and shapes.
//!
//! Floor 4: pure. A request is a value; whoever sends it asks
//! [`judge_answer`] what came of it.

mod alert;
mod cards;
mod slack;

#[cfg(test)]
mod tests;

pub use alert::{Alert, AlertField, alert_fields, is_wanted};

use serde::Serialize;
use trueup_kinds::canary::AlertProviderSpec;
use trueup_kinds::outgoing::{Credentials, HttpAddress, OutgoingRequest, ReceivedAnswer};

/// How long a provider may take.
pub const ALERT_TIMEOUT_MS: u64 = 5_000;
/// The most bytes of an answer that are read.
pub const MAX_ALERT_ANSWER_BYTES: usize = 64 << 10;

const DEFAULT_CHANNEL: &str = "general";
const DEFAULT_USERNAME: &str = "flagger";

/// Why an alert can't be sent; never with the address, which is a secret with
/// most providers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// A type that is not known.
    #[error("provider {0} not supported")]
    Type(String),
    /// An address that is none.
    #[error("invalid {0} hook URL")]
    Address(&'static str),
    /// A proxy that is none.
    #[error("the proxy of {0} is no address")]
    Proxy(&'static str),
    /// The Secret can't be found, or lacks the address.
    #[error("secret does not contain an address")]
    Secret,
    /// The provider took nothing.
    #[error("sending notification bad response {status}: {body}")]
    Answer {
        /// The status.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// The kinds of providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProviderKind {
    Slack,
    Discord,
    Rocket,
    Teams,
    GoogleChat,
}

impl ProviderKind {
    fn named(name: &str) -> Result<Self, AlertError> {
        match name {
            "slack" => Ok(Self::Slack),
            "discord" => Ok(Self::Discord),
            "rocket" => Ok(Self::Rocket),
            "msteams" => Ok(Self::Teams),
            "gchat" => Ok(Self::GoogleChat),
            other => Err(AlertError::Type(other.to_owned())),
        }
    }

    /// In messages.
    const fn title(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Discord => "Discord",
            Self::Rocket => "Rocket",
            Self::Teams => "MS Teams",
            Self::GoogleChat => "Google Chat",
        }
    }
}

/// The request that sends an alert. `secret` are the data of the Secret that
/// the provider refers to: its `address`, and the `token` for Slack. Nothing
/// is sent where neither gives an address.
///
/// # Errors
/// A type that is not known, an address or a proxy that is none, a Secret
/// without address.
pub fn alert_request(
    provider: &AlertProviderSpec,
    secret: Option<&Credentials>,
    alert: &Alert,
) -> Result<Option<OutgoingRequest>, AlertError> {
    let text = |key| {
        secret
            .and_then(|it| it.text(key))
            .map(|it| it.trim().to_owned())
    };
    let address = match &provider.secret_ref {
        Some(_) => text("address").ok_or(AlertError::Secret)?,
        None => provider.address.to_string(),
    };
    if address.is_empty() {
        return Ok(None);
    }
    let kind = ProviderKind::named(&provider.kind)?;
    let address = address_of(kind, &address)?;
    let body = body_of(kind, provider, alert);
    let mut request = OutgoingRequest::post(address, "application/json", body, ALERT_TIMEOUT_MS);
    request.max_answer_bytes = MAX_ALERT_ANSWER_BYTES;
    request.proxy = proxy_of(kind, &provider.proxy)?;
    let token = text("token").filter(|token| !token.is_empty());
    if let (ProviderKind::Slack, Some(_), Some(token)) = (kind, &provider.secret_ref, token) {
        request.set_bearer(&token);
    }
    Ok(Some(request))
}

/// Discord understands Slack's messages below an address of their own.
fn address_of(kind: ProviderKind, text: &str) -> Result<HttpAddress, AlertError> {
    let address = HttpAddress::parse(text).map_err(|_| AlertError::Address(kind.title()))?;
    if kind == ProviderKind::Discord && !text.ends_with("/slack") {
        return Ok(address.join_keeping_query("slack"));
    }
    Ok(address)
}

fn proxy_of(kind: ProviderKind, text: &str) -> Result<Option<HttpAddress>, AlertError> {
    if text.is_empty() {
        return Ok(None);
    }
    let proxy = HttpAddress::parse(text).map_err(|_| AlertError::Proxy(kind.title()))?;
    Ok(Some(proxy))
}

fn body_of(kind: ProviderKind, provider: &AlertProviderSpec, alert: &Alert) -> Vec<u8> {
    let or = |given: &str, default: &str| {
        let given = if given.is_empty() { default } else { given };
        given.to_owned()
    };
    let channel = or(&provider.channel, DEFAULT_CHANNEL);
    let username = or(&provider.username, DEFAULT_USERNAME);
    match kind {
        ProviderKind::Slack | ProviderKind::Discord => encoded(&slack::message(
            channel,
            username,
            slack::Palette::Names,
            alert,
        )),
        ProviderKind::Rocket => encoded(&slack::message(
            channel,
            username,
            slack::Palette::Codes,
            alert,
        )),
        ProviderKind::Teams => encoded(&cards::teams(alert)),
        ProviderKind::GoogleChat => encoded(&cards::google_chat(alert)),
    }
}

fn encoded(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("texts and lists are always JSON")
}

/// What came of an alert: any status from 200 to 299 is good.
///
/// # Errors
/// Another status, with what the provider said.
pub fn judge_answer(answer: &ReceivedAnswer) -> Result<(), AlertError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(AlertError::Answer {
        status: answer.status,
        body: answer.quoted_body(),
    })
}
