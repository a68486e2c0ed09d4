//! Slack's messages, which Discord and Rocket.Chat understand too.

use crate::Alert;
use serde::Serialize;
use trueup_kinds::canary::AlertSeverity;

/// How colours are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Palette {
    /// By Slack's words.
    Names,
    /// By red, green and blue.
    Codes,
}

impl Palette {
    const fn color(self, severity: AlertSeverity) -> &'static str {
        match (self, severity) {
            (Self::Names, AlertSeverity::Error) => "danger",
            (Self::Names, _) => "good",
            (Self::Codes, AlertSeverity::Error) => "#FF0000",
            (Self::Codes, _) => "#0076D7",
        }
    }
}

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    channel: String,
    username: String,
    icon_url: &'static str,
    icon_emoji: &'static str,
    attachments: [Attachment<'a>; 1],
}

#[derive(Debug, Serialize)]
struct Attachment<'a> {
    color: &'static str,
    author_name: String,
    text: &'a str,
    mrkdwn_in: [&'static str; 1],
    fields: Vec<Field<'a>>,
}

#[derive(Debug, Serialize)]
struct Field<'a> {
    title: &'a str,
    value: &'a str,
    short: bool,
}

/// The message of an alert.
pub(crate) fn message(
    channel: String,
    username: String,
    palette: Palette,
    alert: &Alert,
) -> Message<'_> {
    let fields = alert.fields.iter().map(|field| Field {
        title: &field.name,
        value: &field.value,
        short: false,
    });
    Message {
        channel,
        username,
        icon_url: "",
        icon_emoji: ":rocket:",
        attachments: [Attachment {
            color: palette.color(alert.severity),
            author_name: alert.subject(),
            text: &alert.message,
            mrkdwn_in: ["text"],
            fields: fields.collect(),
        }],
    }
}
