//! What a controller has to say, as one value with many forms.

use crate::names;
use crate::time::format_time;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use trueup_object::{ObjectRef, Text, Value, value};

/// The longest message that an event may carry; beyond it is cut.
const MAX_EVENT_MESSAGE_BYTES: usize = 1024;
/// How much of an object's name goes into the name of its events.
const MAX_EVENT_NAME_PREFIX_BYTES: usize = 200;

/// How much a report matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For the record only.
    Trace,
    /// Something happened.
    Info,
    /// Something failed.
    Error,
}

impl Severity {
    /// Flux's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// The type of a Kubernetes event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

impl EventType {
    /// The API's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// Controller, such as `kustomize-controller`.
    pub controller: Text,
    /// The process, such as a Pod's name.
    pub instance: Text,
}

/// How a terminal line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape codes.
    Plain,
    /// Colours.
    Coloured,
}

/// One thing that happened to one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The object.
    pub object: ObjectRef,
    /// Its uid; empty if it is not known.
    pub uid: Text,
    /// Its resource version; empty if it is not known.
    pub resource_version: Text,
    /// How much it matters.
    pub severity: Severity,
    /// Why, in one word.
    pub reason: Text,
    /// Why, in a sentence; secrets are already masked.
    pub message: Text,
    /// The revision that it is about.
    pub revision: Option<Text>,
    /// More facts, keys without prefix: `originRevision`, `digest`, `commit`,
    /// `token`, …
    pub metadata: BTreeMap<Text, Text>,
    /// The cause of a failure, for the log.
    pub error: Option<Text>,
    /// Identity of the reconciliation, for the log.
    pub reconcile_id: Text,
    /// When.
    pub at: Timestamp,
}

impl Report {
    /// A report with the parts that every report has.
    #[must_use]
    pub fn new(
        object: ObjectRef,
        severity: Severity,
        reason: &str,
        message: impl Into<Text>,
        at: Timestamp,
    ) -> Self {
        Self {
            object,
            uid: Text::new(),
            resource_version: Text::new(),
            severity,
            reason: reason.into(),
            message: message.into(),
            revision: None,
            metadata: BTreeMap::new(),
            error: None,
            reconcile_id: Text::new(),
            at,
        }
    }

    /// `Warning` for errors, else `Normal`.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        if self.severity == Severity::Error {
            EventType::Warning
        } else {
            EventType::Normal
        }
    }

    /// What two reports have in common that are one event counted twice:
    /// object, reporter, type, reason and message.
    #[must_use]
    pub fn aggregation_key(&self, reporter: &Reporter) -> Text {
        let mut hash = Sha256::new();
        let parts = [
            &self.object.kind.group,
            &self.object.kind.kind,
            &self.object.namespace,
            &self.object.name,
            &self.uid,
            &reporter.controller,
            &self.reason,
            &self.message,
        ];
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.event_type().as_str());
        hash.finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into()
    }

    /// The name of the event: equal reports have equal names, so that an
    /// event created twice (an answer was lost) is one event.
    #[must_use]
    pub fn event_name(&self, reporter: &Reporter) -> Text {
        let prefix = &self.object.name[..self
            .object
            .name
            .floor_char_boundary(MAX_EVENT_NAME_PREFIX_BYTES)];
        let prefix = prefix.replace(':', "-").to_lowercase();
        format!(
            "{}.{}",
            prefix.trim_end_matches(['.', '-']),
            self.aggregation_key(reporter)
        )
        .into()
    }

    /// The metadata with Flux's keys: prefixed by the object's API group,
    /// the revision included.
    #[must_use]
    pub fn event_metadata(&self) -> BTreeMap<Text, Text> {
        let group = &self.object.kind.group;
        let revision = self
            .revision
            .iter()
            .map(|revision| (Text::from("revision"), revision.clone()));
        let more = self
            .metadata
            .iter()
            .map(|(key, text)| (key.clone(), text.clone()));
        revision
            .chain(more)
            .map(|(key, text)| {
                if key.contains('/') {
                    (key, text)
                } else {
                    (format!("{group}/{key}").into(), text)
                }
            })
            .collect()
    }

    /// The manifest of a new core/v1 `Event`. If one of that name exists,
    /// [`Report::event_count_patch`] counts it up instead.
    #[must_use]
    pub fn event(&self, reporter: &Reporter) -> Value {
        let now = format_time(self.at);
        let annotations: Value = Value::Map(
            self.event_metadata()
                .into_iter()
                .map(|(key, text)| (key, Value::from(text)))
                .collect(),
        );
        let namespace = if self.object.namespace.is_empty() {
            "default"
        } else {
            &self.object.namespace
        };
        value!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": (self.event_name(reporter)),
                "namespace": namespace,
                "annotations": annotations,
            },
            "involvedObject": (self.involved_object()),
            "type": (self.event_type().as_str()),
            "reason": (self.reason.clone()),
            "message": (cut(&self.message)),
            "source": {"component": (reporter.controller.clone())},
            "firstTimestamp": (now.clone()),
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": (reporter.controller.clone()),
            "reportingInstance": (reporter.instance.clone()),
        })
    }

    /// The merge patch that counts an existing event up.
    #[must_use]
    pub fn event_count_patch(&self, existing: &Value) -> Value {
        let count = existing.i64_at(&["count"]).unwrap_or(1).saturating_add(1);
        value!({"count": count, "lastTimestamp": (format_time(self.at))})
    }

    fn involved_object(&self) -> Value {
        let mut involved = value!({
            "apiVersion": (self.object.kind.api_version()),
            "kind": (self.object.kind.kind.clone()),
            "name": (self.object.name.clone()),
        });
        for (key, text) in [
            ("namespace", &self.object.namespace),
            ("uid", &self.uid),
            ("resourceVersion", &self.resource_version),
        ] {
            if !text.is_empty() {
                involved.set_at(&[key], text.clone().into());
            }
        }
        involved
    }

    /// One line of JSON with Flux's keys, without a newline.
    #[must_use]
    pub fn log_line(&self, reporter: &Reporter) -> String {
        serde_json::to_string(&LogLine {
            report: self,
            reporter,
        })
        .expect("texts are always written to memory")
    }

    /// One line for a terminal, without a newline: time of day (UTC), mark,
    /// object, message; errors name their reason.
    #[must_use]
    pub fn terminal_line(&self, style: Style) -> String {
        let (mark, colour) = match self.severity {
            Severity::Error => ("✗", "\x1b[31m"),
            Severity::Info => ("●", "\x1b[32m"),
            Severity::Trace => ("·", "\x1b[2m"),
        };
        let clock = format_time(self.at);
        let clock = clock.get(11..19).unwrap_or_default();
        let text = self.terminal_text();
        let object = &self.object;
        match style {
            Style::Plain => format!("{clock} {mark} {object}  {text}"),
            Style::Coloured => format!(
                "\x1b[2m{clock}\x1b[0m {colour}{mark}\x1b[0m \x1b[1m{object}\x1b[0m  {text}"
            ),
        }
    }

    fn terminal_text(&self) -> String {
        let message = self.message.as_str().replace('\n', "\n           ");
        if self.severity == Severity::Error {
            format!("{}: {message}", self.reason)
        } else {
            message
        }
    }
}

fn cut(message: &str) -> Text {
    if message.len() <= MAX_EVENT_MESSAGE_BYTES {
        return message.into();
    }
    let end = message.floor_char_boundary(MAX_EVENT_MESSAGE_BYTES - '…'.len_utf8());
    format!("{}…", &message[..end]).into()
}

/// Writes the keys in Flux's order: a person reads them too.
struct LogLine<'a> {
    report: &'a Report,
    reporter: &'a Reporter,
}

impl Serialize for LogLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { report, reporter } = self;
        let object = &report.object;
        let level = match report.severity {
            Severity::Trace => "debug",
            other => other.as_str(),
        };
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("level", level)?;
        line.serialize_entry("ts", &report.at.to_string())?;
        line.serialize_entry("msg", &report.message)?;
        line.serialize_entry("controller", &object.kind.kind.to_lowercase())?;
        line.serialize_entry("controllerGroup", &object.kind.group)?;
        line.serialize_entry("controllerKind", &object.kind.kind)?;
        line.serialize_entry(object.kind.kind.as_str(), &NameOnly(object))?;
        line.serialize_entry("namespace", &object.namespace)?;
        line.serialize_entry("name", &object.name)?;
        line.serialize_entry("reconcileID", &report.reconcile_id)?;
        line.serialize_entry("reason", &report.reason)?;
        line.serialize_entry("logger", &reporter.controller)?;
        if let Some(revision) = &report.revision {
            line.serialize_entry("revision", revision)?;
        }
        if let Some(error) = &report.error {
            line.serialize_entry("error", error)?;
        }
        line.end()
    }
}

struct NameOnly<'a>(&'a ObjectRef);

impl Serialize for NameOnly<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("namespace", &self.0.namespace)?;
        map.end()
    }
}

/// The annotations of an object that its user wants in the metadata of its
/// events: `event.toolkit.fluxcd.io/<key>` becomes `<key>`.
#[must_use]
pub fn requested_event_metadata(annotations: &BTreeMap<Text, Text>) -> BTreeMap<Text, Text> {
    annotations
        .iter()
        .filter_map(|(key, text)| {
            let key = key.strip_prefix(names::EVENT_GROUP)?.strip_prefix('/')?;
            Some((key.into(), text.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::{GroupVersionKind, from_json};

    fn report() -> Report {
        let object = ObjectRef {
            kind: GroupVersionKind::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
            namespace: "flux-system".into(),
            name: "apps".into(),
        };
        let at = Timestamp::from_second(1_767_225_845).unwrap();
        let mut report = Report::new(
            object,
            Severity::Info,
            "ReconciliationSucceeded",
            "Applied revision: main@sha1:1",
            at,
        );
        report.uid = "u-1".into();
        report.revision = Some("main@sha1:1".into());
        report
            .metadata
            .insert("originRevision".into(), "main@sha1:0".into());
        report
    }

    fn reporter() -> Reporter {
        Reporter {
            controller: "kustomize-controller".into(),
            instance: "here".into(),
        }
    }

    #[test]
    fn an_event_carries_flux_s_metadata_and_a_stable_name() {
        let event = report().event(&reporter());
        let key = "kustomize.toolkit.fluxcd.io/revision";
        assert_eq!(
            event.str_at(&["metadata", "annotations", key]),
            Some("main@sha1:1")
        );
        assert_eq!(event.str_at(&["involvedObject", "uid"]), Some("u-1"));
        assert_eq!(event.str_at(&["type"]), Some("Normal"));
        let mut later = report();
        later.at = Timestamp::from_second(1_767_225_900).unwrap();
        assert_eq!(
            later.event(&reporter()).at(&["metadata", "name"]),
            event.at(&["metadata", "name"])
        );
        assert_eq!(
            later.event_count_patch(&event),
            value!({"count": 2, "lastTimestamp": "2026-01-01T00:05:00Z"})
        );
        let mut other = report();
        other.message = "something else".into();
        assert_ne!(
            other.event_name(&reporter()),
            report().event_name(&reporter())
        );
    }

    #[test]
    fn a_log_line_has_flux_s_keys() {
        let mut failed = report();
        failed.severity = Severity::Error;
        failed.error = Some("no".into());
        let line = from_json(failed.log_line(&reporter()).as_bytes()).unwrap();
        assert_eq!(line.str_at(&["level"]), Some("error"));
        assert_eq!(line.str_at(&["ts"]), Some("2026-01-01T00:04:05Z"));
        assert_eq!(line.str_at(&["controllerKind"]), Some("Kustomization"));
        assert_eq!(
            line.str_at(&["Kustomization", "namespace"]),
            Some("flux-system")
        );
        assert_eq!(line.str_at(&["error"]), Some("no"));
        assert!(
            failed
                .log_line(&reporter())
                .starts_with(r#"{"level":"error","ts":"#)
        );
    }

    #[test]
    fn a_terminal_line_has_colours_only_when_asked() {
        assert_eq!(
            report().terminal_line(Style::Plain),
            "00:04:05 ● Kustomization/flux-system/apps  Applied revision: main@sha1:1"
        );
        assert!(report().terminal_line(Style::Coloured).contains('\x1b'));
    }

    #[test]
    fn a_long_message_is_cut_and_an_odd_name_makes_a_valid_event_name() {
        let mut long = report();
        long.message = "ä".repeat(2000).into();
        long.object.name = "system:Node.".into();
        let event = long.event(&reporter());
        assert!(event.str_at(&["message"]).unwrap().len() <= 1024);
        assert!(
            event
                .str_at(&["metadata", "name"])
                .unwrap()
                .starts_with("system-node.")
        );
    }
}
