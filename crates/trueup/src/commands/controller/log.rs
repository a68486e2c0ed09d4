//! The lines of the log: which are written, and what is told of the inside.

use crate::arguments::LogLevel;
use crate::commands::{Failure, said};
use std::fmt::Debug;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use trueup_controller::{LogSink, StandardErrorLog};
use trueup_kinds::format_time;
use trueup_object::{Value, to_json};

/// The log of this process, from a level on. What crates of this program tell
/// of their inside goes there too, in the same form; what other libraries
/// tell goes nowhere.
pub fn start(level: LogLevel) -> Result<Arc<dyn LogSink>, Failure> {
    let (least, sink): (_, Arc<dyn LogSink>) = match level {
        LogLevel::Debug => (LevelFilter::DEBUG, Arc::new(StandardErrorLog)),
        LogLevel::Info => (LevelFilter::INFO, Arc::new(StandardErrorLog)),
        LogLevel::Error => (LevelFilter::ERROR, Arc::new(ErrorsOnly(StandardErrorLog))),
    };
    let inside = Inside {
        least,
        sink: Arc::new(StandardErrorLog),
    };
    tracing::subscriber::set_global_default(inside)
        .map_err(|error| said(format!("start the log: {error}")))?;
    Ok(sink)
}

/// Passes on lines of errors only.
struct ErrorsOnly(StandardErrorLog);

impl LogSink for ErrorsOnly {
    fn line(&self, line: &str) {
        if line.starts_with("{\"level\":\"error\"") {
            self.0.line(line);
        }
    }
}

/// Writes events of our crates as lines of the log. It has no spans.
struct Inside {
    least: LevelFilter,
    sink: Arc<dyn LogSink>,
}

impl Subscriber for Inside {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("trueup")
            && *metadata.level() <= self.least
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.least)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line::default();
        line.put("level", name_of(*metadata.level()));
        line.put("ts", &format_time(jiff::Timestamp::now()));
        line.put("logger", metadata.target());
        event.record(&mut line);
        self.sink.line(&line.text());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Flux has no warnings: what went wrong and was overcome is worth knowing.
fn name_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN | Level::INFO => "info",
        _ => "debug",
    }
}

/// The keys that every line has.
const EVERY_LINE: [&str; 4] = ["level", "ts", "logger", "msg"];

/// The keys and values of a line, as JSON, in the order in which they came.
#[derive(Default)]
struct Line(Vec<String>);

impl Line {
    fn put(&mut self, key: &str, text: &str) {
        let json = |text: &str| {
            let json = to_json(&Value::string(text));
            String::from_utf8_lossy(&json).into_owned()
        };
        self.0.push(format!("{}:{}", json(key), json(text)));
    }

    /// A field that is called as a key of every line gets another name: of a
    /// key given twice readers keep one.
    fn put_field(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => self.put("msg", text),
            name if EVERY_LINE.contains(&name) => self.put(&format!("fields.{name}"), text),
            name => self.put(name, text),
        }
    }

    fn text(&self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.put_field(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_field(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl LogSink for Kept {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    fn lines(tell: impl FnOnce()) -> Vec<String> {
        let kept = Arc::new(Kept::default());
        let inside = Inside {
            least: LevelFilter::INFO,
            sink: kept.clone(),
        };
        tracing::subscriber::with_default(inside, tell);
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn a_field_with_the_name_of_a_key_of_every_line_is_not_lost() {
        let lines = lines(|| {
            tracing::info!(level = 3, ts = "then", logger = "mine", msg = "own", "said");
        });
        let end = r#","msg":"said","fields.level":"3","fields.ts":"then","fields.logger":"mine","fields.msg":"own"}"#;
        assert!(lines[0].ends_with(end), "{lines:?}");
    }

    #[test]
    fn what_is_told_of_the_inside_is_a_line_of_the_log() {
        let lines = lines(|| {
            tracing::warn!(mirror = "fleet", tries = 2, "made \"afresh\"");
            tracing::debug!("too small");
            tracing::error!(target: "hyper", "not ours");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with(r#"{"level":"info","ts":""#)
                && lines[0].ends_with(
                    r#","logger":"trueup::commands::controller::log::tests","msg":"made \"afresh\"","mirror":"fleet","tries":"2"}"#
                ),
            "{lines:?}"
        );
    }
}
