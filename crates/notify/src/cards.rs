//! Cards of Microsoft Teams and Google Chat.

use crate::Alert;
use serde::Serialize;
use trueup_kinds::canary::AlertSeverity;

/// A `MessageCard`.
#[derive(Debug, Serialize)]
pub(crate) struct TeamsCard<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "themeColor")]
    theme_color: &'static str,
    summary: String,
    sections: [TeamsSection<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamsSection<'a> {
    activity_title: &'a str,
    activity_subtitle: String,
    facts: Vec<Fact<'a>>,
}

#[derive(Debug, Serialize)]
struct Fact<'a> {
    name: &'a str,
    value: &'a str,
}

/// The card of an alert for Teams.
pub(crate) fn teams(alert: &Alert) -> TeamsCard<'_> {
    let facts = alert.fields.iter().map(|field| Fact {
        name: &field.name,
        value: &field.value,
    });
    TeamsCard {
        kind: "MessageCard",
        context: "http://schema.org/extensions",
        theme_color: match alert.severity {
            AlertSeverity::Error => "FF0000",
            AlertSeverity::Info | AlertSeverity::Warn => "0076D7",
        },
        summary: alert.subject(),
        sections: [TeamsSection {
            activity_title: &alert.message,
            activity_subtitle: alert.subject(),
            facts: facts.collect(),
        }],
    }
}

/// A message of Google Chat.
#[derive(Debug, Serialize)]
pub(crate) struct ChatMessage {
    cards: [ChatCard; 1],
}

#[derive(Debug, Serialize)]
struct ChatCard {
    header: ChatHeader,
    sections: Vec<ChatSection>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChatHeader {
    title: &'static str,
    subtitle: String,
    image_url: &'static str,
}

#[derive(Debug, Serialize)]
struct ChatSection {
    widgets: [ChatWidget; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChatWidget {
    text_paragraph: ChatText,
}

#[derive(Debug, Serialize)]
struct ChatText {
    text: String,
}

/// The message of an alert for Google Chat.
pub(crate) fn google_chat(alert: &Alert) -> ChatMessage {
    let words = section(strong(&alert.message));
    let fields = alert.fields.iter().map(|field| {
        section(format!(
            "{}<br>{}",
            plain(&field.name),
            strong(&field.value)
        ))
    });
    ChatMessage {
        cards: [ChatCard {
            header: ChatHeader {
                title: "Flagger",
                subtitle: alert.subject(),
                image_url: "https://flagger.app/favicon.png",
            },
            sections: [words].into_iter().chain(fields).collect(),
        }],
    }
}

const fn section(text: String) -> ChatSection {
    ChatSection {
        widgets: [ChatWidget {
            text_paragraph: ChatText { text },
        }],
    }
}

fn strong(text: &str) -> String {
    format!(
        "<font color=#848484><strong>{}</strong></font>",
        plain(text)
    )
}

/// A text in which nothing is markup: names and values are others'.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
