//! One log line: read as JSON, filtered, set out for people.

use crate::arguments::LogsArguments;
use crate::paint::printable;
use crate::words;
use trueup_object::{Value, from_json};

/// Which lines are shown.
#[derive(Debug, Default)]
pub struct Filter {
    kind: Option<String>,
    name: Option<String>,
    level: Option<&'static str>,
    namespace: Option<String>,
}

impl Filter {
    /// What the flags say. Kinds may be named by their short names.
    pub fn of(arguments: &LogsArguments) -> Self {
        let full = |word: &String| {
            words::find(word).map_or_else(|| word.clone(), |words| words.kind.to_owned())
        };
        Self {
            kind: arguments.kind.as_ref().map(full),
            name: arguments.name.clone(),
            level: arguments.level.map(crate::arguments::LineLevel::name),
            namespace: (!arguments.all_namespaces).then(|| arguments.scope.namespace.clone()),
        }
    }

    /// A line for people with its end; `None` if it is not JSON or not asked
    /// for.
    pub fn shown(&self, line: &str) -> Option<String> {
        if !line.starts_with('{') {
            return None;
        }
        let line = Line(from_json(line.as_bytes()).ok()?);
        let is_wanted = |wanted: Option<&str>, found: &[&str]| {
            wanted.is_none_or(|wanted| found.iter().any(|it| it.eq_ignore_ascii_case(wanted)))
        };
        let is_shown = is_wanted(self.level, &[line.text("level")])
            && is_wanted(self.kind.as_deref(), &line.kinds())
            && is_wanted(self.name.as_deref(), &[line.text("name")])
            && is_wanted(self.namespace.as_deref(), &[line.text("namespace")]);
        is_shown.then(|| line.for_people())
    }
}

struct Line(Value);

impl Line {
    fn text(&self, key: &str) -> &str {
        self.0.str_at(&[key]).unwrap_or_default()
    }

    fn kinds(&self) -> [&str; 2] {
        [self.text("reconciler kind"), self.text("controllerKind")]
    }

    /// `<time> <level> <Kind>/<name>.<namespace> - <message> <error>`, as flux.
    fn for_people(&self) -> String {
        let [kind, controller] = self.kinds();
        let kind = if kind.is_empty() { controller } else { kind };
        let object = match self.text("name") {
            "" => String::new(),
            name => format!("/{name}.{}", self.text("namespace")),
        };
        let line = format!(
            "{} {} {kind}{object} - {} {}",
            self.text("ts"),
            self.text("level"),
            self.text("msg"),
            self.text("error")
        );
        printable(&line) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"level":"error","ts":"2026-01-31T12:00:00.000Z","msg":"Reconciler error","controller":"kustomization","controllerKind":"Kustomization","name":"web","namespace":"apps","error":"no such host"}"#;

    #[test]
    fn lines_are_set_out_as_flux_does() {
        let expected = "2026-01-31T12:00:00.000Z error Kustomization/web.apps - Reconciler error no such host\n";
        assert_eq!(Filter::default().shown(LINE).as_deref(), Some(expected));
        assert_eq!(Filter::default().shown("panic: no JSON"), None);
        assert_eq!(Filter::default().shown("{broken"), None);
    }

    #[test]
    fn lines_steer_no_terminal() {
        let line = r#"{"level":"info","ts":"t","msg":"a\u001b]0;x\u0007"}"#;
        let expected = "t info  - a\u{fffd}]0;x\u{fffd} \n";
        assert_eq!(Filter::default().shown(line).as_deref(), Some(expected));
    }

    #[test]
    fn lines_are_filtered_by_what_they_are_about() {
        let shows = |filter: Filter| filter.shown(LINE).is_some();
        let text = |text: &str| Some(text.to_owned());
        assert!(shows(Filter {
            kind: text("kustomization"),
            ..Filter::default()
        }));
        assert!(!shows(Filter {
            kind: text("GitRepository"),
            ..Filter::default()
        }));
        assert!(shows(Filter {
            name: text("web"),
            level: Some("error"),
            ..Filter::default()
        }));
        assert!(!shows(Filter {
            level: Some("info"),
            ..Filter::default()
        }));
        assert!(!shows(Filter {
            namespace: text("flux-system"),
            ..Filter::default()
        }));
    }
}
