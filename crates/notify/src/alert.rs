//! What is told, and to whom it is worth telling.

use trueup_kinds::canary::{AlertSeverity, Canary, Strategy};
use trueup_object::Text;

/// Something that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The Canary's name.
    pub name: Text,
    /// Its namespace.
    pub namespace: Text,
    /// The words.
    pub message: String,
    /// How much it matters.
    pub severity: AlertSeverity,
    /// What is told beside it, in order.
    pub fields: Vec<AlertField>,
}

impl Alert {
    /// `NAME.NAMESPACE`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }
}

/// Something told beside an alert's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertField {
    /// What it is.
    pub name: String,
    /// What it is like.
    pub value: String,
}

impl AlertField {
    /// A field.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// Whether somebody who asked for alerts from `least` on is told of this one.
#[must_use]
pub fn is_wanted(least: AlertSeverity, severity: AlertSeverity) -> bool {
    severity >= least
}

/// The fields of an alert at the beginning of something, which tell how the
/// Canary is set up.
#[must_use]
pub fn alert_fields(canary: &Canary) -> Vec<AlertField> {
    let spec = &canary.spec;
    let target = &spec.target_ref;
    let namespace = &canary.metadata.namespace;
    let deadline = spec.progress_deadline_or_default().as_secs();
    let mut fields = vec![
        AlertField::new(
            "Target",
            format!("{}/{}.{namespace}", target.kind, target.name),
        ),
        AlertField::new(
            "Failed checks threshold",
            spec.analysis.threshold_or_default().to_string(),
        ),
        AlertField::new("Progress deadline", format!("{deadline}s")),
    ];
    let routing = traffic_routing(canary);
    fields.extend(routing.map(|value| AlertField::new("Traffic routing", value)));
    fields
}

fn traffic_routing(canary: &Canary) -> Option<String> {
    let analysis = &canary.spec.analysis;
    let max = analysis.max_weight;
    match canary.spec.strategy() {
        Strategy::AbTesting => Some("A/B Testing".to_owned()),
        Strategy::BlueGreen => Some("Blue/Green".to_owned()),
        Strategy::Canary if analysis.step_weight > 0 => {
            Some(format!("Weight step: {} max: {max}", analysis.step_weight))
        }
        Strategy::Canary if !analysis.step_weights.is_empty() => {
            let steps: Vec<String> = analysis.step_weights.iter().map(i64::to_string).collect();
            Some(format!("Weight steps: {} max: {max}", steps.join(",")))
        }
        Strategy::Canary => None,
    }
}
