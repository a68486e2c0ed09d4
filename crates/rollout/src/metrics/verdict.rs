//! What is made of a check's answer, in Flagger's words.

mod words;

use super::{Bounds, BuiltinCheck, Check, CheckSource, QueryError, TemplateModel};
use trueup_gocompat::format_float;
use trueup_kinds::canary::MetricReading;
use words::{duration, error_message, excess_words, no_data_message, two_digits};

/// A number that a provider answered with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The number that is judged.
    pub value: f64,
    /// Among how many series it is the one that is taken: more than one means
    /// that the query doesn't say which it wants.
    pub series: usize,
}

impl Answer {
    /// The only number there was.
    #[must_use]
    pub const fn only(value: f64) -> Self {
        Self { value, series: 1 }
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The value is within bounds.
    Passed {
        /// The value; durations in milliseconds.
        value: f64,
        /// What a person should know nevertheless.
        note: Option<String>,
    },
    /// The value is out of bounds.
    Failed {
        /// The value; durations in milliseconds.
        value: f64,
        /// The event's words.
        message: String,
    },
    /// There is nothing to judge: no series, no number, too few samples.
    NoData {
        /// The event's words.
        message: String,
    },
    /// The question could not be asked, or was not answered.
    Error {
        /// The event's words.
        message: String,
    },
}

/// The classes of verdicts, each of which may have a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictClass {
    /// See [`Verdict::Passed`].
    Passed,
    /// See [`Verdict::Failed`].
    Failed,
    /// See [`Verdict::NoData`].
    NoData,
    /// See [`Verdict::Error`].
    Error,
}

impl Verdict {
    /// Its class.
    #[must_use]
    pub const fn class(&self) -> VerdictClass {
        match self {
            Self::Passed { .. } => VerdictClass::Passed,
            Self::Failed { .. } => VerdictClass::Failed,
            Self::NoData { .. } => VerdictClass::NoData,
            Self::Error { .. } => VerdictClass::Error,
        }
    }

    /// The words of the warning; none where the check passed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Passed { .. } => None,
            Self::Failed { message, .. } | Self::NoData { message } | Self::Error { message } => {
                Some(message)
            }
        }
    }

    /// The value that was judged; durations in milliseconds.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        match self {
            Self::Passed { value, .. } | Self::Failed { value, .. } => Some(*value),
            Self::NoData { .. } | Self::Error { .. } => None,
        }
    }
}

/// Whom a verdict's words speak of.
#[derive(Clone, Copy, Debug)]
pub struct CheckSubject<'a> {
    /// Names of the Canary and its target.
    pub model: &'a TemplateModel,
    /// See [`super::metrics_provider`].
    pub metrics_provider: &'a str,
}

/// The verdict on a check's answer, a duration in milliseconds.
#[must_use]
pub fn judge(
    check: &Check,
    subject: CheckSubject<'_>,
    answer: Result<Answer, QueryError>,
) -> Verdict {
    match answer {
        Ok(answer) => judge_value(check, subject, answer),
        Err(error) if error.is_no_data() => Verdict::NoData {
            message: no_data_message(check, subject, &error),
        },
        Err(error) => Verdict::Error {
            message: error_message(check, subject, &error),
        },
    }
}

fn judge_value(check: &Check, subject: CheckSubject<'_>, answer: Answer) -> Verdict {
    let value = answer.value;
    let Some(excess) = out_of_bounds(check, value) else {
        return Verdict::Passed {
            value,
            note: many_series_note(check, answer),
        };
    };
    let canary = subject.model.canary();
    let words = excess_words(check, value, excess);
    Verdict::Failed {
        value,
        message: format!("Halt {canary} advancement {words}"),
    }
}

fn many_series_note(check: &Check, answer: Answer) -> Option<String> {
    (answer.series > 1).then(|| {
        format!(
            "the query of {} returned {} series, of which the last was taken",
            check.name, answer.series
        )
    })
}

/// A value as a person reads it, durations given in milliseconds: beside what
/// passes, in the words of the events.
#[must_use]
pub fn reading(check: &Check, value: f64) -> MetricReading {
    let (value, bound): (String, fn(f64) -> String) = match check.source {
        CheckSource::Builtin(BuiltinCheck::SuccessRate) => {
            (two_digits(value) + "%", |bound| format_float(bound) + "%")
        }
        CheckSource::Builtin(BuiltinCheck::Duration) => {
            (duration((value * 1000.0).round() / 1000.0), duration)
        }
        _ => (two_digits(value), format_float),
    };
    let threshold = match limits(check) {
        (None, None) => String::new(),
        (Some(least), None) => format!("at least {}", bound(least)),
        (None, Some(most)) => format!("at most {}", bound(most)),
        (Some(least), Some(most)) => format!("{} to {}", bound(least), bound(most)),
    };
    MetricReading {
        metric: check.name.clone(),
        value: value.into(),
        threshold: threshold.into(),
        interval: check.interval.clone(),
    }
}

/// A bound that a value is beyond.
#[derive(Clone, Copy)]
enum Excess {
    Below(f64),
    Above(f64),
}

fn out_of_bounds(check: &Check, value: f64) -> Option<Excess> {
    let (min, max) = limits(check);
    let below = min.filter(|min| value < *min).map(Excess::Below);
    below.or_else(|| max.filter(|max| value > *max).map(Excess::Above))
}

/// The least and the most that passes.
fn limits(check: &Check) -> (Option<f64>, Option<f64>) {
    match check.bounds {
        Bounds::Range(range) => (range.min, range.max),
        Bounds::Threshold(least) if is_success_rate(check) => (Some(least), None),
        Bounds::Threshold(most) => (None, Some(most)),
    }
}

fn is_success_rate(check: &Check) -> bool {
    check.source == CheckSource::Builtin(BuiltinCheck::SuccessRate)
}

#[cfg(test)]
mod tests;
