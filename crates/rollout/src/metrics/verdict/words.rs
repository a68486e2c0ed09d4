//! The words of events about verdicts: Flagger's.

use super::super::{BuiltinCheck, Check, CheckSource, Observer, QueryError, TemplateModel};
use super::{CheckSubject, Excess, is_success_rate};
use trueup_gocompat::{GoDuration, format_duration, format_float};

/// What a value is and which bound it is beyond.
pub(super) fn excess_words(check: &Check, value: f64, excess: Excess) -> String {
    let (sign, bound) = match excess {
        Excess::Below(bound) => ('<', bound),
        Excess::Above(bound) => ('>', bound),
    };
    match check.source {
        CheckSource::Builtin(BuiltinCheck::SuccessRate) => {
            let (value, bound) = (two_digits(value), format_float(bound));
            format!("success rate {value}% {sign} {bound}%")
        }
        CheckSource::Builtin(BuiltinCheck::Duration) => {
            let (value, bound) = (duration_beside(value, bound), duration(bound));
            format!("request duration {value} {sign} {bound}")
        }
        _ => {
            let (value, bound) = (two_digits(value), format_float(bound));
            format!("{} {value} {sign} {bound}", check.name)
        }
    }
}

/// Go's `%.2f`.
pub(super) fn two_digits(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.2}")
    } else {
        format_float(value)
    }
}

/// A duration in Go's notation, of milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range becomes the nearest in it, as is wanted"
)]
pub(super) fn duration(milliseconds: f64) -> String {
    let nanoseconds = (milliseconds * 1e6).round() as i64;
    let whole = format_duration(
        GoDuration {
            nanoseconds: nanoseconds.saturating_abs(),
        }
        .to_std()
        .unwrap_or_default(),
    );
    if nanoseconds < 0 {
        format!("-{whole}")
    } else {
        whole
    }
}

/// A measured duration in whole milliseconds, as Flagger shows it, unless it
/// would then look like the bound that it is beyond: then in microseconds.
fn duration_beside(measured: f64, bound: f64) -> String {
    let whole = measured.trunc();
    if whole == bound.trunc() || bound.fract() != 0.0 {
        duration((measured * 1000.0).round() / 1000.0)
    } else {
        duration(whole)
    }
}

/// Why there is nothing to judge.
pub(super) fn no_data_message(
    check: &Check,
    subject: CheckSubject<'_>,
    error: &QueryError,
) -> String {
    let TemplateModel {
        target, namespace, ..
    } = subject.model;
    let name = &check.name;
    match check.source {
        CheckSource::Builtin(builtin) => {
            let provider = subject.metrics_provider;
            let reason = match builtin {
                BuiltinCheck::SuccessRate => format!(": {}", builtin_error(check, subject, error)),
                BuiltinCheck::Duration => String::new(),
            };
            format!(
                "Halt advancement no values found for {provider} metric {name} \
                 probably {target}.{namespace} is not receiving traffic{reason}"
            )
        }
        CheckSource::Inline(_) => format!("Halt advancement no values found for metric: {name}"),
        CheckSource::Template { .. } | CheckSource::Missing => {
            format!("Halt advancement no values found for custom metric: {name}: {error}")
        }
    }
}

/// Why a question has no answer.
pub(super) fn error_message(
    check: &Check,
    subject: CheckSubject<'_>,
    error: &QueryError,
) -> String {
    let name = &check.name;
    match check.source {
        CheckSource::Builtin(_) => format!(
            "Prometheus query failed: {}",
            builtin_error(check, subject, error)
        ),
        CheckSource::Inline(_) => format!("Prometheus query failed for {name}: {error}"),
        CheckSource::Template { .. } => format!("Metric query failed for {name}: {error}"),
        CheckSource::Missing => {
            "Metric query failed for no usable metrics template and query were configured"
                .to_owned()
        }
    }
}

fn builtin_error(check: &Check, subject: CheckSubject<'_>, error: &QueryError) -> String {
    let observer = Observer::of_provider(subject.metrics_provider);
    if is_success_rate(check) && !observer.wraps_success_rate_errors() {
        return error.to_string();
    }
    format!("running query failed: {error}")
}
