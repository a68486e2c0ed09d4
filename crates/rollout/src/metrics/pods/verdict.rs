//! The verdict of a check that asks the Pods.

use super::super::statistics::{ComparisonOutcome, ComparisonPolicy, OrderedCounts, compare};
use super::super::{
    Answer, BuiltinCheck, Check, CheckSource, CheckSubject, QueryError, QueryRenderer,
    TemplateModel, Verdict, judge,
};
use super::settings::PODS;
use super::{BuiltinSource, PodsQuery, PodsSettings, RequestCounts, RequestDurations, Window};
use trueup_kinds::canary::MetricTemplateSpec;

/// All that a check of Pods is judged by.
#[derive(Clone, Copy, Debug)]
pub struct PodsContext<'a> {
    /// The Canary's names.
    pub model: &'a TemplateModel,
    /// How Pods are asked.
    pub settings: &'a PodsSettings,
    /// What the canary's Pods did.
    pub canary: &'a Window,
    /// What the primary's Pods did.
    pub primary: &'a Window,
    /// Why no Pod of the canary could be asked, if none could.
    pub problem: Option<&'a str>,
}

/// Whether a check is answered by the Pods: a builtin one if the Canary says
/// so, one with a template if that does.
#[must_use]
pub fn asks_pods(
    check: &Check,
    settings: &PodsSettings,
    template: Option<&MetricTemplateSpec>,
) -> bool {
    match check.source {
        CheckSource::Builtin(_) => settings.builtin_checks == BuiltinSource::Pods,
        CheckSource::Template { .. } => template.is_some_and(|it| it.provider.kind == PODS),
        CheckSource::Inline(_) | CheckSource::Missing => false,
    }
}

/// The query of a template that asks Pods.
///
/// # Errors
/// The verdict on a check whose query is none.
pub fn pods_query(
    check: &Check,
    model: &TemplateModel,
    template: &MetricTemplateSpec,
    render: QueryRenderer<'_>,
) -> Result<PodsQuery, Verdict> {
    let model = model.for_metric(&check.interval, &check.variables);
    let failed = |words: String| {
        let template = match &check.source {
            CheckSource::Template { name, namespace } => format!("{name}.{namespace} "),
            _ => String::new(),
        };
        Verdict::Error {
            message: format!("Metric template {template}query {words}"),
        }
    };
    let query = render(&template.query, &model)
        .map_err(|error| failed(format!("render error: {error}")))?;
    PodsQuery::parse(&query).map_err(|error| failed(format!("error: {error}")))
}

/// The verdict on a check. `query` is that of the template, for a check with
/// one.
#[must_use]
pub fn judge_pods(check: &Check, context: PodsContext<'_>, query: Option<&PodsQuery>) -> Verdict {
    if let Some(problem) = context.problem {
        return Verdict::Error {
            message: format!("Metric query failed for {}: {problem}", check.name),
        };
    }
    let subject = CheckSubject {
        model: context.model,
        metrics_provider: PODS,
    };
    let value = match (&check.source, query) {
        (CheckSource::Builtin(builtin), _) => builtin_value(*builtin, context),
        (_, Some(query)) => query.value(context.canary),
        (_, None) => Err(QueryError::failed("there is no query for Pods")),
    };
    let verdict = judge(check, subject, value.map(Answer::only));
    match (&verdict, context.settings.comparison_of(&check.source)) {
        (Verdict::Passed { value, .. }, Some(policy)) => compared(check, context, policy, *value),
        _ => verdict,
    }
}

fn builtin_value(builtin: BuiltinCheck, context: PodsContext<'_>) -> Result<f64, QueryError> {
    let (window, settings) = (context.canary, context.settings);
    if window.seconds() <= 0.0 || window.pods() == 0 {
        return Err(QueryError::no_values_because(
            "the Pods were looked at once only so far",
        ));
    }
    let unknown = |what| QueryError::no_values_because(format!("the Pods tell of no known {what}"));
    let (value, count) = match builtin {
        BuiltinCheck::SuccessRate => {
            let requests = RequestCounts::of_window(window, settings);
            let requests = requests.ok_or_else(|| unknown("counter of requests"))?;
            (requests.success_rate(), requests.all)
        }
        BuiltinCheck::Duration => {
            let durations = RequestDurations::of_window(window, settings);
            let durations = durations.ok_or_else(|| unknown("durations of requests"))?;
            (durations.milliseconds(), durations.count())
        }
    };
    let least = settings.least_requests.max(1);
    match value {
        Some(value) if super::histogram::whole(count) >= least => Ok(value),
        _ => Err(QueryError::no_values_because(format!(
            "{count} requests, of at least {least} that are needed"
        ))),
    }
}

fn compared(
    check: &Check,
    context: PodsContext<'_>,
    policy: ComparisonPolicy,
    value: f64,
) -> Verdict {
    let name = &check.name;
    let counts = match counts_of(check, context) {
        Ok(counts) => counts,
        Err(reason) => {
            return Verdict::Error {
                message: format!("Metric query failed for {name}: {reason}"),
            };
        }
    };
    let comparison = compare(&counts, policy);
    let numbers = comparison.numbers(policy);
    match comparison.outcome {
        ComparisonOutcome::NotWorse => Verdict::Passed {
            value,
            note: Some(format!("{name} is not worse than the primary's: {numbers}")),
        },
        ComparisonOutcome::Worse => Verdict::Failed {
            value,
            message: format!(
                "Halt {} advancement {name} is worse than the primary's: {numbers}",
                context.model.canary()
            ),
        },
        ComparisonOutcome::TooFewSamples if comparison.canary_samples < policy.least_samples => {
            Verdict::NoData {
                message: format!(
                    "Halt advancement too few samples to compare {name} with the primary's: \
                     {} of the canary, of at least {} that are needed",
                    comparison.canary_samples, policy.least_samples
                ),
            }
        }
        // The primary has no traffic once the canary has it all, which is not
        // the canary's fault.
        ComparisonOutcome::TooFewSamples => Verdict::Passed {
            value,
            note: Some(format!(
                "{name} was not compared: {} samples of the primary, of at least {}",
                comparison.primary_samples, policy.least_samples
            )),
        },
    }
}

fn counts_of(check: &Check, context: PodsContext<'_>) -> Result<OrderedCounts, String> {
    let settings = context.settings;
    if check.source == CheckSource::Builtin(BuiltinCheck::SuccessRate) {
        let outcomes = |window| {
            let counts = RequestCounts::of_window(window, settings);
            counts.unwrap_or_default().outcomes()
        };
        let (canary_failed, canary_good) = outcomes(context.canary);
        let (primary_failed, primary_good) = outcomes(context.primary);
        let counts = [(canary_failed, primary_failed), (canary_good, primary_good)];
        return OrderedCounts::new(counts).map_err(|error| error.to_string());
    }
    let durations = |window| RequestDurations::of_window(window, settings);
    match (durations(context.canary), durations(context.primary)) {
        (
            Some(RequestDurations::Histogram { histogram, .. }),
            Some(RequestDurations::Histogram {
                histogram: primary, ..
            }),
        ) => histogram
            .counts_beside(&primary)
            .map_err(|error| error.to_string()),
        (Some(RequestDurations::Histogram { histogram, .. }), None) => histogram
            .counts_beside(&histogram.emptied())
            .map_err(|error| error.to_string()),
        _ => Err("durations can be compared by the buckets of a histogram only".to_owned()),
    }
}
