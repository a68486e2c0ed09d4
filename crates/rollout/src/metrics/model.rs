//! What the queries of templates may speak of.

use std::collections::BTreeMap;
use trueup_kinds::Canary;
use trueup_kinds::canary::{DEFAULT_METRIC_INTERVAL, TargetReference};
use trueup_object::Text;

/// What a query's template is executed with: one function each, without
/// argument, as in Flagger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateModel {
    /// `name`: the Canary's.
    pub name: Text,
    /// `namespace`: the Canary's.
    pub namespace: Text,
    /// `target`: the target's name.
    pub target: Text,
    /// `service`: the apex Service's name, the target's where none is given.
    pub service: Text,
    /// `ingress`: the Ingress's name, the target's where there is none.
    pub ingress: Text,
    /// `route`: the route's name, the target's where there is none; Knative's
    /// latest revision.
    pub route: Text,
    /// `interval`: the window, such as `1m`.
    pub interval: Text,
    /// `variables`: the metric's `templateVariables`.
    pub variables: BTreeMap<Text, Text>,
}

impl TemplateModel {
    /// What a Canary's queries may speak of, with the default window and no
    /// variables.
    #[must_use]
    pub fn of(canary: &Canary) -> Self {
        let target = &canary.spec.target_ref.name;
        let name_or_target = |reference: &Option<TargetReference>| {
            let given = reference.as_ref().map(|it| it.name.clone());
            given.unwrap_or_else(|| target.clone())
        };
        Self {
            name: canary.metadata.name.clone(),
            namespace: canary.metadata.namespace.clone(),
            target: target.clone(),
            service: canary.spec.service_names().apex,
            ingress: name_or_target(&canary.spec.ingress_ref),
            route: name_or_target(&canary.spec.route_ref),
            interval: DEFAULT_METRIC_INTERVAL.into(),
            variables: BTreeMap::new(),
        }
    }

    /// Whom messages speak of.
    #[must_use]
    pub fn canary(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }

    /// The same with another window and other variables.
    #[must_use]
    pub fn for_metric(&self, interval: &str, variables: &BTreeMap<Text, Text>) -> Self {
        Self {
            interval: interval.into(),
            variables: variables.clone(),
            ..self.clone()
        }
    }
}

/// Executes the template of a query, or says in Go's words why it can't:
/// [`render_query`](super::render_query).
pub type QueryRenderer<'r> = &'r dyn Fn(&str, &TemplateModel) -> Result<String, String>;

/// A query with single blanks, as it is sent: Go's `\s+` is a blank each.
#[must_use]
pub fn collapse_whitespace(query: &str) -> String {
    let mut collapsed = String::with_capacity(query.len());
    let mut in_space = false;
    for character in query.chars() {
        let space = matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        if !space {
            collapsed.push(character);
        } else if !in_space {
            collapsed.push(' ');
        }
        in_space = space;
    }
    collapsed
}

/// Whether a text is a window as Prometheus reads it: `30s`, `1m30s`, `2d`.
#[must_use]
pub fn is_prometheus_duration(text: &str) -> bool {
    let mut rest = text;
    while let Some(after) = after_duration_part(rest) {
        rest = after;
    }
    rest.is_empty() && !text.is_empty()
}

fn after_duration_part(text: &str) -> Option<&str> {
    let units = text.trim_start_matches(|it: char| it.is_ascii_digit());
    if units.len() == text.len() {
        return None;
    }
    ["ms", "s", "m", "h", "d", "w", "y"]
        .iter()
        .find_map(|unit| units.strip_prefix(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_collapses_to_single_blanks_and_stays_in_front() {
        assert_eq!(
            collapse_whitespace("\n\tsum(\r\n  rate( x ) )\t"),
            " sum( rate( x ) ) "
        );
    }

    #[test]
    fn windows_are_those_of_prometheus() {
        for text in ["1m", "30s", "1m30s", "100ms", "2d", "1w", "1y"] {
            assert!(is_prometheus_duration(text), "{text}");
        }
        for text in ["", "1", "m", "1m])", "1.5m", "-1m", "1m ", "1µs"] {
            assert!(!is_prometheus_duration(text), "{text}");
        }
    }
}
